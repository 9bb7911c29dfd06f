/**
 * Audit owns the log of what happened: one event a change, written in the change's own transaction, never edited.
 * That log is the audit trail; subscriptions, webhooks and mail are reactions to it. Its events hang together by their
 * hashes (model/chain.ts), and signed checkpoints of where they end leave the database (model/checkpoint.ts).
 * It does not own the meaning of an event: each domain's model lists its own types.
 * Append-only by grants: no role has UPDATE or DELETE on the log and its seals. What is personal stands apart, to be erased.
 */

import type { EventType } from '../core/event.js';
import type { EventId, LicenseId, TenantId } from '../core/id.js';

/** The end of the trail was signed. It tells of no change, so that it makes no checkpoint necessary. */
export const CHECKPOINTED = 'audit.checkpointed';
export const auditEvents = [CHECKPOINTED] as const;

/** An event as the sealer numbered it, for whoever reacts to it. */
export interface SealedFact {
  readonly tenantId: TenantId;
  readonly sequence: number;
  readonly eventId: EventId;
  readonly type: EventType;
  readonly subjectId: string;
  readonly licenseId: LicenseId | null;
}

/** What an event records of who caused it. */
export interface EventCause {
  readonly actorKind: string;
  readonly requestId: string;
}
