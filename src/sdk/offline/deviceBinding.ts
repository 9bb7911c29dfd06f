import { base64url, type CryptoKey } from 'jose';
import { orNull, type Read, record, text, whole } from './shape.js';

/** What tells a device from others, as the device reports it. */
export interface DeviceFacts {
  readonly deviceFingerprint: string;
  readonly hardwareId?: string | null | undefined;
  readonly macAddress?: string | null | undefined;
  readonly user?: string | null | undefined;
}

/**
 * What binds a document to a device. Whoever has the device's facts finds the same marks; whoever has the document
 * alone has to try fingerprints at a hundred thousand hashes each, and cannot try hardware ids, MAC addresses or users
 * at all: they are marked under a key that only the fingerprint opens. (There are 2^24 MAC addresses of a maker: hashed
 * with a salt alone they are found in seconds.)
 */
export interface DeviceBinding {
  readonly salt: string;
  readonly iterations: number;
  readonly fingerprint: string;
  readonly hardwareId: string | null;
  readonly macAddress: string | null;
  readonly user: string | null;
}

/** 40 ms of one core; the fingerprint is asked once at a start, not for each request. */
const ITERATIONS = 100_000;
const SALT_BYTES = 16;

/** 32 bytes. */
const mark = text(43, 43);
export const readDeviceBinding: Read<DeviceBinding> = record<DeviceBinding>({
  salt: text(22, 22),
  iterations: whole(1, 1_000_000),
  fingerprint: mark,
  hardwareId: orNull(mark),
  macAddress: orNull(mark),
  user: orNull(mark),
});

const utf8 = (value: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(value));

/** One text for `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.…` and no marks at all. */
function plainMac(value: string): string {
  return value.replace(/[^0-9A-Za-z]/g, '').toUpperCase();
}

/** The key that a fingerprint opens: PBKDF2 with SHA-256 (RFC 8018, section 5.2). */
async function markingKey(fingerprint: string, salt: string, iterations: number): Promise<CryptoKey> {
  const secret = await crypto.subtle.importKey('raw', utf8(fingerprint), 'PBKDF2', false, ['deriveKey']);
  const derivation = {
    name: 'PBKDF2',
    hash: 'SHA-256',
    salt: new Uint8Array(base64url.decode(salt)),
    iterations,
  };
  return crypto.subtle.deriveKey(derivation, secret, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, [
    'sign',
  ]);
}

async function markOf(key: CryptoKey, kind: string, value: string): Promise<string> {
  const digest = await crypto.subtle.sign('HMAC', key, utf8(`${kind}\0${value}`));
  return base64url.encode(new Uint8Array(digest));
}

async function marks(facts: DeviceFacts, salt: string, iterations: number): Promise<DeviceBinding> {
  const key = await markingKey(facts.deviceFingerprint, salt, iterations);
  const markIf = (kind: string, value: string | null | undefined): Promise<string> | null =>
    value ? markOf(key, kind, value) : null;
  const mac = facts.macAddress ? plainMac(facts.macAddress) : null;
  return {
    salt,
    iterations,
    fingerprint: await markOf(key, 'fingerprint', facts.deviceFingerprint),
    hardwareId: await markIf('hardware_id', facts.hardwareId),
    macAddress: await markIf('mac_address', mac),
    user: await markIf('user', facts.user),
  };
}

/** Binds a document to a device. The salt is the document's own: two of them do not show that they are of one device. */
export function bindingOf(facts: DeviceFacts): Promise<DeviceBinding> {
  const salt = base64url.encode(crypto.getRandomValues(new Uint8Array(SALT_BYTES)));
  return marks(facts, salt, ITERATIONS);
}

/** The marks that a device's facts make with the salt of a binding: of the device that is bound they are the same. */
export function marksOf({ salt, iterations }: DeviceBinding, facts: DeviceFacts): Promise<DeviceBinding> {
  return marks(facts, salt, iterations);
}
