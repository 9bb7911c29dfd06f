import { and, eq } from 'drizzle-orm';
import { customerInactive } from '../../access/model.js';
import { customersById } from '../../access/queries.js';
import { requireWholeTenant } from '../../access/service.js';
import { reseat } from '../../activations/service/reseat.js';
import { amountKeptOf } from '../../billing/model/standing.js';
import { createInvoice } from '../../billing/service/createInvoice.js';
import { voidWithCredit } from '../../billing/service/voidUnpaid.js';
import type { Invoice } from '../../billing/table.js';
import { requirePermission, subjectOf } from '../../core/actor.js';
import { changeTold } from '../../core/event.js';
import { newId } from '../../core/id.js';
import { isZero, plainAmount, ZERO } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { requireMove } from '../../licenses/model.js';
import { changeLicense, licenseToChange, notSuspended } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { shareTemplate } from '../../templates/queries.js';
import { requireOnSale } from '../../templates/service.js';
import {
  basisOf,
  featuresAfter,
  type LicenseTerm,
  priceHolds,
  restrictionsAfter,
  sameBasis,
  upgradeDueAt,
  upgradePending,
} from '../model/upgrade.js';
import { goesOn } from '../model/upgradePrice.js';
import { invoiceOfUpgrade, lockFreeInvoice, lockPendingUpgrade } from '../queries/upgrades.js';
import type { UpgradeLicenseInput } from '../schema/upgrades.js';
import { licenseUpgrades, type Upgrade } from '../table/upgrades.js';
import { heldTerms, replaceTerms, templateBehind } from './heldTerms.js';
import { type PlannedUpgrade, plannedUpgrade, requireOffered } from './upgradeQuote.js';

const upgraded = [
  'templateId',
  'templateVersion',
  'productId',
  'productName',
  'productVersion',
  'licenseType',
  'licenseModel',
  'maxActivations',
  'leaseSeconds',
  'maxBorrowHours',
  'maxDeactivationsPerYear',
  'gracePeriodDays',
  'features',
  'restrictions',
  'status',
  'expiryDate',
  'maintenanceExpiry',
  'trialPeriodDays',
  'autoRenewal',
] as const satisfies readonly (keyof License)[];

/** A product that the license is for already stays at the version that it has. */
function productAfter({ license, product }: PlannedUpgrade) {
  if (license.productId === product.id) return {};
  return { productId: product.id, productName: product.name, productVersion: product.version };
}

function renewsAfter({ license, template, plan }: PlannedUpgrade): boolean {
  if (plan.expiryDate === null) return false;
  return goesOn(license, template) ? license.autoRenewal : template.autoRenewalEnabled;
}

function statusAfter({ standing }: PlannedUpgrade): 'ACTIVE' | 'INACTIVE' {
  if (standing.status === 'INACTIVE') return 'INACTIVE';
  if (standing.status !== 'ACTIVE') requireMove('upgradeLicense', standing.status, 'ACTIVE');
  return 'ACTIVE';
}

/** Takes a license, which the caller has locked, to its new template. */
async function change(work: Work, planned: PlannedUpgrade): Promise<License> {
  const { license, template, plan } = planned;
  const from = await templateBehind(work, license);
  const row = await changeLicense(work, license, {
    ...productAfter(planned),
    ...notSuspended,
    templateId: template.id,
    templateVersion: template.version,
    licenseType: template.licenseType,
    licenseModel: template.licenseModel,
    maxActivations: template.maxActivations,
    leaseSeconds: template.leaseSeconds,
    maxBorrowHours: template.maxBorrowHours,
    maxDeactivationsPerYear: template.maxDeactivationsPerYear,
    gracePeriodDays: template.gracePeriodDays,
    features: featuresAfter(license.features, from?.features ?? [], template.features),
    restrictions: restrictionsAfter(license.restrictions, from?.restrictions ?? [], template.restrictions),
    status: statusAfter(planned),
    expiryDate: plan.expiryDate,
    maintenanceExpiry: plan.maintenanceExpiry,
    trialPeriodDays: null,
    autoRenewal: renewsAfter(planned),
  });
  return reseat(work, license, row);
}

/** What was given for nothing is worth afterwards what was paid before. */
async function termsAfter(
  work: Work,
  planned: PlannedUpgrade,
  isWaived: boolean,
): Promise<readonly LicenseTerm[]> {
  const { license, template, plan } = planned;
  if (!isWaived) return plan.terms;
  if (goesOn(license, template)) return heldTerms(work, license);
  return plan.terms.map((term) => ({ ...term, price: ZERO }));
}

/** Does what was agreed on, and tells it. */
export async function applyUpgrade(
  work: Work,
  planned: PlannedUpgrade,
  upgrade: Pick<Upgrade, 'id' | 'invoiceId' | 'isWaived' | 'total' | 'currency'>,
): Promise<License> {
  const { license } = planned;
  const terms = await termsAfter(work, planned, upgrade.isWaived);
  const row = await change(work, planned);
  await replaceTerms(work, row, terms, upgrade.invoiceId);
  const names = upgraded.filter((name) => JSON.stringify(license[name]) !== JSON.stringify(row[name]));
  const data = {
    upgrade_id: upgrade.id,
    invoice_id: upgrade.invoiceId,
    ...{ total: plainAmount(upgrade.total), currency: upgrade.currency, waived: upgrade.isWaived },
    ...changeTold(license, row, names).data,
  };
  await work.emit({ type: 'license.upgraded', subjectId: row.id, licenseId: row.id, data });
  return row;
}

export async function settleUpgrade(
  work: Work,
  { id }: Pick<Upgrade, 'id'>,
  status: 'DONE' | 'CANCELLED' | 'FAILED',
  reason: string | null,
): Promise<Upgrade> {
  const [row] = await work.db
    .update(licenseUpgrades)
    .set({ status, reason, settledAt: work.now, updatedAt: work.now })
    .where(and(eq(licenseUpgrades.tenantId, work.tenantId), eq(licenseUpgrades.id, id)))
    .returning();
  if (row === undefined) throw new Error('an upgrade that was locked is not there');
  return row;
}

/**
 * Calls off the upgrade that a license, which the caller has locked, waits for, and voids its invoice: what was paid of it is
 * the payer's credit. Answers false where money lies on it, or is just being paid: whoever brings that voids it.
 */
export async function cancelPendingUpgrade(
  work: Work,
  licenseId: License['id'],
  reason: string,
): Promise<boolean> {
  const pending = await lockPendingUpgrade(work, licenseId);
  if (pending === undefined) return true;
  const invoice = pending.invoiceId === null ? undefined : await lockFreeInvoice(work, pending.invoiceId);
  const credit = invoice === undefined ? ZERO : amountKeptOf(invoice);
  await settleUpgrade(work, pending, 'CANCELLED', reason);
  const data = { upgrade_id: pending.id, invoice_id: pending.invoiceId, reason, credit: plainAmount(credit) };
  await work.emit({ type: 'license.upgrade_cancelled', subjectId: licenseId, licenseId, data });
  if (invoice !== undefined) await voidWithCredit(work, invoice, reason);
  return invoice !== undefined && isZero(credit);
}

async function insertUpgrade(
  work: Work,
  { license, template, plan }: PlannedUpgrade,
  values: Pick<Upgrade, 'status' | 'invoiceId' | 'isWaived'>,
): Promise<Upgrade> {
  const { tenantId, now, actor } = work;
  if (license.templateId === null) throw new Error('a license without a template was planned for an upgrade');
  const { total, currency } = plan.price;
  const [row] = await work.db
    .insert(licenseUpgrades)
    .values({
      ...values,
      ...{ tenantId, id: newId<'Upgrade'>(now), licenseId: license.id },
      ...{ fromTemplateId: license.templateId, fromVersion: license.templateVersion ?? 1 },
      ...{ toTemplateId: template.id, toVersion: template.version },
      ...{ basis: basisOf(license), total: values.isWaived ? ZERO : total, currency },
      requestedBy: subjectOf(actor) ?? 'nobody',
      settledAt: values.status === 'DONE' ? now : null,
      ...{ createdAt: now, updatedAt: now },
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  return row;
}

export interface RequestedUpgrade {
  readonly license: License;
  readonly upgrade: Upgrade;
  readonly invoice: Invoice | null;
}

/** Bills an upgrade; it is done once that is paid. */
async function bill(work: Work, planned: PlannedUpgrade): Promise<RequestedUpgrade> {
  const { license, template, plan } = planned;
  const { customerId, resellerId, id: licenseId } = license;
  const invoice = await createInvoice(work, {
    ...{ purpose: 'UPGRADE', customerId, resellerId, licenseId, price: plan.price },
    dueAt: upgradeDueAt(work.now),
  });
  const wanted = { status: 'PENDING', invoiceId: invoice.id, isWaived: false } as const;
  const upgrade = await insertUpgrade(work, planned, wanted);
  const data = {
    upgrade_id: upgrade.id,
    invoice_id: invoice.id,
    ...{ template_id: template.id, template_version: template.version },
    ...{ total: plainAmount(upgrade.total), currency: upgrade.currency },
  };
  await work.emit({ type: 'license.upgrade_requested', subjectId: licenseId, licenseId, data });
  return { license, upgrade, invoice };
}

/**
 * The upgrade that waits, where it is the very one that is asked for: to this version of the template, of the license as it
 * was when it was priced, at a price that still holds. Whoever did not hear the first answer is not billed twice.
 */
async function askedBefore(work: Work, planned: PlannedUpgrade): Promise<RequestedUpgrade | undefined> {
  const { license, template, plan } = planned;
  const upgrade = await lockPendingUpgrade(work, license.id);
  if (upgrade?.toTemplateId !== template.id || upgrade.toVersion !== template.version) return undefined;
  if (!sameBasis(basisOf(license), upgrade.basis)) return undefined;
  if (!priceHolds(upgrade, work.now, plan.price.total)) return undefined;
  const invoice = await invoiceOfUpgrade(work, upgrade);
  return invoice && { license, upgrade, invoice };
}

/** As in an order: whoever is switched off is sold nothing. Read and not locked: an upgrade that waits is not called off by it. */
async function requireBuyer(work: Work, { customerId }: License): Promise<void> {
  if (customerId === null) return;
  const customer = (await customersById(work, [customerId])).get(customerId);
  if (customer !== undefined && customer.status !== 'ACTIVE') throw customerInactive(customerId);
}

/**
 * Takes a license to another template, at once where nothing is to be paid or whoever may waives it, else when its invoice is
 * paid. Asked for again while it waits it is answered as it is; another one that waits is called off, unless money lies on it.
 */
export async function upgradeLicense(work: Work, input: UpgradeLicenseInput): Promise<RequestedUpgrade> {
  const isWaived = input.waivePayment ?? false;
  if (isWaived) {
    requirePermission(work.actor, 'order.override_price');
    // As in an order: what it costs is the vendor's to say, whatever a token grants.
    requireWholeTenant(work, 'order.override_price');
  }
  const license = await licenseToChange(work, input.licenseId);
  await requireBuyer(work, license);
  const template = requireOffered(await shareTemplate(work, input.templateId), input.templateId);
  const product = await requireOnSale(work, template.productId);
  const planned = await plannedUpgrade(work, license, { template, product }, 'input.templateId');
  const isPaid = !isWaived && !isZero(planned.plan.price.total);
  const before = isPaid ? await askedBefore(work, planned) : undefined;
  if (before !== undefined) return before;
  if (!(await cancelPendingUpgrade(work, license.id, 'Another upgrade was asked for')))
    throw upgradePending();
  if (isPaid) return bill(work, planned);
  const upgrade = await insertUpgrade(work, planned, { status: 'DONE', invoiceId: null, isWaived });
  return { license: await applyUpgrade(work, planned, upgrade), upgrade, invoice: null };
}
