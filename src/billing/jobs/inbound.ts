import { and, eq, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { SealedFact } from '../../audit/model.js';
import { addDays } from '../../core/clock.js';
import { committed, type Db } from '../../core/db.js';
import {
  enqueueJobs,
  type Job,
  type JobContext,
  parseReaction,
  parseSweep,
  type ReactionPayload,
  type SweepPayload,
} from '../../core/job.js';
import { isLockTimeout } from '../../core/lockTimeout.js';
import { SWEEP_BATCH, sweep } from '../../core/sweep.js';
import {
  ATTEMPTS_LIMIT,
  BODY_DAYS,
  type InboundReason,
  type InboundWebhookId,
  nextMatch,
  nextTry,
  PROCESS_INBOUND,
  ROW_DAYS,
} from '../model/inbound.js';
import { readEvent } from '../model/inboundEvents.js';
import { type PaymentFact, parseBody } from '../model/paymentFacts.js';
import { bodiesById } from '../queries/inboundBodies.js';
import { findReferredInvoice } from '../service/references.js';
import { setAside, settleInbound, tenantOf } from '../service/settleInbound.js';
import { type InboundWebhook, inboundBodies, inboundWebhooks } from '../table/inbound.js';

const OPEN = ['RECEIVED', 'UNMATCHED'] as const;
/** So many are taken up by one run of the sweep: the next is a minute away. */
const MOST_DUE = 500;

type Change = Partial<Omit<InboundWebhook, 'id'>>;

/** Of what nobody has done with meanwhile. */
async function change({ pool }: JobContext, id: InboundWebhookId, values: Change): Promise<void> {
  await pool.db
    .update(inboundWebhooks)
    .set(values)
    .where(and(eq(inboundWebhooks.id, id), inArray(inboundWebhooks.status, [...OPEN])));
}

/**
 * Takes a webhook up: the attempt is counted, and committed, before it begins, so that an event that ends the process is set
 * aside like any other that cannot be processed. Undefined if somebody else is at it, or has done with it.
 */
async function takeUp(
  { pool, clock }: JobContext,
  id: InboundWebhookId,
): Promise<InboundWebhook | undefined> {
  const session = await pool.begin('write');
  return committed(session, async () => {
    const [row] = await session.db
      .select()
      .from(inboundWebhooks)
      .where(and(eq(inboundWebhooks.id, id), inArray(inboundWebhooks.status, [...OPEN])))
      .for('no key update', { skipLocked: true });
    if (row === undefined) return undefined;
    const attempts = row.attempts + 1;
    const taken = { attempts, nextAttemptAt: nextTry(attempts, clock()) };
    await session.db.update(inboundWebhooks).set(taken).where(eq(inboundWebhooks.id, id));
    return { ...row, ...taken };
  });
}

/** Nothing more happens to it; its tenant is told, if it has one. */
async function giveUp(context: JobContext, webhook: InboundWebhook, reason: InboundReason): Promise<void> {
  const { id, tenantId } = webhook;
  if (tenantId !== null) await context.act(tenantId, (work) => setAside(work, id, reason));
  else {
    const processedAt = context.clock();
    await change(context, id, { status: 'FAILED', reason, nextAttemptAt: null, processedAt });
  }
  context.log.warn({ webhook: id, processor: webhook.processor, reason }, 'an inbound webhook was set aside');
}

async function settle(context: JobContext, webhook: InboundWebhook, fact: PaymentFact): Promise<void> {
  const { id, attempts, receivedAt } = webhook;
  const { pool, keys, clock } = context;
  const tenantId = webhook.tenantId ?? (await tenantOf({ db: pool.db, keys }, webhook, fact));
  if (tenantId !== undefined) {
    await context.act(tenantId, (work) => settleInbound(work, id, fact));
    return;
  }
  const nextAttemptAt = nextMatch(attempts, receivedAt, clock());
  const invoiceRef = fact.invoice.id ?? null;
  await change(context, id, { status: 'UNMATCHED', reason: 'UNKNOWN_INVOICE', nextAttemptAt, invoiceRef });
}

async function process(context: JobContext, webhook: InboundWebhook): Promise<void> {
  const { id, processor, status } = webhook;
  const { keys, pool, clock } = context;
  const body = (await bodiesById({ db: pool.db, keys }, [id])).get(id);
  if (body === undefined) {
    // Its time was over: that its invoice never came stays written.
    if (status === 'UNMATCHED') await change(context, id, { nextAttemptAt: null });
    else await giveUp(context, webhook, 'PROCESSING_FAILED');
    return;
  }
  const read = parseBody(Buffer.from(body));
  const fact = read === undefined ? 'UNREADABLE' : readEvent(processor, read.members);
  if (fact === 'UNREADABLE') await giveUp(context, webhook, 'UNREADABLE');
  else if (fact === 'IGNORED')
    await change(context, id, {
      status: 'IGNORED',
      reason: null,
      nextAttemptAt: null,
      processedAt: clock(),
    });
  else await settle(context, webhook, fact);
}

/** What could not be done is due again, and after its last try set aside. */
async function putOff(context: JobContext, webhook: InboundWebhook, error: unknown): Promise<void> {
  const { id, status, attempts } = webhook;
  context.log.error({ err: error, webhook: id, attempts }, 'an inbound webhook could not be processed');
  if (status === 'RECEIVED' && attempts >= ATTEMPTS_LIMIT && !isLockTimeout(error))
    return giveUp(context, webhook, 'PROCESSING_FAILED');
  const tried = status === 'UNMATCHED' ? 1 : attempts;
  await change(context, id, {
    ...{ status: 'RECEIVED', reason: 'PROCESSING_FAILED', attempts: tried },
    nextAttemptAt: nextTry(tried, context.clock()),
  });
}

/**
 * What an operator has said which invoice it is about is that tenant's from here on; done again it is found claimed. Where
 * that cannot be done it is tried like all the rest, and is the operator's again when it is set aside.
 */
async function claim(context: JobContext, webhook: InboundWebhook): Promise<InboundWebhook> {
  const { id, tenantId, assignedTo } = webhook;
  if (tenantId !== null || assignedTo === null) return webhook;
  const found = await findReferredInvoice(context.pool.db, context.keys, 'INVOICE', assignedTo);
  if (found === undefined) throw new Error('an invoice that a webhook was assigned to is not there');
  const claimed = { ...found, assignedTo: null };
  await change(context, id, claimed);
  return { ...webhook, ...claimed };
}

/** Processes a webhook that is stored, unless that was done: as often as anybody likes, it counts once. */
async function processInbound(context: JobContext, id: InboundWebhookId): Promise<void> {
  const webhook = await takeUp(context, id);
  if (webhook === undefined) return;
  // Whoever took it up so often before has died over it each time.
  if (webhook.status === 'RECEIVED' && webhook.attempts > ATTEMPTS_LIMIT)
    return giveUp(context, webhook, 'PROCESSING_FAILED');
  let claimed = webhook;
  try {
    claimed = await claim(context, webhook);
    await process(context, claimed);
  } catch (error) {
    await putOff(context, claimed, error);
  }
}

const payload = z.object({ id: z.uuid() });

/** Behind each webhook that is stored. */
export const processWebhook: Job<{ readonly id: InboundWebhookId }> = {
  name: PROCESS_INBOUND,
  parse: (value) => ({ id: payload.parse(value).id as InboundWebhookId }),
  run: async (context, { id }) => {
    await processInbound(context, id);
    return undefined;
  },
};

/** What is due again, and what a process has left that is gone. */
export const retryWebhooks: Job<SweepPayload> = {
  name: 'inbound_webhook.retry',
  parse: parseSweep,
  run: async (context) => {
    const { pool, clock, signal } = context;
    const due = await pool.db
      .select({ id: inboundWebhooks.id })
      .from(inboundWebhooks)
      .where(
        and(
          sql`${inboundWebhooks.nextAttemptAt} <= ${clock()}::timestamptz`,
          inArray(inboundWebhooks.status, [...OPEN]),
        ),
      )
      .orderBy(inboundWebhooks.nextAttemptAt)
      .limit(MOST_DUE);
    for (const { id } of due) {
      signal.throwIfAborted();
      await processInbound(context, id);
    }
    return { tried: due.length };
  },
};

/**
 * Forgets what was sent long ago, and later that it came, of what was done with. What still waits for a person stays, and so
 * does what an event did: told once more after that, its payment is known by its name.
 */
export const forgetBodies: Job<SweepPayload> = {
  name: 'inbound_webhook.forget',
  parse: parseSweep,
  run: async (context) => ({
    bodies: await sweep(
      context,
      'inbound_webhook.forget',
      (now) => sql`delete from ${inboundBodies} where webhook_id = any(array(
        select webhook_id from ${inboundBodies} where received_at < ${addDays(now, -BODY_DAYS)}::timestamptz
        order by received_at limit ${SWEEP_BATCH})) returning 1`,
    ),
    webhooks: await sweep(
      context,
      'inbound_webhook.forget rows',
      (now) => sql`delete from ${inboundWebhooks} where id = any(array(
        select id from ${inboundWebhooks} where status in ('PROCESSED', 'IGNORED', 'CLOSED')
          and processed_at < ${addDays(now, -ROW_DAYS)}::timestamptz
        order by processed_at limit ${SWEEP_BATCH})) returning 1`,
    ),
  }),
};

async function waitingFor(db: Db, invoiceIds: readonly string[]) {
  return db
    .select({ id: inboundWebhooks.id, invoiceRef: inboundWebhooks.invoiceRef })
    .from(inboundWebhooks)
    .where(
      and(
        eq(inboundWebhooks.status, 'UNMATCHED'),
        sql`${inboundWebhooks.invoiceRef} = any(${sql.param(invoiceIds)}::text[])`,
      ),
    );
}

/** Webhooks that came before their invoice are processed as soon as it is there. */
export const matchWebhooks: Job<ReactionPayload> = {
  name: 'inbound_webhook.match',
  parse: parseReaction,
  run: async ({ pool }, { tenantId, eventId }) => {
    const [event] = await pool.db.execute<{ subject_id: string }>(sql`
      select subject_id from license_event_logs where tenant_id = ${tenantId} and id = ${eventId}`);
    const waiting = event === undefined ? [] : await waitingFor(pool.db, [event.subject_id]);
    await enqueueJobs(
      pool.db,
      waiting.map(({ id }) => ({ name: PROCESS_INBOUND, payload: { id }, key: `${PROCESS_INBOUND}:${id}` })),
    );
    return { webhooks: waiting.length };
  },
};

/** Of invoices that were made, those that a webhook waits for: next to none. */
export async function awaitedInvoices(db: Db, facts: readonly SealedFact[]): Promise<readonly SealedFact[]> {
  const waiting = await waitingFor(
    db,
    facts.map(({ subjectId }) => subjectId),
  );
  const awaited = new Set(waiting.map(({ invoiceRef }) => invoiceRef));
  return facts.filter(({ subjectId }) => awaited.has(subjectId));
}
