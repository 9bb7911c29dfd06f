import { and, eq, type SQL, sql } from 'drizzle-orm';
import { invoiceScope } from '../../billing/queries.js';
import { type Invoice, invoices } from '../../billing/table.js';
import type { InvoiceId, LicenseId } from '../../core/id.js';
import { pagesByOwner, type Sorting } from '../../core/keyset.js';
import type { PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { licenseScope } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import { licenseTerms, licenseUpgrades, type StoredTerm, type Upgrade } from '../table/upgrades.js';
import { licenseOrders, type Order } from '../table.js';

/** What was paid for a license, since the first of its renewals and upgrades; what others stand in the place of, too. */
export function storedTerms(reading: Reading, licenseId: LicenseId): Promise<StoredTerm[]> {
  return reading.db
    .select()
    .from(licenseTerms)
    .where(and(eq(licenseTerms.tenantId, reading.tenantId), eq(licenseTerms.licenseId, licenseId)))
    .orderBy(licenseTerms.startsAt, licenseTerms.id);
}

/** The order that made a license, or renewed it, whoever may see it: its price is the license's. */
async function orderWhere(reading: Reading, which: SQL): Promise<Order | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseOrders)
    .where(and(eq(licenseOrders.tenantId, reading.tenantId), which));
  return row;
}

export const orderOfLicense = (reading: Reading, id: Order['id']): Promise<Order | undefined> =>
  orderWhere(reading, eq(licenseOrders.id, id));
export const orderOfInvoice = (reading: Reading, id: InvoiceId): Promise<Order | undefined> =>
  orderWhere(reading, eq(licenseOrders.invoiceId, id));

const ownUpgrades = (reading: Reading): SQL => eq(licenseUpgrades.tenantId, reading.tenantId);

async function lockUpgrade(reading: Reading, which: SQL): Promise<Upgrade | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseUpgrades)
    .where(and(ownUpgrades(reading), which))
    .for('no key update');
  return row;
}

export const lockPendingUpgrade = (reading: Reading, id: LicenseId): Promise<Upgrade | undefined> =>
  lockUpgrade(reading, sql`${licenseUpgrades.licenseId} = ${id} and ${licenseUpgrades.status} = 'PENDING'`);
export const lockUpgradeOfInvoice = (reading: Reading, id: InvoiceId): Promise<Upgrade | undefined> =>
  lockUpgrade(reading, eq(licenseUpgrades.invoiceId, id));

/** Which license an invoice upgrades, without a lock: the license is locked before its upgrade. */
export async function licenseUpgradedBy(reading: Reading, id: InvoiceId): Promise<LicenseId | undefined> {
  const [row] = await reading.db
    .select({ licenseId: licenseUpgrades.licenseId })
    .from(licenseUpgrades)
    .where(and(ownUpgrades(reading), eq(licenseUpgrades.invoiceId, id)));
  return row?.licenseId;
}

/** What an upgrade is paid by, for whoever may ask for the upgrade. */
export async function invoiceOfUpgrade(
  reading: Reading,
  { invoiceId }: Pick<Upgrade, 'invoiceId'>,
): Promise<Invoice | undefined> {
  if (invoiceId === null) return undefined;
  const [row] = await reading.db
    .select()
    .from(invoices)
    .where(and(eq(invoices.tenantId, reading.tenantId), eq(invoices.id, invoiceId)));
  return row;
}

/**
 * An invoice that nobody else is at, locked. Invoices are locked before licenses: whoever holds a license must not wait for
 * one, and whoever pays it finds out what became of the license.
 */
export async function lockFreeInvoice(reading: Reading, id: InvoiceId): Promise<Invoice | undefined> {
  const [row] = await reading.db
    .select()
    .from(invoices)
    .where(and(invoiceScope(reading), eq(invoices.id, id)))
    .for('no key update', { skipLocked: true });
  return row;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: licenseUpgrades.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function upgradesByLicense(reading: Reading, owners: readonly string[], page: PageArguments) {
  const visible = and(licenseScope(reading), eq(licenses.id, licenseUpgrades.licenseId));
  const where = and(ownUpgrades(reading), sql`exists (select 1 from ${licenses} where ${visible})`);
  const request = { where, sorting: newestFirst, page, owner: licenseUpgrades.licenseId, owners };
  return pagesByOwner(reading.db, licenseUpgrades, request, (row) => row.licenseId);
}
