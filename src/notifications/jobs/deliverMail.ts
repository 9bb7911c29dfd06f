import { findTenant, hasOneTenant } from '../../access/queries.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { JobContext, JobResult } from '../../core/job.js';
import { type MailGateway, openMailGateway } from '../gateway/mail.js';
import {
  type Delivery,
  ERASED,
  heardAttempts,
  INTERRUPTED,
  MOST_ATTEMPTS,
  type Settled,
  settled,
  UNWRITTEN,
} from '../model/mail.js';
import { namesNoTenant, senderOf } from '../model/sender.js';
import { claimDue, settleAttempt } from '../queries/mail.js';
import { askAgain, hasWaited } from '../service/askAgain.js';
import { failedEvent, type GivenUp } from '../service/failedMail.js';
import { letterOf } from '../service/letterOf.js';
import type { Notification } from '../table/mail.js';

/** Mails under way at a time. */
const BATCH = 10;

async function claim({ pool, clock }: JobContext, tenantId: TenantId | undefined): Promise<Notification[]> {
  const session = await pool.begin('write');
  return committed(session, () => claimDue(session.db, { now: clock(), most: BATCH, tenantId }));
}

async function send(context: JobContext, mail: Notification, gateway: MailGateway): Promise<Delivery> {
  const { keys, pool, config } = context;
  const letter = letterOf(keys, mail);
  const tenant = await findTenant(pool.db, mail.tenantId);
  const { recipient, subject } = mail;
  if (letter === undefined || tenant === undefined || recipient === null || subject === null)
    return { outcome: 'REFUSED', reason: ERASED };
  const isOnlyTenant = namesNoTenant(config) && (await hasOneTenant(pool.db));
  // Loaded here, so that a process that sends no mail does without.
  const { renderLetter } = await import('../templates/render.js');
  const { html, text } = renderLetter(letter, mail);
  return gateway.send({
    ...senderOf(tenant, config, isOnlyTenant),
    to: recipient,
    messageId: mail.messageId,
    date: mail.resentAt ?? mail.createdAt,
    subject,
    html,
    text,
  });
}

async function attempt(
  context: JobContext,
  mail: Notification,
  gateway: MailGateway | undefined,
): Promise<Delivery> {
  if (heardAttempts(mail) > MOST_ATTEMPTS) return { outcome: 'REFUSED', reason: INTERRUPTED };
  const asked = hasWaited(mail, context.clock())
    ? await context.act(mail.tenantId, (work) => askAgain(work, mail))
    : { mail };
  if ('outcome' in asked) return asked;
  return gateway === undefined ? { outcome: 'TAKEN' } : send(context, asked.mail, gateway);
}

/** A mail that cannot be written is put off as one that cannot be sent: it keeps no other from being sent. */
async function attempted(...of: Parameters<typeof attempt>): Promise<Delivery> {
  const [{ log }, { recipient, subject }] = of;
  return attempt(...of).catch((error: unknown): Delivery => {
    log.error({ err: error, recipient, subject }, 'a mail could not be written');
    return { outcome: 'LATER', reason: UNWRITTEN };
  });
}

const causes: Readonly<Partial<Record<Delivery['outcome'], GivenUp>>> = {
  REFUSED: 'REFUSED',
  LATER: 'PUT_OFF',
  UNREACHABLE: 'UNREACHABLE',
};

type Ending = Settled & Pick<Notification, 'transport' | 'updatedAt'>;

/** Writes an ending down; of a mail that is given up the log tells in the same transaction. */
function written(
  { pool, act }: JobContext,
  mail: Notification,
  { outcome }: Delivery,
  ending: Ending,
): Promise<Notification | undefined> {
  if (ending.status !== 'FAILED') return settleAttempt(pool.db, mail, ending);
  return act(mail.tenantId, async (work) => {
    const row = await settleAttempt(work.db, mail, ending);
    if (row !== undefined) await work.emit(failedEvent(row, causes[outcome] ?? 'REFUSED'));
    return row;
  });
}

/** What the log says of an ending. */
function saidOf({ status, transport, reason }: Ending): string {
  if (status === 'SENT')
    return transport === 'SMTP' ? 'a mail was sent' : 'a mail went into the inbox: there is no mail server';
  if (status === 'SUPPRESSED') return `a mail was not sent: ${reason}`;
  return status === 'FAILED' ? 'a mail was given up' : 'a mail was put off';
}

/** One attempt, which was counted before, and what came of it. */
async function deliver(
  context: JobContext,
  mail: Notification,
  gateway: MailGateway | undefined,
): Promise<Delivery> {
  const delivery = await attempted(context, mail, gateway);
  const now = context.clock();
  const transport = delivery.outcome !== 'TAKEN' ? null : gateway === undefined ? 'INBOX' : 'SMTP';
  const tried = { ...mail, since: mail.resentAt ?? mail.createdAt };
  const ending: Ending = { ...settled(delivery, tried, now), transport, updatedAt: now };
  const row = await written(context, mail, delivery, ending);
  const { recipient, subject } = row ?? mail;
  context.log.info({ recipient, subject }, saidOf(ending));
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

/** The mail server of the settings, whose connections this process keeps for every mail; undefined without one. */
function gatewayOf({ config, log, held }: JobContext): MailGateway | undefined {
  const { LG_SMTP_URL: url } = config;
  if (url === undefined) return undefined;
  return held.get(openMailGateway, () =>
    openMailGateway(config, url, (error) => log.warn({ err: error }, 'a mail could not be handed over')),
  );
}

/** Sends whatever is due, of one tenant or of all, until nothing is, or nobody answers: then it stays due. */
export async function deliverDue(context: JobContext, tenantId?: TenantId): Promise<JobResult> {
  const gateway = gatewayOf(context);
  const count = { sent: 0, put_off: 0, failed: 0, suppressed: 0 };
  const names = {
    TAKEN: 'sent',
    REFUSED: 'failed',
    NEEDLESS: 'suppressed',
    LATER: 'put_off',
    UNREACHABLE: 'put_off',
  } as const;
  for (;;) {
    context.signal.throwIfAborted();
    const mails = await claim(context, tenantId);
    if (mails.length === 0) return count;
    const deliveries = await deliverAll(context, mails, gateway);
    for (const { outcome } of deliveries) count[names[outcome]] += 1;
    if (deliveries.every(({ outcome }) => outcome === 'UNREACHABLE')) return count;
  }
}
