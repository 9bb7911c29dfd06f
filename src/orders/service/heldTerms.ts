import { and, eq, isNull } from 'drizzle-orm';
import { amountOf, type PriceLine, type PriceLineKind } from '../../billing/model/price.js';
import { renewalPrice } from '../../billing/model/renewalPrice.js';
import { invoicesById } from '../../billing/queries.js';
import { addMonths, type Instant } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import { type InvoiceId, newId } from '../../core/id.js';
import { type Amount, shareOf, toStored, ZERO } from '../../core/money.js';
import type { Reading, Work } from '../../core/work.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { templatesById, templateVersionsByKey, versionKey } from '../../templates/queries.js';
import type { Template } from '../../templates/table.js';
import type { LicenseTerm } from '../model/upgrade.js';
import { defaultLength, termPrices } from '../model/upgradePrice.js';
import { orderOfInvoice, orderOfLicense, storedTerms } from '../queries/upgrades.js';
import { licenseTerms } from '../table/upgrades.js';

/** What a license was made from; the template as it is now where the version is from before versions were kept. */
export async function templateBehind(
  reading: Reading,
  { templateId, templateVersion }: Pick<License, 'templateId' | 'templateVersion'>,
): Promise<Template | undefined> {
  if (templateId === null) return undefined;
  const key = versionKey(templateId, templateVersion ?? 1);
  const version = (await templateVersionsByKey(reading, [key])).get(key);
  return version ?? (await templatesById(reading, [templateId])).get(templateId);
}

interface FirstPrice {
  readonly license: Amount;
  readonly maintenance: Amount;
  readonly currency: string;
  readonly durationMonths: number | null;
}

function ofLines(lines: readonly PriceLine[], quantity: number, ...kinds: readonly PriceLineKind[]): Amount {
  const sum = amountOf(lines.filter(({ kind }) => kinds.includes(kind)));
  return toStored(shareOf(sum, 1, quantity));
}

/** What a license was sold for: by its order, or else by what its template asked for one. */
async function firstPrice(reading: Reading, license: License): Promise<FirstPrice | undefined> {
  const order = license.orderId === null ? undefined : await orderOfLicense(reading, license.orderId);
  if (order !== undefined && !order.isRenewal) {
    const lines = order.lines as readonly PriceLine[];
    return {
      license: ofLines(lines, order.quantity, 'LICENSES', 'DISCOUNT'),
      maintenance: ofLines(lines, order.quantity, 'MAINTENANCE'),
      currency: order.currency,
      durationMonths: order.terms.durationMonths,
    };
  }
  const template = await templateBehind(reading, license);
  if (template === undefined) return undefined;
  const prices = termPrices(template, defaultLength(template));
  return { ...prices, currency: template.pricing.currency, durationMonths: null };
}

type Dates = Pick<License, 'expiryDate' | 'maintenanceExpiry'>;

/** The terms that a license was made with, by its dates as they were before anything was added to them. */
async function firstTerms(reading: Reading, license: License, dates: Dates): Promise<LicenseTerm[]> {
  const first = await firstPrice(reading, license);
  if (first === undefined) return [];
  const { durationMonths, currency } = first;
  const sold = { startsAt: license.issuedDate, durationMonths, currency };
  const perpetual = license.licenseType === 'PERPETUAL';
  const endsAt = perpetual ? null : dates.expiryDate;
  const own: LicenseTerm = { ...sold, kind: 'LICENSE', endsAt, price: first.license };
  if (!perpetual || dates.maintenanceExpiry === null) return [own];
  return [own, { ...sold, kind: 'MAINTENANCE', endsAt: dates.maintenanceExpiry, price: first.maintenance }];
}

/** What of a license is paid for, and is not over. An end that was moved by hand is that of its last term. */
export async function heldTerms(reading: Reading, license: License): Promise<LicenseTerm[]> {
  const stored = await storedTerms(reading, license.id);
  if (stored.length === 0) return firstTerms(reading, license, license);
  const standing = stored.filter(({ supersededAt }) => supersededAt === null);
  return [
    ...upTo(standing, 'LICENSE', license.expiryDate),
    ...upTo(standing, 'MAINTENANCE', license.maintenanceExpiry),
  ];
}

function upTo(terms: readonly LicenseTerm[], kind: LicenseTerm['kind'], end: Instant | null): LicenseTerm[] {
  const own = terms.filter((term) => term.kind === kind);
  return own.flatMap((term, index) => {
    if (term.endsAt === null || end === null) return [term];
    const isLast = index === own.length - 1;
    const endsAt = isLast || term.endsAt > end ? end : term.endsAt;
    return endsAt > term.startsAt ? [{ ...term, endsAt }] : [];
  });
}

async function insertTerms(
  work: Work,
  { id: licenseId }: License,
  terms: readonly LicenseTerm[],
  invoiceId: InvoiceId | null,
): Promise<void> {
  const dated = terms.filter(({ startsAt, endsAt }) => endsAt === null || endsAt > startsAt);
  if (dated.length === 0) return;
  const { tenantId, now } = work;
  const rows = dated.map(({ kind, startsAt, endsAt, durationMonths, price, currency }) => ({
    ...{ tenantId, id: newId<'Term'>(now), licenseId, kind, startsAt, endsAt },
    ...{ durationMonths, price, currency, invoiceId, createdAt: now, updatedAt: now },
  }));
  await work.db.insert(licenseTerms).values(rows);
}

/** These stand paid for from now on, and nothing else. */
export async function replaceTerms(
  work: Work,
  license: License,
  terms: readonly LicenseTerm[],
  invoiceId: InvoiceId | null,
): Promise<void> {
  await work.db
    .update(licenseTerms)
    .set({ supersededAt: work.now, updatedAt: work.now })
    .where(
      and(
        eq(licenseTerms.tenantId, work.tenantId),
        eq(licenseTerms.licenseId, license.id),
        isNull(licenseTerms.supersededAt),
      ),
    );
  await insertTerms(work, license, terms, invoiceId);
}

/** What a renewal was paid with: its invoice says it, nothing where an order was free, and else what it would cost now. */
async function renewalPaid(
  work: Work,
  license: License,
  template: Template,
  { data }: NewEvent,
): Promise<Pick<LicenseTerm, 'price' | 'currency'>> {
  const invoiceId = typeof data?.invoice_id === 'string' ? (data.invoice_id as InvoiceId) : undefined;
  const invoice =
    invoiceId === undefined ? undefined : (await invoicesById(work, [invoiceId])).get(invoiceId);
  if (invoice !== undefined) {
    const order = await orderOfInvoice(work, invoice.id);
    const kinds = ['LICENSES', 'DISCOUNT', 'MAINTENANCE'] as const;
    const lines = invoice.lines as readonly PriceLine[];
    return { price: ofLines(lines, order?.quantity ?? 1, ...kinds), currency: invoice.currency };
  }
  const { pricing, defaultDuration } = template;
  if (data?.by === 'ORDER') return { price: ZERO, currency: pricing.currency };
  const { licenseType, maxActivations } = license;
  const durationMonths = Number(data?.duration_months ?? 1);
  const facts = { quantity: 1, maxActivations, licenseType, durationMonths, defaultDuration };
  return { price: renewalPrice(pricing, facts, []).total, currency: pricing.currency };
}

/** Follows `license.renewed`: keeps what was added to the license, and first what it was made with. */
export async function keepRenewedTerm(work: Work, event: NewEvent): Promise<void> {
  const id = event.licenseId;
  const license = id === undefined ? undefined : (await licensesById(work, [id])).get(id);
  if (license === undefined || license.templateId === null) return;
  const template = (await templatesById(work, [license.templateId])).get(license.templateId);
  const kind = license.licenseType === 'PERPETUAL' ? 'MAINTENANCE' : 'LICENSE';
  const endsAt = kind === 'LICENSE' ? license.expiryDate : license.maintenanceExpiry;
  if (template === undefined || endsAt === null) return;
  const durationMonths = Number(event.data?.duration_months ?? 1);
  const from = (event.data?.from ?? null) as Instant | null;
  const follows = from !== null && addMonths(from, durationMonths) === endsAt;
  const startsAt = kind === 'MAINTENANCE' ? addMonths(endsAt, -durationMonths) : follows ? from : work.now;
  const paid = await renewalPaid(work, license, template, event);
  const isFirst = (await storedTerms(work, license.id)).length === 0;
  const dates = { expiryDate: from, maintenanceExpiry: kind === 'MAINTENANCE' ? startsAt : null };
  const before = isFirst ? await firstTerms(work, license, dates) : [];
  const invoiceId = (event.data?.invoice_id ?? null) as InvoiceId | null;
  await insertTerms(work, license, before, null);
  await insertTerms(work, license, [{ kind, startsAt, endsAt, durationMonths, ...paid }], invoiceId);
}
