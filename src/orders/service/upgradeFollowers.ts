import { voidWithCredit } from '../../billing/service/voidUnpaid.js';
import type { NewEvent } from '../../core/event.js';
import type { InvoiceId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { mayMove, standingAt } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { suspendLicense } from '../../licenses/service/suspendLicense.js';
import type { License } from '../../licenses/table.js';
import { productsById, templateVersionsByKey, versionKey } from '../../templates/queries.js';
import { basisOf, priceHolds, sameBasis } from '../model/upgrade.js';
import { licenseUpgradedBy, lockUpgradeOfInvoice } from '../queries/upgrades.js';
import type { Upgrade } from '../table/upgrades.js';
import { applyUpgrade, cancelPendingUpgrade, settleUpgrade } from './upgradeLicense.js';
import { type PlannedUpgrade, plannedUpgrade } from './upgradeQuote.js';

/** Why an upgrade that was paid for is not done: in words for whoever has to pay it back. */
const CHANGED = 'The license has changed since the upgrade was asked for.';
const COSTS_MORE = 'It was paid after it was due, and costs more by now.';
const GONE = 'What it was to be upgraded to is not on record.';

/** What was agreed on, if it still can be done; else why not. A refusal before anything is written is an answer here. */
async function plannedNow(work: Work, license: License, upgrade: Upgrade): Promise<PlannedUpgrade | string> {
  if (!sameBasis(basisOf(license), upgrade.basis)) return CHANGED;
  const key = versionKey(upgrade.toTemplateId, upgrade.toVersion);
  const template = (await templateVersionsByKey(work, [key])).get(key);
  if (template === undefined) return GONE;
  const product = (await productsById(work, [template.productId])).get(template.productId);
  if (product === undefined) return GONE;
  try {
    // As with orders: what was agreed on while it was sold is given, also where nobody else can buy it by now.
    const target = { template, product };
    const planned = await plannedUpgrade(work, license, target, 'templateId');
    return priceHolds(upgrade, work.now, planned.plan.price.total) ? planned : COSTS_MORE;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

async function fail(work: Work, license: License, upgrade: Upgrade, reason: string): Promise<void> {
  if (upgrade.status === 'PENDING') await settleUpgrade(work, upgrade, 'FAILED', reason);
  const data = { upgrade_id: upgrade.id, invoice_id: upgrade.invoiceId, reason };
  const { id } = license;
  await work.emit({ type: 'license.upgrade_failed', subjectId: id, licenseId: id, data });
}

/** The upgrade that an invoice is for, with its license, both locked; in the order in which all lock them. */
async function upgradeOf(work: Work, { subjectId }: NewEvent) {
  const licenseId = await licenseUpgradedBy(work, subjectId as InvoiceId);
  const license = licenseId === undefined ? undefined : await lockLicense(work, licenseId);
  const upgrade = license && (await lockUpgradeOfInvoice(work, subjectId as InvoiceId));
  return license === undefined || upgrade === undefined ? undefined : { license, upgrade };
}

/** Follows `invoice.paid`: the upgrade is done, or told to be impossible, and then the money is the payer's. */
export async function upgradePaid(work: Work, event: NewEvent): Promise<void> {
  const found = await upgradeOf(work, event);
  if (found === undefined || found.upgrade.status === 'DONE') return;
  const { license, upgrade } = found;
  if (upgrade.status !== 'PENDING') return fail(work, license, upgrade, upgrade.reason ?? CHANGED);
  const planned = await plannedNow(work, license, upgrade);
  if (typeof planned === 'string') return fail(work, license, upgrade, planned);
  await settleUpgrade(work, upgrade, 'DONE', null);
  await applyUpgrade(work, planned, upgrade);
}

/**
 * Follows `invoice.partially_paid`: an upgrade that was called off while this payment held the invoice waits for nothing
 * more, and neither does its bill.
 */
export async function upgradePaidInPart(work: Work, event: NewEvent): Promise<void> {
  const found = await upgradeOf(work, event);
  if (found?.upgrade.status !== 'CANCELLED') return;
  await voidWithCredit(work, { id: event.subjectId as InvoiceId }, found.upgrade.reason ?? CHANGED);
}

/** Why a license is suspended whose upgrade was paid back. */
export const UPGRADE_REFUNDED = 'Upgrade refunded';

/** Follows `invoice.refunded`: what was done for the money ends, until somebody says what the license is to be. */
export async function upgradeRefunded(work: Work, event: NewEvent): Promise<void> {
  const found = await upgradeOf(work, event);
  if (found === undefined) return;
  const { license, upgrade } = found;
  if (upgrade.status === 'PENDING') await cancelPendingUpgrade(work, license.id, UPGRADE_REFUNDED);
  if (upgrade.status !== 'DONE') return;
  const { status } = standingAt(license, work.now);
  if (!mayMove('suspendLicense', status, 'SUSPENDED')) return;
  await suspendLicense(work, { licenseId: license.id, reason: UPGRADE_REFUNDED });
}

/** Follows `invoice.voided`: nothing is waited for any more. */
export async function upgradeVoided(work: Work, event: NewEvent): Promise<void> {
  const found = await upgradeOf(work, event);
  if (found?.upgrade.status === 'PENDING') {
    await cancelPendingUpgrade(work, found.license.id, 'Its invoice was voided');
  }
}

/** Follows what ends or changes the license that an upgrade was priced by. */
export async function callOffUpgrade(work: Work, { licenseId, type }: NewEvent): Promise<void> {
  if (licenseId !== undefined) await cancelPendingUpgrade(work, licenseId, `After ${type}`);
}
