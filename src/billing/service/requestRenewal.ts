import { isZero } from '../../core/money.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseNotFound, type RenewalTerms, renewed } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { receivingCustomer } from '../../licenses/service/newLicense.js';
import type { License } from '../../licenses/table.js';
import { openRenewalOf } from '../queries/charges.js';
import type { RequestRenewalInput } from '../schema/renewals.js';
import type { Renewal } from '../table/charges.js';
import { openRenewal, pricedBy, renewalPriceOf } from './beginRenewal.js';

function notRenewable(message: string): Refusal {
  return new Refusal('LICENSE_NOT_RENEWABLE', message, {});
}

function renewalOpen(invoiceId: string | null): Refusal {
  const message =
    'Another renewal of this license is to be paid: pay its invoice, call it off by cancelRenewal if you asked for it, or have the vendor void the invoice.';
  return new Refusal('RENEWAL_OPEN', message, { invoiceId });
}

/** Refused now, and not when the money is there. */
function requireRenewable(work: Work, license: License, terms: RenewalTerms): void {
  if (license.licenseType === 'TRIAL' || license.licenseType === 'EVALUATION')
    throw notRenewable('A trial is not renewed by an invoice. Order the license.');
  if (license.customerId === null)
    throw notRenewable('The license has no customer who could be billed. Renew it by hand.');
  renewed(license, terms, work.now);
}

/** Bills a renewal, which happens once its invoice is paid. Asked twice for the same, it is billed once. */
export async function requestRenewal(work: Work, input: RequestRenewalInput): Promise<Renewal> {
  const license = await lockLicense(work, input.licenseId);
  if (license === undefined) throw licenseNotFound(input.licenseId);
  const { durationMonths, extendMaintenance } = input;
  const terms = { durationMonths, extendMaintenance, upgradeFeatures: [] };
  requireRenewable(work, license, terms);
  const before = await openRenewalOf(work, license.id);
  const isSame = before?.durationMonths === durationMonths && before.extendMaintenance === extendMaintenance;
  if (before !== undefined && isSame && before.expiryDate === license.expiryDate) return before;
  if (before !== undefined) throw renewalOpen(before.invoiceId);
  // As in an order: whoever is switched off is sold nothing.
  if (license.customerId !== null) await receivingCustomer(work, license.customerId);
  const template = await pricedBy(work, license);
  if (template === undefined) throw notRenewable('The license has no template that says what it costs.');
  const price = await renewalPriceOf(work, license, template, durationMonths);
  if (isZero(price.total))
    throw notRenewable('The template says that its renewal costs nothing. Renew it by hand.');
  const wish = { durationMonths, extendMaintenance, way: 'BY_HAND', chargeAt: null } as const;
  await openRenewal(work, license, { ...wish, price, templateId: template.id });
  const row = await openRenewalOf(work, license.id);
  if (row === undefined) throw new Error('a renewal that was begun is not there');
  return row;
}
