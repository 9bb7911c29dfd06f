import type { Actor } from './actor.js';
import type { Instant } from './clock.js';
import type { KeyRing } from './crypto.js';
import type { Db } from './db.js';
import type { EventType, FedEvent, NewEvent } from './event.js';
import type { LicenseId, TenantId } from './id.js';

/** Where a caller is. */
export interface Place {
  /** Where it connects from, as far as a trusted proxy or the socket tells. */
  readonly address: string | undefined;
  /**
   * The country of that address by the operator's file: null where the file is to say and does not, undefined where the
   * device's own word has to do.
   */
  readonly country: string | null | undefined;
}

/** One read-only look at one tenant: what every query function takes first. */
export interface Reading extends Place {
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
  /** Takes down a secret that led nowhere: of whoever shows many of them auditors are told. */
  missed(): Promise<void>;
}

/**
 * One transaction with its actor and its instant, passed by hand as the first argument of every act.
 * It is begun and ended by server/operation/operation.ts alone.
 */
export interface Work extends Reading {
  readonly requestId: string;
  /** The Idempotency-Key under which the act is done once. */
  readonly idempotencyKey: string | undefined;
  readonly settings: WorkSettings;
  /** Takes over a statement that was sent: the commit follows it without waiting, and fails as it does. */
  send(statement: Promise<unknown>): void;
  /** Writes the fact in this transaction, then runs what must follow it in the same transaction. */
  emit(event: NewEvent): Promise<void>;
  /** The same for many facts of one act, in the statements of one. */
  emitAll(events: readonly NewEvent[]): Promise<void>;
}

/** From where on the server takes something for an incident; 0 is never. */
export interface IncidentSettings {
  /** More devices than so many, activated on one license within an hour. */
  readonly activations: number;
  /** A device that was faster than so many kilometres an hour. */
  readonly travelKmPerHour: number;
}

export interface WorkSettings {
  readonly leaseSeconds: number;
  /** How long a signed entitlement set may be decided by. */
  readonly entitlementSeconds: number;
  /** How old a request of a device without a connection may be, and how long its seat is kept. */
  readonly offlineCodeDays: number;
  /** How long a license file holds at the most. */
  readonly licenseFileDays: number;
  readonly incidents: IncidentSettings;
  /** Whether webhooks may lead into private networks: in development. */
  readonly privateWebhooks: boolean;
}

/** Acts of later domains that have to happen with an event of an earlier one, in its transaction. */
export type Follower = (work: Work, event: NewEvent) => Promise<void>;
export type Followers = Readonly<Partial<Record<EventType, readonly Follower[]>>>;

/** Finds what an event speaks of, as its reader sees it. The function is the identity of what is found. */
export type EventLook<Result> = (reading: Reading, event: FedEvent) => Promise<Result>;
/** The same for many at once, each found in its place. */
export type EventsLook<Result> = (
  reading: Reading,
  events: readonly FedEvent[],
) => Promise<readonly Result[]>;

/** The events of a tenant as they are numbered, in their order. */
export interface Followed extends AsyncIterableIterator<FedEvent> {
  /** All of a greater number come; what has it or a smaller one was handed out before. */
  readonly from: number;
  /** The number of what was handed out last, taken or not. */
  readonly newest: number;
  /** What waits to be taken, up to so many; nothing if nothing does. */
  take(most: number): FedEvent[];
}

/** What a subscription stands on: the tenant's events as they are numbered, and short looks as the subscriber. */
export interface Watch {
  follow(): Promise<Followed>;
  ask<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result>;
  /** A look at what an event speaks of, taken once for all subscribers who see the same part of the tenant. */
  askOfEvent<Result>(event: FedEvent, look: EventLook<Result>): Promise<Result>;
  /** The same at what many events speak of: one look for those that nobody has looked at. */
  askOfEvents<Result>(events: readonly FedEvent[], look: EventsLook<Result>): Promise<readonly Result[]>;
  /** A look that says the same under this name for a second, taken once for those of them who ask for it. */
  askAlike<Result>(name: string, look: (reading: Reading) => Promise<Result>): Promise<Result>;
}

/** What one of many callers is answered; `isEffective` if something was done for it that its key must never do again. */
export interface Coalesced<Answer> {
  readonly payload: Answer;
  readonly isEffective: boolean;
}

/**
 * Does for many callers of one tenant what each of them asks, in one transaction over that tenant. Those who are answered
 * undefined have to ask again: nothing was done for them.
 */
export interface CoalescedAct<Request, Answer> {
  (work: Work, requests: readonly Request[]): Promise<readonly (Coalesced<Answer> | undefined)[]>;
  /** It waits for no rows that another holds: when many ask, two of its transactions are open at a time. */
  readonly isPaired?: boolean;
}

/** Whatever is remembered says until when it holds, unless a license of the tenant changes; null is for good. */
export interface Perishable {
  readonly until: Instant | null;
}

export interface Recollection<Value> {
  readonly value: Value;
  /** Read for this very question: there is nothing newer to be read. */
  readonly isFresh: boolean;
}

/** What an application in the field shows of itself. */
export type ShownSecret = 'LICENSE_KEY' | 'ACTIVATION_TOKEN';

/** Where a secret led, and the hash under which it is kept. */
export interface Entered {
  readonly licenseId: LicenseId;
  readonly hash: string;
}

/** What a mutation stands on that is done together with those of others: short looks, and a share in a transaction. */
export interface Coalescing {
  readonly actor: Actor;
  readonly place: Place;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;
  /**
   * The license that a secret leads to, looked up together with those of others. An application that came without a token
   * of its own is that license's from here on. What belongs to another tenant than the caller's is not found.
   */
  enter(kind: ShownSecret, secret: string): Promise<Entered | undefined>;
  /** A look in a snapshot of its own, which holds its connection no longer than it takes. */
  look<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result>;
  /** What was read under this name some moments ago at most, or what is read now. */
  recollect<Value extends Perishable>(
    name: string,
    load: (reading: Reading) => Promise<Value>,
  ): Promise<Recollection<Value>>;
  /** What is read for this very question, because what was remembered refuses: shared by all who ask for it at once. */
  renew<Value extends Perishable>(name: string, load: (reading: Reading) => Promise<Value>): Promise<Value>;
  /** Asks for a share in the next transaction of this act; whoever waits for it holds no connection. */
  coalesce<Request, Answer>(
    act: CoalescedAct<Request, Answer>,
    request: Request,
  ): Promise<Answer | undefined>;
  /** A short rest, before what somebody else holds at this moment is asked for again. */
  pause(): Promise<void>;
}
