import type { Actor } from './actor.js';
import type { Instant } from './clock.js';
import type { KeyRing } from './crypto.js';
import type { Db } from './db.js';
import type { EventType, FedEvent, NewEvent } from './event.js';
import type { LicenseId, TenantId } from './id.js';

/** One read-only look at one tenant: what every query function takes first. */
export interface Reading {
  readonly db: Db;
  readonly actor: Actor;
  readonly now: Instant;
  /** Throws when the operation has entered no tenant yet. */
  readonly tenantId: TenantId;
  readonly keys: KeyRing;
  /** An application that came without a tenant proved which one it belongs to; it is `actor` from here on. */
  enter(tenantId: TenantId, actor: Actor): void;
  /** Counts that a license was shown by somebody without a token of his own; refused when it is shown too often. */
  admit(licenseId: LicenseId): Promise<void>;
}

/**
 * One transaction with its actor and its instant, passed by hand as the first argument of every act.
 * It is begun and ended by server/operation.ts alone.
 */
export interface Work extends Reading {
  readonly requestId: string;
  readonly settings: WorkSettings;
  /** Where the caller connects from, as far as a trusted proxy or the socket tells. */
  readonly address: string | undefined;
  /** Writes the fact in this transaction, then runs what must follow it in the same transaction. */
  emit(event: NewEvent): Promise<void>;
  /** The same for many facts of one act, in the statements of one. */
  emitAll(events: readonly NewEvent[]): Promise<void>;
}

export interface WorkSettings {
  readonly leaseSeconds: number;
}

/** Acts of later domains that have to happen with an event of an earlier one, in its transaction. */
export type Follower = (work: Work, event: NewEvent) => Promise<void>;
export type Followers = Readonly<Partial<Record<EventType, readonly Follower[]>>>;

/** Finds what an event speaks of, as its reader sees it. The function is the identity of what is found. */
export type EventLook<Result> = (reading: Reading, event: FedEvent) => Promise<Result>;

/** What a subscription stands on: the tenant's events as they are numbered, and short looks as the subscriber. */
export interface Watch {
  follow(): Promise<AsyncIterableIterator<FedEvent>>;
  ask<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result>;
  /** A look at what an event speaks of, taken once for all subscribers who see the same part of the tenant. */
  askOfEvent<Result>(event: FedEvent, look: EventLook<Result>): Promise<Result>;
}
