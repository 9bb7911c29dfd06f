import type { NewEvent } from '../../core/event.js';
import type { Notification } from '../table/mail.js';

/** Why a mail is given up. */
export type GivenUp = 'NO_ADDRESS' | 'REFUSED' | 'PUT_OFF' | 'UNREACHABLE';

/** Tells of a mail that is given up. Whom it was for, and what a server said of that, is about people. */
export function failedEvent(
  { id, kind, licenseId, customerId, recipient, reason, attempts }: Notification,
  cause: GivenUp,
): NewEvent {
  return {
    type: 'notification.failed',
    subjectId: id,
    ...(licenseId === null ? {} : { licenseId }),
    data: { kind, cause, attempts, customer_id: customerId },
    personal: { recipient, reason },
  };
}
