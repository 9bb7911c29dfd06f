import { base64url, type JSONWebKeySet } from 'jose';
import type { Instant } from '../../core/clock.js';
import { readSeconds } from './licenseDocument.js';
import { among, listOf, readOr, record, text, whole } from './shape.js';
import { signedClaims } from './signature.js';

/** What a license may have become that no document says of it; suspension and switching off may be undone. */
export const lostStatuses = ['REVOKED', 'SUSPENDED', 'INACTIVE'] as const;
export type LostStatus = (typeof lostStatuses)[number];

export interface LostLicense {
  readonly id: string;
  readonly status: LostStatus;
}

/** What no longer holds although a document says so that is still valid by its dates. */
export interface RevokedContent {
  readonly licenses: readonly LostLicense[];
  readonly activations: readonly string[];
  readonly devices: readonly string[];
}

export interface RevocationList extends RevokedContent {
  readonly tenantId: string;
  /** Grows with every list that is signed: of two the one with the greater epoch is the later. */
  readonly epoch: number;
  readonly issuedAt: Instant;
  /** When the next one is expected. What an older list says stays true of what it names. */
  readonly expiresAt: Instant;
}

const MOST_ENTRIES = 1_000_000;
const entries = listOf(text(64), MOST_ENTRIES);
const lostLicense = record<LostLicense>({ id: text(36), status: among(lostStatuses) });
const readClaims = record({
  tenantId: text(50),
  epoch: whole(0, Number.MAX_SAFE_INTEGER),
  licenses: listOf(lostLicense, MOST_ENTRIES),
  activations: entries,
  devices: entries,
  iat: readSeconds,
  exp: readSeconds,
});

/** A list as it was fetched or carried here; undefined if it is not as one of these keys signed it. */
export async function openRevocationList(
  list: string,
  keys: JSONWebKeySet,
): Promise<RevocationList | undefined> {
  const signed = await signedClaims(list.trim(), keys, ['revocationList']);
  const read = signed === undefined ? undefined : readOr(readClaims, signed.claims);
  if (read === undefined) return undefined;
  const { iat, exp, ...content } = read;
  return { ...content, issuedAt: iat, expiresAt: exp };
}

/**
 * How a list and a document name a device: the hash of the keyed hash that the server keeps. Neither shows anything of
 * the device, and it leads nowhere in the server's own tables.
 */
export async function listedDevice(keyedHash: string): Promise<string> {
  const bytes = new TextEncoder().encode(`revocations\0${keyedHash}`);
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}
