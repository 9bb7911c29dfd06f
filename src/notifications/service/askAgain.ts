import { and, eq } from 'drizzle-orm';
import { tenantOf } from '../../access/queries.js';
import { addMillis, type Instant } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import { type Delivery, ERASED, FRESH_MILLIS, NO_ADDRESS, NOT_SO } from '../model/mail.js';
import { type Notification, notifications } from '../table/mail.js';
import { type Draft, recipientsOf, silenceOf, writtenTo } from './recordMail.js';
import { draftOf } from './tellFact.js';

/** Whether what a mail tells may be otherwise by now: it was written a while ago, or somebody has it sent again. */
export function hasWaited({ createdAt, attempts, resends }: Notification, now: Instant): boolean {
  return attempts > 1 || resends > 0 || addMillis(createdAt, FRESH_MILLIS) <= now;
}

/** A mail as it is to be sent now, or why it is not. */
export type Asked = { readonly mail: Notification } | Delivery;

const needless = (reason: string): Delivery => ({ outcome: 'NEEDLESS', reason });
const refused = (reason: string): Delivery => ({ outcome: 'REFUSED', reason });

/** Writes a mail anew, to where its reader is reached now. */
async function rewritten(work: Work, mail: Notification, draft: Draft): Promise<Asked> {
  const tenant = await tenantOf(work);
  const recipient = recipientsOf(draft, tenant).find(({ audience }) =>
    mail.dedupeKey.endsWith(`/${audience}`),
  );
  if (recipient === undefined) return refused(NO_ADDRESS);
  const silence = silenceOf(draft, tenant, recipient);
  if (silence !== undefined)
    return silence.status === 'FAILED' ? refused(silence.reason) : needless(silence.reason);
  const [row] = await work.db
    .update(notifications)
    .set({ ...writtenTo(work, mail.id, draft, tenant, recipient), updatedAt: work.now })
    .where(
      and(
        eq(notifications.tenantId, work.tenantId),
        eq(notifications.id, mail.id),
        eq(notifications.attempts, mail.attempts),
      ),
    )
    .returning();
  return row === undefined ? needless(NOT_SO) : { mail: row };
}

/**
 * Asks again what a mail has to tell that has waited. One that counts days is written anew, and so is one that somebody has
 * sent again; the others say what they said at first. Of a fact that the log holds no longer nobody knows whether it is so.
 */
export async function askAgain(work: Work, mail: Notification): Promise<Asked> {
  const isResent = mail.resends > 0;
  const told = await draftOf(work, mail.eventId);
  if (told === undefined) return isResent ? refused(ERASED) : { mail };
  if (told.draft === undefined) return needless(NOT_SO);
  return isResent || mail.kind === 'LICENSE_EXPIRING' ? rewritten(work, mail, told.draft) : { mail };
}
