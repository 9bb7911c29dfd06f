import { and, eq, gte, ilike, lte, or, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { containing, findInDirectory } from '../access/queries.js';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId, LicenseId, ProductId, ResellerId, TemplateId } from '../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import type { LicenseModel, LicenseType } from '../templates/model.js';
import { keyMalformed, type LicenseStatus, parseLicenseKey } from './model.js';
import { expiryOrder, type License, licenses } from './table.js';

/** The licenses that a caller sees: all of the tenant's, a customer's own, what a reseller sold, or the one shown. */
export function licenseScope(reading: Reading): SQL {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  const narrowed = and(
    eq(licenses.tenantId, reading.tenantId),
    customerId === undefined ? undefined : eq(licenses.customerId, customerId),
    resellerId === undefined ? undefined : eq(licenses.resellerId, resellerId),
    licenseId === undefined ? undefined : eq(licenses.id, licenseId),
  );
  return narrowed ?? sql`false`;
}

/** When grace ends, as `graceEnd` of the model: an INACTIVE license has none. */
export const graceEndSql: SQL = sql`(${licenses.expiryDate} + make_interval(days => case when ${licenses.status} = 'INACTIVE' then 0 else coalesce(${licenses.gracePeriodDays}, 0) end))`;

/** The status at an instant, as `standingAt` of the model; a property test holds the two together. */
export function statusSql(now: Instant | Placeholder): SQL<LicenseStatus> {
  return sql`case
    when ${licenses.status} in ('REVOKED', 'SUSPENDED', 'PENDING') then ${licenses.status}
    when ${licenses.expiryDate} is null or ${licenses.expiryDate} > ${now}::timestamptz
      then case ${licenses.status} when 'INACTIVE' then 'INACTIVE' else 'ACTIVE' end
    when ${graceEndSql} > ${now}::timestamptz then 'EXPIRED'
    else 'SUSPENDED' end`;
}

/** Whether a license grants its features at an instant, as `grantsAt` of the model. */
export function grantingSql(now: Instant | Placeholder): SQL {
  return sql`${statusSql(now)} in ('ACTIVE', 'EXPIRED')`;
}

/** Whether nothing but the end of grace keeps a license from granting, as `passesEndOfGrace` of the activations. */
export function lapsedSql(now: Instant | Placeholder): SQL {
  return sql`(${statusSql(now)} = 'SUSPENDED' and ${licenses.status} <> 'INACTIVE'
    and coalesce(${licenses.suspendedFrom}, '') <> 'INACTIVE'
    and (${licenses.status} <> 'SUSPENDED' or ${licenses.suspensionCause} = 'GRACE_EXPIRED'))`;
}

export async function licensesById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, License>> {
  const rows = await reading.db
    .select()
    .from(licenses)
    .where(and(licenseScope(reading), anyOf(licenses.id, ids)));
  return byKey(rows, (row) => row.id);
}

export async function lockLicense(reading: Reading, id: string): Promise<License | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenses)
    .where(and(licenseScope(reading), eq(licenses.id, id as LicenseId)))
    .for('no key update');
  return row;
}

/** Locked in the order of their ids, so that two who want the same ones do not wait for each other in a ring. */
export function lockLicenses(reading: Reading, ids: readonly string[]): Promise<License[]> {
  return reading.db
    .select()
    .from(licenses)
    .where(and(licenseScope(reading), anyOf(licenses.id, ids)))
    .orderBy(licenses.id)
    .for('no key update');
}

export interface LicenseFilter {
  readonly customerId?: CustomerId | null;
  readonly resellerId?: ResellerId | null;
  readonly productId?: ProductId | null;
  readonly templateId?: TemplateId | null;
  readonly status?: readonly LicenseStatus[] | null;
  readonly licenseType?: readonly LicenseType[] | null;
  readonly licenseModel?: readonly LicenseModel[] | null;
  readonly expiryDateFrom?: Instant | null;
  readonly expiryDateTo?: Instant | null;
  readonly autoRenewal?: boolean | null;
  readonly search?: string | null;
}

function equals<Value>(column: Parameters<typeof eq>[0], value: Value | null | undefined): SQL | undefined {
  return value === null || value === undefined ? undefined : eq(column, value);
}

export function licensesWhere(reading: Reading, filter: LicenseFilter): SQL | undefined {
  const { status, licenseType, licenseModel, search, expiryDateFrom, expiryDateTo } = filter;
  const found = search ? containing(search) : undefined;
  return and(
    licenseScope(reading),
    equals(licenses.customerId, filter.customerId),
    equals(licenses.resellerId, filter.resellerId),
    equals(licenses.productId, filter.productId),
    equals(licenses.templateId, filter.templateId),
    equals(licenses.autoRenewal, filter.autoRenewal),
    status ? anyOf(statusSql(reading.now), status) : undefined,
    licenseType ? anyOf(licenses.licenseType, licenseType) : undefined,
    licenseModel ? anyOf(licenses.licenseModel, licenseModel) : undefined,
    expiryDateFrom ? gte(licenses.expiryDate, expiryDateFrom) : undefined,
    expiryDateTo ? lte(licenses.expiryDate, expiryDateTo) : undefined,
    found === undefined ? undefined : or(ilike(licenses.issuedTo, found), ilike(licenses.productName, found)),
  );
}

export const licenseSortFields = {
  CREATED_AT: { by: licenses.createdAt, type: 'timestamptz' },
  EXPIRY_DATE: { by: licenses.expiryDate, type: 'timestamptz' },
  ISSUED_DATE: { by: licenses.issuedDate, type: 'timestamptz' },
  ISSUED_TO: { by: licenses.issuedTo, type: 'text' },
} as const;
export type LicenseSortField = keyof typeof licenseSortFields;

export interface LicenseSort {
  readonly field: LicenseSortField;
  readonly direction: 'ASC' | 'DESC';
}

function sortingOf({ field, direction }: LicenseSort): Sorting {
  const { by, type } = licenseSortFields[field];
  return {
    name: field,
    by: field === 'EXPIRY_DATE' ? expiryOrder(licenses.expiryDate, direction) : by,
    type,
    direction,
  };
}

const newestFirst: LicenseSort = { field: 'CREATED_AT', direction: 'DESC' };

export function licensesPage(
  reading: Reading,
  filter: LicenseFilter,
  sort: LicenseSort | null,
  page: PageArguments,
): Promise<Page<License>> {
  const request = { where: licensesWhere(reading, filter), sorting: sortingOf(sort ?? newestFirst), page };
  return pageOf(reading.db, licenses, request);
}

type Owner = 'customerId' | 'resellerId' | 'templateId' | 'productId' | 'orderId';

/** The licenses of many owners, a page each. */
function licensesBy(owner: Owner) {
  return (reading: Reading, owners: readonly string[], page: PageArguments) => {
    const list = { where: licenseScope(reading), sorting: sortingOf(newestFirst), page };
    const request = { ...list, owner: licenses[owner], owners };
    return pagesByOwner(reading.db, licenses, request, (row) => row[owner]);
  };
}

export const licensesByCustomer = licensesBy('customerId');
export const licensesByReseller = licensesBy('resellerId');
export const licensesByTemplate = licensesBy('templateId');
export const licensesByProduct = licensesBy('productId');
export const licensesByOrder = licensesBy('orderId');

/** The license that a key opens, if the caller sees it. The key's form is refused before anything is asked. */
export async function findLicenseByKey(reading: Reading, input: string): Promise<License | undefined> {
  const licenseKey = parseLicenseKey(input);
  if (licenseKey === undefined) throw keyMalformed();
  const found = await findInDirectory(
    reading.db,
    'LICENSE_KEY',
    reading.keys.hashes('LICENSE_KEY', licenseKey),
  );
  const id = found?.subjectId as LicenseId | undefined;
  if (id !== undefined) await reading.admit(id);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  if (license !== undefined) return license;
  await reading.missed();
  return undefined;
}

/** The largest export: what one answer can carry. */
export const EXPORT_LIMIT = 10_000;

export function licensesToExport(reading: Reading, filter: LicenseFilter): Promise<License[]> {
  return reading.db
    .select()
    .from(licenses)
    .where(licensesWhere(reading, filter))
    .orderBy(licenses.createdAt, licenses.id)
    .limit(EXPORT_LIMIT + 1);
}

/** Licenses that a look into a window reads at a time. */
export const EXPIRING_PAGE = 500;

function windowEnd(reading: Reading, withinDays: number): SQL {
  return sql`${reading.now}::timestamptz + make_interval(days => ${withinDays}::int)`;
}

/** A place in the order of expiry. */
export interface ExpiryPlace {
  readonly expiryDate: Instant;
  readonly id: string;
}

/** As the index of the tenant's licenses by expiry has it. */
const byExpiry = expiryOrder(licenses.expiryDate, 'ASC');

/** A page of the running licenses that expire behind a place and within so many days, the next first. */
export function licensesExpiring(
  reading: Reading,
  withinDays: number,
  behind: ExpiryPlace,
): Promise<License[]> {
  return reading.db
    .select()
    .from(licenses)
    .where(
      and(
        licenseScope(reading),
        sql`${byExpiry} > ${reading.now}::timestamptz`,
        sql`(${byExpiry}, ${licenses.id}) > (${behind.expiryDate}::timestamptz, ${behind.id}::text)`,
        sql`${byExpiry} <= ${windowEnd(reading, withinDays)}`,
        sql`${statusSql(reading.now)} = 'ACTIVE'`,
      ),
    )
    .orderBy(byExpiry, licenses.id)
    .limit(EXPIRING_PAGE);
}

/** The expiry of the license that will be the next to enter that window; null if there is none. */
export async function nextToExpire(reading: Reading, withinDays: number): Promise<Instant | null> {
  const [row] = await reading.db
    .select({ expiryDate: licenses.expiryDate })
    .from(licenses)
    .where(and(licenseScope(reading), sql`${byExpiry} > ${windowEnd(reading, withinDays)}`))
    .orderBy(byExpiry)
    .limit(1);
  return row?.expiryDate ?? null;
}
