import { findTenant } from '../../access/queries.js';
import { addDays } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import { committed } from '../../core/db.js';
import type { EventType } from '../../core/event.js';
import type { TenantId } from '../../core/id.js';
import type { ReactionPayload, SweepPayload } from '../../core/job.js';
import { type Job, type JobContext, type JobResult, parseReaction, parseSweep } from '../../core/job.js';
import { SWEEP_BATCH, sweep } from '../../core/sweep.js';
import { type MailGateway, openMailGateway } from '../gateway/mail.js';
import {
  type Delivery,
  ERASED,
  INTERRUPTED,
  KEPT_DAYS,
  MOST_ATTEMPTS,
  settled,
  UNWRITTEN,
} from '../model/mail.js';
import { senderOf } from '../model/sender.js';
import { claimDue, deletingBatch, erasingBatch, settleAttempt } from '../queries/mail.js';
import { drafters } from '../service/drafts.js';
import { letterOf } from '../service/letterOf.js';
import { tellFact } from '../service/tellFact.js';
import type { Notification } from '../table/mail.js';

/** Mails under way at a time. */
const BATCH = 10;
const NO_DOMAIN = 'licensegraph.invalid';

function domainOf({ LG_MAIL_FROM: from }: Config): string {
  return from?.split('@').at(-1) ?? NO_DOMAIN;
}

async function claim({ pool, clock }: JobContext, tenantId: TenantId | undefined): Promise<Notification[]> {
  const session = await pool.begin('write');
  return committed(session, () => claimDue(session.db, { now: clock(), most: BATCH, tenantId }));
}

async function attempt(
  context: JobContext,
  mail: Notification,
  gateway: MailGateway | undefined,
): Promise<Delivery> {
  if (mail.attempts > MOST_ATTEMPTS) return { outcome: 'REFUSED', reason: INTERRUPTED };
  if (gateway === undefined) return { outcome: 'TAKEN' };
  const letter = letterOf(context.keys, mail);
  const tenant = await findTenant(context.pool.db, mail.tenantId);
  if (letter === undefined || tenant === undefined) return { outcome: 'REFUSED', reason: ERASED };
  // Loaded here, so that a process that sends no mail does without.
  const { renderLetter } = await import('../templates/render.js');
  const { html, text } = renderLetter(letter, mail);
  return gateway.send({
    ...senderOf(tenant, context.config),
    to: mail.recipient,
    messageId: mail.messageId,
    date: mail.createdAt,
    subject: mail.subject,
    html,
    text,
  });
}

/** A mail that cannot be written is put off as one that cannot be sent: it keeps no other from being sent. */
async function attempted(...of: Parameters<typeof attempt>): Promise<Delivery> {
  const [{ log }, { recipient, subject }] = of;
  return attempt(...of).catch((error: unknown): Delivery => {
    log.error({ err: error, recipient, subject }, 'a mail could not be written');
    return { outcome: 'LATER', reason: UNWRITTEN };
  });
}

/** One attempt, which was counted before, and what came of it. */
async function deliver(
  context: JobContext,
  mail: Notification,
  gateway: MailGateway | undefined,
): Promise<Delivery> {
  const delivery = await attempted(context, mail, gateway);
  const now = context.clock();
  const transport = delivery.outcome === 'TAKEN' ? (gateway === undefined ? 'INBOX' : 'SMTP') : null;
  await settleAttempt(context.pool.db, mail, {
    ...settled(delivery, mail.attempts, now),
    transport,
    updatedAt: now,
  });
  const { recipient, subject } = mail;
  const said = delivery.outcome === 'TAKEN' ? 'a mail was sent' : 'a mail was not sent';
  context.log.info({ recipient, subject }, said);
  return delivery;
}

/** Every attempt is over before one that could not be written down is complained of: the mail server is still needed. */
async function deliverAll(
  context: JobContext,
  mails: readonly Notification[],
  gateway: MailGateway | undefined,
): Promise<Delivery[]> {
  const ended = await Promise.allSettled(mails.map((mail) => deliver(context, mail, gateway)));
  return ended.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}

/** Sends whatever is due, until nothing is, or nobody answers: then it stays due. */
async function deliverDue(context: JobContext, tenantId?: TenantId): Promise<JobResult> {
  const gateway = openMailGateway(context.config, (error) =>
    context.log.warn({ err: error }, 'a mail could not be handed over'),
  );
  const count = { sent: 0, put_off: 0, failed: 0 };
  try {
    for (;;) {
      context.signal.throwIfAborted();
      const mails = await claim(context, tenantId);
      if (mails.length === 0) return count;
      const deliveries = await deliverAll(context, mails, gateway);
      count.sent += deliveries.filter(({ outcome }) => outcome === 'TAKEN').length;
      count.failed += deliveries.filter(({ outcome }) => outcome === 'REFUSED').length;
      count.put_off = count.put_off + deliveries.length;
      if (deliveries.every(({ outcome }) => outcome === 'UNREACHABLE')) return count;
    }
  } finally {
    count.put_off -= count.sent + count.failed;
    gateway?.close();
  }
}

/** Facts that people are told by mail. */
export const mailedFacts = Object.keys(drafters) as EventType[];

/** A fact is told by mail: written down first, each mail once, then sent. */
export const tellByMail: Job<ReactionPayload> = {
  name: 'mail.tell',
  parse: parseReaction,
  run: async (context, { tenantId, eventId }) => {
    const domain = domainOf(context.config);
    const written = await context.act(tenantId, (work) => tellFact(work, eventId, domain));
    return written === 0 ? undefined : deliverDue(context, tenantId);
  },
};

/** What could not be sent before, and what a process that died has left. */
export const deliverDueMail: Job<SweepPayload> = {
  name: 'mail.deliver',
  parse: parseSweep,
  run: (context) => deliverDue(context),
};

/** Erases what mails said once a tenant keeps personal data no longer, and the mails themselves after a year. */
export const forgetMail: Job<SweepPayload> = {
  name: 'mail.forget',
  parse: parseSweep,
  run: async (context) => {
    const days = context.config.LG_PERSONAL_DATA_DAYS;
    return {
      erased: await sweep(context, 'mail.erase', (now) => erasingBatch(now, days, SWEEP_BATCH)),
      deleted: await sweep(context, 'mail.delete', (now) =>
        deletingBatch(addDays(now, -KEPT_DAYS), SWEEP_BATCH),
      ),
    };
  },
};
