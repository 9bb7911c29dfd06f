import { DAY_MILLIS } from '../../core/clock.js';
import type { ChainEnd } from './chain.js';

/** A checkpoint is a signed word for the end of a chain: who keeps it finds a tail that was cut and a head that was rewritten. */
export const CHECKPOINT = 'auditCheckpoint';
/** As long as any law asks for books to be kept. */
export const CHECKPOINT_SECONDS = (11 * 366 * DAY_MILLIS) / 1000;
/** Who has waited for so long, or with so many events, is signed for. */
export const CHECKPOINT_MILLIS = 300_000;
export const CHECKPOINT_EVENTS = 1000;

export interface Checkpoint extends ChainEnd {
  readonly token: string;
}

export interface CheckpointClaims {
  readonly tenant: string;
  readonly sequence: number;
  readonly hash: string;
  /** Up to there the retention of the tenant deletes; the rest begins behind it. */
  readonly boundary: boolean;
}

export function checkpointClaims(tenant: string, { sequence, hash }: ChainEnd, boundary = false) {
  return { tenant, sequence, hash, ...(boundary ? { boundary } : {}) };
}

/** What a token claims, if it has the form; whether it was signed is another question. */
export function claimsOf(payload: Readonly<Record<string, unknown>>): CheckpointClaims | undefined {
  const { tenant, sequence, hash, boundary } = payload;
  if (typeof tenant !== 'string' || typeof hash !== 'string') return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0) return undefined;
  return { tenant, sequence, hash, boundary: boundary === true };
}

function partOf(token: string, part: number): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(
      Buffer.from(token.split('.')[part] ?? '', 'base64url').toString('utf8'),
    );
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** The same, of a token whose signature nobody has looked at. */
export function claimedBy(token: string): CheckpointClaims | undefined {
  const payload = partOf(token, 1);
  return payload === undefined ? undefined : claimsOf(payload);
}

/** The key that a token says it was signed with. */
export function kidOf(token: string): string {
  const kid = partOf(token, 0)?.kid;
  return typeof kid === 'string' ? kid : '';
}
