import type { Instant } from './clock.js';
import type { ActivationId, LicenseId } from './id.js';

/** A past-tense fact: `license.created`. Each domain's model lists its own, and a test holds the lists and what is emitted together. */
export type EventType = `${string}.${string}`;

/** What an act says of itself. It is stored as it stands: no secret goes in, and what is about people only into `personal`. */
export interface NewEvent {
  readonly type: EventType;
  /** The id of the thing that changed. */
  readonly subjectId: string;
  readonly licenseId?: LicenseId;
  readonly activationId?: ActivationId;
  readonly data?: Readonly<Record<string, unknown>>;
  /** What of it is about people: names, addresses, places. It is kept apart, and can be erased. */
  readonly personal?: Readonly<Record<string, unknown>>;
}

/** A fact as the feed hands it out: numbered, committed, in the tenant's one order. */
export interface FedEvent {
  readonly sequence: number;
  readonly id: string;
  readonly type: EventType;
  readonly subjectId: string;
  readonly licenseId: LicenseId | null;
  readonly activationId: ActivationId | null;
  readonly at: Instant;
}
