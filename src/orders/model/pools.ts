/**
 * Pools own what a reseller may hand out: so many licenses of one template, on the terms that it had when the pool was made.
 * A license that is allocated takes a place; one that is revoked gives it back, if the pool says so, once.
 */
import type { Instant } from '../../core/clock.js';
import { Refusal } from '../../core/refusal.js';

export const poolEvents = ['pool.created', 'pool.updated', 'pool.allocated', 'pool.returned'] as const;

export const MOST_IN_POOL = 1_000_000;
/** How many licenses one allocation makes: all of them or none. */
export const MOST_ALLOCATED = 1_000;

interface PoolFacts {
  readonly id: string;
  readonly size: number;
  readonly allocated: number;
  readonly expiresAt: Instant | null;
}

export const availableIn = ({ size, allocated }: Pick<PoolFacts, 'size' | 'allocated'>): number =>
  size - allocated;

export function poolNotFound(id: string): Refusal {
  return new Refusal('LICENSE_POOL_NOT_FOUND', `There is no license pool ${id}.`, { id });
}

/** Who wants so many of a pool at an instant. */
export function requireAvailable(pool: PoolFacts, quantity: number, now: Instant): void {
  if (pool.expiresAt !== null && pool.expiresAt <= now) {
    const message = `The pool ended at ${pool.expiresAt}; nothing is allocated from it any more.`;
    throw new Refusal('LICENSE_POOL_EXPIRED', message, { expiresAt: pool.expiresAt });
  }
  const available = availableIn(pool);
  if (quantity <= available) return;
  const message = `The pool has ${available} licenses left, and ${quantity} are asked for: none was allocated.`;
  throw new Refusal('LICENSE_POOL_EXHAUSTED', message, { available, requested: quantity });
}
