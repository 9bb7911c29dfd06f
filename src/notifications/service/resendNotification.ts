import { and, eq } from 'drizzle-orm';
import type { Work } from '../../core/work.js';
import { messageIdAgain, notificationNotFound, requireResendable } from '../model/mail.js';
import { lockNotification } from '../queries/mail.js';
import type { ResendNotificationInput } from '../schema/mail.js';
import { type Notification, notifications } from '../table/mail.js';

/**
 * Has a mail sent again that was given up, or that nobody finds any more: under another Message-ID, to where its reader is
 * reached by then. Whether it may still be told is asked when it is sent.
 */
export async function resendNotification(
  work: Work,
  { notificationId }: ResendNotificationInput,
): Promise<Notification> {
  const mail = await lockNotification(work, notificationId);
  if (mail === undefined) throw notificationNotFound(notificationId);
  requireResendable(mail);
  const resends = mail.resends + 1;
  const [row] = await work.db
    .update(notifications)
    .set({
      status: 'PENDING',
      attempts: 0,
      unreached: 0,
      resends,
      resentAt: work.now,
      nextAttemptAt: work.now,
      messageId: messageIdAgain(mail.messageId, resends),
      transport: null,
      sentAt: null,
      reason: null,
      updatedAt: work.now,
    })
    .where(and(eq(notifications.tenantId, work.tenantId), eq(notifications.id, mail.id)))
    .returning();
  if (row === undefined) throw notificationNotFound(notificationId);
  const about = mail.licenseId === null ? {} : { licenseId: mail.licenseId };
  const data = { kind: mail.kind, resends, customer_id: mail.customerId };
  await work.emit({ type: 'notification.resent', subjectId: mail.id, ...about, data });
  return row;
}
