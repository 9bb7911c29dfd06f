import type { EventType } from '../../core/event.js';
import type { Drafter } from './drafter.js';
import { codeUsed, expiring, issued, revoked, suspended, violation } from './licenseDrafts.js';
import { orderFulfilled, orderRefunded, renewalFailed, renewed } from './saleDrafts.js';
import { bulkIssueFailed, orderStopped } from './stopDrafts.js';

/** Fact → mail. */
export const drafters: Readonly<Partial<Record<EventType, Drafter>>> = {
  'license.created': issued,
  'license.expiring': expiring,
  'license.suspended': suspended,
  'license.revoked': revoked,
  'license.renewed': renewed,
  'license.renewal_failed': renewalFailed,
  'violation.detected': violation,
  'order.fulfilled': orderFulfilled,
  'order.refunded': orderRefunded,
  'order.stopped': orderStopped,
  'bulk_issue.failed': bulkIssueFailed,
  'emergency_code.used': codeUsed,
};
