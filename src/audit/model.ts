/**
 * Audit owns the log of what happened: one event a change, written in the change's own transaction, never edited.
 * That log is the audit trail; subscriptions, webhooks and mail will be reactions to it.
 * It does not own the meaning of an event: each domain's model lists its own types.
 * Append-only by grants: the application's role has no UPDATE and no DELETE on the table.
 */

/** What an event records of who caused it. */
export interface EventCause {
  readonly actorKind: string;
  readonly requestId: string;
}
