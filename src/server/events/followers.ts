import { sql } from 'drizzle-orm';
import { deactivateAll } from '../../activations/service/deactivateActivation.js';
import { chargeBack, renewPaid, takeBackRenewal } from '../../billing/service/paidRenewal.js';
import { renewalVoided } from '../../billing/service/voidInvoice.js';
import { noticeActivation, noticeRefusal, noticeTravel } from '../../compliance/service/raiseIncident.js';
import type { NewEvent } from '../../core/event.js';
import type { Followers, Work } from '../../core/work.js';
import { returnToPool } from '../../orders/service/allocateFromPool.js';
import { cancelVoided } from '../../orders/service/cancelOrder.js';
import { keepRenewedTerm } from '../../orders/service/heldTerms.js';
import { keepCurrency } from '../../orders/service/keepCurrency.js';
import { followInvoice } from '../../orders/service/orderPayments.js';
import {
  callOffUpgrade,
  upgradePaid,
  upgradePaidInPart,
  upgradeRefunded,
  upgradeVoided,
} from '../../orders/service/upgradeFollowers.js';
import { API_KEY_REVOKED } from '../callers/apiKeyHolders.js';

/** Sent with the commit, and only then. It is rare, so that its price in the commit does not count. */
async function tellServers(work: Work, { subjectId }: NewEvent): Promise<void> {
  await work.db.execute(sql`select pg_notify(${API_KEY_REVOKED}, ${subjectId})`);
}

/** What has to happen with an event of an earlier domain, in the same transaction. */
export const followers: Followers = {
  'access.refused': [noticeRefusal],
  'activation.created': [noticeActivation],
  'activation.travelled': [noticeTravel],
  'api_key.revoked': [tellServers],
  'invoice.overpaid': [followInvoice],
  'invoice.paid': [followInvoice, renewPaid, upgradePaid],
  'invoice.partially_paid': [followInvoice, upgradePaidInPart],
  'invoice.partially_refunded': [followInvoice],
  'invoice.payment_failed': [followInvoice],
  'invoice.refund_requested': [chargeBack],
  'invoice.refunded': [followInvoice, takeBackRenewal, upgradeRefunded],
  'invoice.voided': [cancelVoided, renewalVoided, upgradeVoided],
  'license.renewed': [callOffUpgrade, keepRenewedTerm],
  'license.revoked': [deactivateAll, callOffUpgrade, returnToPool],
  'license.transferred': [deactivateAll, callOffUpgrade],
  'template.updated': [keepCurrency],
};
