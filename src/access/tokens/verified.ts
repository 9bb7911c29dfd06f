import { hash } from 'node:crypto';
import type { UserActor } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';

/** A token takes less than a kilobyte here, its permissions included. */
const MOST = 10_000;

/** A token that was verified: whose it is, when, and with which key of its issuer. */
interface Verified {
  readonly actor: UserActor;
  readonly since: Instant;
  readonly key: unknown;
  /** The key that its issuer has for it now; refused as it would be then. */
  keyNow(): Promise<unknown>;
}

/**
 * Callers send the same token with each request, and a signature takes longer to verify than a small query to run. It is
 * remembered by its hash until it expires, the longest unused of too many forgotten. Its issuer's keys are asked each
 * time: one that was taken back verifies as long as before, and no longer.
 */
export class VerifiedTokens {
  /** In the order of their last use. */
  readonly #known = new Map<string, Verified>();

  /** Whose token this is; undefined is for the verifier to find out. */
  async find(token: string, now: Instant): Promise<UserActor | undefined> {
    const name = hashOf(token);
    const verified = this.#known.get(name);
    if (verified === undefined) return undefined;
    const { actor, since, key } = verified;
    this.#known.delete(name);
    if (since > now || actor.expiresAt === null || now >= actor.expiresAt) return undefined;
    this.#known.set(name, verified);
    const keyNow = await verified.keyNow().catch(() => undefined);
    if (keyNow === key) return actor;
    this.#known.delete(name);
    return undefined;
  }

  keep(token: string, verified: Verified): void {
    this.#known.set(hashOf(token), verified);
    if (this.#known.size <= MOST) return;
    const [longestUnused] = this.#known.keys();
    if (longestUnused !== undefined) this.#known.delete(longestUnused);
  }
}

function hashOf(token: string): string {
  return hash('sha256', token, 'base64');
}
