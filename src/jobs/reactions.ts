import type { SealedFact } from '../audit/model.js';
import { awaitedInvoices, matchWebhooks } from '../billing/jobs/inbound.js';
import { payBack } from '../billing/jobs/payBack.js';
import type { Db } from '../core/db.js';
import type { EventType } from '../core/event.js';
import { enqueueJobs, type Job, type QueuedJob, type ReactionPayload } from '../core/job.js';
import { mailedFacts, sendAgain, tellByMail } from '../notifications/jobs/mail.js';
import { wantedMail } from '../notifications/queries/wantedMail.js';

/** A job that a fact of the log makes necessary. It is run at least once for each, and tells one from another by its id. */
export interface Reaction {
  readonly job: Job<ReactionPayload>;
  /** Leaves out, before anything is queued, facts that nobody waits for: one look for all of a batch. */
  readonly wanted?: (db: Db, facts: readonly SealedFact[]) => Promise<readonly SealedFact[]>;
  /** It may come by the thousand, and nothing else is to stand behind it. */
  readonly waits?: boolean;
}

export interface Reactions {
  /** What follows facts of one type. */
  readonly to: Readonly<Partial<Record<EventType, readonly Reaction[]>>>;
  /** What follows facts of any type. */
  readonly toAll: readonly Reaction[];
}

/** A list of 10,000 licenses is 10,000 mails: a payment that comes meanwhile, and the rest of the list, go before them. */
const mailed: Reactions['to'] = Object.fromEntries(
  mailedFacts.map((type) => [type, [{ job: tellByMail, wanted: wantedMail, waits: true }]]),
);

/** Event → job. What has to happen in the same transaction as the fact stands in server/events/followers.ts. */
export const reactions: Reactions = {
  to: {
    ...mailed,
    'invoice.created': [
      ...(mailed['invoice.created'] ?? []),
      { job: matchWebhooks, wanted: awaitedInvoices },
    ],
    'invoice.refund_requested': [{ job: payBack }],
    'notification.resent': [{ job: sendAgain }],
  },
  toAll: [],
};

/** Every job that is a reaction, once. */
export function reactionJobs({ to, toAll }: Reactions): Job<ReactionPayload>[] {
  const all = [...Object.values(to).flatMap((list) => list ?? []), ...toAll];
  return [...new Set(all.map(({ job }) => job))];
}

function queued(
  { job, waits = false }: Reaction,
  { tenantId, sequence, eventId, type }: SealedFact,
): QueuedJob {
  const payload: ReactionPayload = { tenantId, sequence, eventId, type };
  return { name: job.name, payload, key: `${job.name}:${tenantId}:${eventId}`, waits };
}

async function queuedBy(db: Db, reaction: Reaction, facts: readonly SealedFact[]): Promise<QueuedJob[]> {
  if (facts.length === 0) return [];
  const wanted = reaction.wanted === undefined ? facts : await reaction.wanted(db, facts);
  return wanted.map((fact) => queued(reaction, fact));
}

/**
 * Queues what facts make necessary, in the transaction that numbers them: each fact is numbered once, so that none is
 * passed over, whatever the order in which transactions commit, and none is queued twice.
 */
export async function enqueueReactions(
  db: Db,
  facts: readonly SealedFact[],
  { to, toAll }: Reactions = reactions,
): Promise<void> {
  const byReaction = new Map<Reaction, SealedFact[]>();
  for (const fact of facts) {
    for (const reaction of [...(to[fact.type] ?? []), ...toAll]) {
      const list = byReaction.get(reaction) ?? [];
      list.push(fact);
      byReaction.set(reaction, list);
    }
  }
  const jobs: QueuedJob[] = [];
  for (const [reaction, list] of byReaction) jobs.push(...(await queuedBy(db, reaction, list)));
  await enqueueJobs(db, jobs);
}
