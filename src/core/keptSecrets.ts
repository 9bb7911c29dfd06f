import { randomBytes } from 'node:crypto';
import { addMillis, DAY_MILLIS, type Instant, instant, millis } from './clock.js';

/** A secret, encrypted; `until` is when an earlier one ends that still holds along. */
export interface KeptSecret {
  readonly ciphertext: string;
  readonly until: Instant | null;
}

/** For how long a secret that was replaced holds along. */
const OVERLAP_MILLIS = DAY_MILLIS;
/** Secrets that hold along at the most, whatever was rotated within a day. */
const SECRETS_LIMIT = 3;

/** Those that hold at this instant. */
export function currentSecrets(secrets: readonly KeptSecret[], now: Instant): KeptSecret[] {
  return secrets.filter(({ until }) => until === null || until > now);
}

/** The secrets after a rotation, the newest first. */
export function rotated(
  secrets: readonly KeptSecret[],
  ciphertext: string,
  now: Instant,
  endsOthers: boolean,
): KeptSecret[] {
  const until = addMillis(now, OVERLAP_MILLIS);
  const earlier = endsOthers ? [] : currentSecrets(secrets, now);
  const kept = earlier.map((secret) => ({ ...secret, until: secret.until ?? until }));
  return [{ ciphertext, until: null }, ...kept].slice(0, SECRETS_LIMIT);
}

/** Until when earlier secrets hold along. */
export function earlierSecretsUntil(secrets: readonly KeptSecret[], now: Instant): Instant | null {
  const ends = currentSecrets(secrets, now).flatMap(({ until }) => (until === null ? [] : millis(until)));
  return ends.length === 0 ? null : instant(Math.max(...ends));
}

/** As Standard Webhooks writes symmetric secrets: a prefix that secret scanners know, and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
