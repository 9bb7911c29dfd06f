import { addDays, type Instant, latest } from '../../core/clock.js';
import { type LicenseId, newId } from '../../core/id.js';
import { isZero } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { standingAt } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { renewLocked } from '../../licenses/service/renewLicense.js';
import type { License } from '../../licenses/table.js';
import { templatesById } from '../../templates/queries.js';
import type { Template } from '../../templates/table.js';
import { type Price, priceNaming } from '../model/price.js';
import { renewalPrice } from '../model/renewalPrice.js';
import {
  HAND_OVER_DAYS,
  type RenewalFailure,
  type RenewalNotice,
  type RenewalWay,
  termMonths,
} from '../model/renewals.js';
import { openRenewalOf, paymentMethodsByCustomer } from '../queries/charges.js';
import { type Renewal, renewals } from '../table/charges.js';
import type { Invoice } from '../table.js';
import { createInvoice } from './createInvoice.js';
import { defaultTaxes } from './defaultTaxes.js';

/** What somebody may ask for beside the months. */
export interface RenewalWish {
  readonly durationMonths: number;
  readonly extendMaintenance: boolean;
}

interface Opening extends RenewalWish {
  readonly way: RenewalWay;
  readonly price: Price;
  readonly templateId: Template['id'];
  /** When it is charged; null waits for whoever pays by himself. */
  readonly chargeAt: Instant | null;
}

export type NewRenewal = Pick<Renewal, 'way' | 'status' | 'durationMonths'> &
  Partial<typeof renewals.$inferInsert>;

/** One that is begun, unless another one of this license and term was before it. */
export async function insertRenewal(
  work: Work,
  license: License,
  values: NewRenewal,
): Promise<Renewal | undefined> {
  const [row] = await work.db
    .insert(renewals)
    .values({
      ...values,
      tenantId: work.tenantId,
      id: newId<'Renewal'>(work.now),
      licenseId: license.id,
      expiryDate: license.expiryDate,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .onConflictDoNothing()
    .returning();
  return row;
}

export interface Told {
  readonly reason: RenewalNotice;
  readonly invoiceId: string | null;
  readonly attempt: number;
  readonly attempts: number;
  readonly nextAt: Instant | null;
}

export async function tellRenewalFailed(
  work: Work,
  licenseId: LicenseId,
  { reason, invoiceId, attempt, attempts, nextAt }: Told,
): Promise<void> {
  const data = { reason, attempt, attempts, next_at: nextAt, invoice_id: invoiceId };
  await work.emit({ type: 'license.renewal_failed', subjectId: licenseId, licenseId, data });
}

/** Until when it is to be paid: a license that renews itself does so a day before its end, unless what was asked for is paid. */
function lastDay({ autoRenewal }: License, way: RenewalWay, expiryDate: Instant): Instant {
  return way === 'BY_HAND' && autoRenewal ? addDays(expiryDate, -HAND_OVER_DAYS) : expiryDate;
}

/** Bills the next term of a license that the caller has locked. The invoice's number is taken last: others wait for it. */
export async function openRenewal(
  work: Work,
  license: License,
  { way, price, templateId, chargeAt, durationMonths, extendMaintenance }: Opening,
): Promise<Invoice> {
  const { id: licenseId, customerId, resellerId, expiryDate } = license;
  const invoice = await createInvoice(work, {
    ...{ purpose: 'RENEWAL', customerId, resellerId, licenseId, price },
    dueAt: expiryDate === null ? null : latest(lastDay(license, way, expiryDate), work.now),
  });
  const opened = await insertRenewal(work, license, {
    ...{ way, templateId, status: 'OPEN', invoiceId: invoice.id },
    ...{ durationMonths, extendMaintenance, nextAttemptAt: chargeAt },
  });
  if (opened === undefined) throw new Error('a renewal of this term was begun by somebody else');
  return invoice;
}

export async function pricedBy(work: Work, license: License): Promise<Template | undefined> {
  const { templateId } = license;
  return templateId === null ? undefined : (await templatesById(work, [templateId])).get(templateId);
}

/** By the template's price of today, with the seats that the license has. */
export async function renewalPriceOf(
  work: Work,
  license: License,
  template: Template,
  durationMonths: number,
): Promise<Price> {
  const { licenseType, maxActivations } = license;
  const { pricing, defaultDuration, templateName } = template;
  const facts = { quantity: 1, maxActivations, licenseType, durationMonths, defaultDuration };
  return priceNaming(renewalPrice(pricing, facts, await defaultTaxes(work)), templateName);
}

/** Nobody has said what it costs: told once for each end of a term, and the license goes its way. */
async function skip(work: Work, license: License, reason: RenewalFailure): Promise<'SKIPPED' | undefined> {
  const skipped = await insertRenewal(work, license, {
    ...{ way: 'AUTOMATIC', status: 'SKIPPED', reason, durationMonths: 1, finishedAt: work.now },
  });
  if (skipped === undefined) return undefined;
  const none = { invoiceId: null, attempt: 0, attempts: 0, nextAt: null };
  await tellRenewalFailed(work, license.id, { reason, ...none });
  return 'SKIPPED';
}

/** What costs nothing is renewed at once. */
async function renewFreely(
  work: Work,
  license: License,
  template: Template,
  durationMonths: number,
): Promise<'RENEWED' | undefined> {
  const values = { way: 'AUTOMATIC', status: 'RENEWED', durationMonths, templateId: template.id } as const;
  const begun = await insertRenewal(work, license, { ...values, finishedAt: work.now });
  if (begun === undefined) return undefined;
  const terms = { durationMonths, extendMaintenance: false, upgradeFeatures: [] };
  await renewLocked(work, license, terms, { by: 'CHARGE' });
  return 'RENEWED';
}

async function canBeCharged(work: Work, { customerId }: License): Promise<boolean> {
  if (customerId === null) return false;
  return (await paymentMethodsByCustomer(work, [customerId])).has(customerId);
}

export type Begun = 'OPENED' | 'RENEWED' | 'SKIPPED';

/**
 * Begins the renewal of a license from this end of its term; undefined where it does not renew itself any more, or not from
 * there. Whoever found it due looked without a lock: all is asked again.
 */
export async function beginRenewal(
  work: Work,
  id: LicenseId,
  expiryDate: Instant,
  daysBefore: number,
): Promise<Begun | undefined> {
  const license = await lockLicense(work, id);
  if (license === undefined || license.expiryDate !== expiryDate || !license.autoRenewal) return undefined;
  const standing = standingAt(license, work.now);
  const runs = standing.status === 'ACTIVE' || standing.inGrace;
  if (!runs || license.status === 'INACTIVE' || expiryDate > addDays(work.now, daysBefore)) return undefined;
  if ((await openRenewalOf(work, id)) !== undefined) return undefined;
  const template = await pricedBy(work, license);
  if (template === undefined) return skip(work, license, 'NO_PRICE');
  const durationMonths = termMonths(template.pricing.billingCycle, template.defaultDuration);
  const price = await renewalPriceOf(work, license, template, durationMonths);
  if (isZero(price.total)) return renewFreely(work, license, template, durationMonths);
  const terms = { durationMonths, extendMaintenance: false, templateId: template.id, price };
  const chargeAt = (await canBeCharged(work, license)) ? work.now : null;
  const invoice = await openRenewal(work, license, { ...terms, way: 'AUTOMATIC', chargeAt });
  // Nobody is charged: the invoice waits for whoever pays it, and that is told as what fails without a next try.
  const told = { reason: 'NO_PAYMENT_METHOD', invoiceId: invoice.id, attempt: 0, attempts: 0 } as const;
  if (chargeAt === null) await tellRenewalFailed(work, license.id, { ...told, nextAt: null });
  return 'OPENED';
}
