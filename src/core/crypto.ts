import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { TenantId } from './id.js';

/** One secret with the id under which its products are stored, so that secrets can rotate. */
export interface SecretKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The first of each list is used for new values; the others still read old ones. */
export interface KeyMaterial {
  readonly peppers: readonly SecretKey[];
  readonly encryption: readonly SecretKey[];
}

/** What is looked up by hash. The word enters the hash: one secret never stands for another kind. */
export type HashKind =
  | 'LICENSE_KEY'
  | 'ACTIVATION_TOKEN'
  | 'API_KEY'
  | 'FINGERPRINT'
  | 'HARDWARE_ID'
  | 'MAC_ADDRESS'
  | 'ADDRESS'
  | 'EMERGENCY_CODE'
  | 'PAYMENT_REFERENCE'
  | 'PAYMENT_ENDPOINT'
  | 'LICENSE_SEAL'
  | 'REQUEST';

export interface KeyRing {
  /** HMAC-SHA-256 under the current pepper: `<key id>.<base64url>`. Device facts are hashed within their tenant. */
  hash(kind: HashKind, value: string, tenantId?: TenantId): string;
  /** The value's hashes under every pepper, newest first: what a look-up compares with. */
  hashes(kind: HashKind, value: string, tenantId?: TenantId): string[];
  /** AES-256-GCM; `boundTo` is authenticated with it, so that a ciphertext moved to another row does not open. */
  encrypt(plaintext: string, boundTo: string): string;
  decrypt(ciphertext: string, boundTo: string): string;
}

function hashUnder(pepper: SecretKey, kind: HashKind, value: string, tenantId: TenantId | undefined): string {
  const digest = createHmac('sha256', pepper.bytes)
    .update(`${kind}\0${tenantId ?? ''}\0${value}`)
    .digest('base64url');
  return `${pepper.id}.${digest}`;
}

function encryptUnder(key: SecretKey, plaintext: string, boundTo: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, iv).setAAD(Buffer.from(boundTo));
  const sealed = Buffer.concat([iv, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${key.id}.${sealed.toString('base64url')}`;
}

function decryptUnder(key: SecretKey, sealed: Buffer, boundTo: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, 12))
    .setAAD(Buffer.from(boundTo))
    .setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('utf8');
}

export function keyRing(material: KeyMaterial): KeyRing {
  const [pepper] = material.peppers;
  const [encryption] = material.encryption;
  if (pepper === undefined || encryption === undefined)
    throw new Error('a key ring needs a pepper and a key');
  return {
    hash: (kind, value, tenantId) => hashUnder(pepper, kind, value, tenantId),
    hashes: (kind, value, tenantId) => material.peppers.map((each) => hashUnder(each, kind, value, tenantId)),
    encrypt: (plaintext, boundTo) => encryptUnder(encryption, plaintext, boundTo),
    decrypt: (ciphertext, boundTo) => {
      const [id, body = ''] = ciphertext.split('.');
      const key = material.encryption.find((each) => each.id === id);
      if (key === undefined) throw new Error(`no encryption key has the id ${id}`);
      return decryptUnder(key, Buffer.from(body, 'base64url'), boundTo);
    },
  };
}

/** 160 random bits, of which whoever makes a code that people type takes some. */
export function randomBits(): Uint8Array {
  return randomBytes(20);
}

/** 256 random bits behind a prefix that secret scanners can find. */
export function newToken(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}
