import { and, eq, exists, ilike, or, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../core/actor.js';
import type { Db } from '../core/db.js';
import type { TenantId } from '../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import type { PartyStatus } from './model.js';
import {
  type Customer,
  customers,
  type DirectoryKind,
  keyDirectory,
  type Reseller,
  resellers,
  type Tenant,
  tenants,
} from './table.js';

export async function findTenant(db: Db, id: TenantId): Promise<Tenant | undefined> {
  const [row] = await db.select().from(tenants).where(eq(tenants.id, id));
  return row;
}

/** Whether the deployment has one tenant and no more. */
export async function hasOneTenant(db: Db): Promise<boolean> {
  return (await db.select({ id: tenants.id }).from(tenants).limit(2)).length === 1;
}

/** The caller's own tenant. */
export async function tenantOf(reading: Reading): Promise<Tenant> {
  const tenant = await findTenant(reading.db, reading.tenantId);
  if (tenant === undefined) throw new Error('the tenant of a reading is not there');
  return tenant;
}

/** The caller's own tenant, locked: its settings are about to change. */
export async function lockTenant(reading: Reading): Promise<Tenant> {
  const rows = reading.db.select().from(tenants).where(eq(tenants.id, reading.tenantId));
  const [row] = await rows.for('no key update');
  if (row === undefined) throw new Error('the tenant of a transaction is not there');
  return row;
}

export async function tenantsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Tenant>> {
  const rows = await reading.db.select().from(tenants).where(anyOf(tenants.id, ids));
  return byKey(rows, (row) => row.id);
}

/** Whoever is no operator finds its own tenant alone: row-level security shows no other. */
export function tenantsPage(
  reading: Reading,
  filter: { readonly search?: string | null },
  page: PageArguments,
): Promise<Page<Tenant>> {
  const found = filter.search ? containing(filter.search) : undefined;
  const where = found === undefined ? undefined : or(ilike(tenants.name, found), ilike(tenants.id, found));
  return pageOf(reading.db, tenants, { where, sorting: { ...byName, by: tenants.name }, page });
}

/** Where a secret leads, by any of its hashes. The only look-up that names no tenant. */
export async function findInDirectory(
  db: Db,
  kind: DirectoryKind,
  hashes: readonly string[],
): Promise<{ tenantId: TenantId; subjectId: string } | undefined> {
  const [row] = await db
    .select({ tenantId: keyDirectory.tenantId, subjectId: keyDirectory.subjectId })
    .from(keyDirectory)
    .where(and(anyOf(keyDirectory.hash, hashes), eq(keyDirectory.kind, kind)));
  return row;
}

/** Where many secrets lead, each by its hash. */
export function findManyInDirectory(db: Db, hashes: readonly string[]) {
  return db.select().from(keyDirectory).where(anyOf(keyDirectory.hash, hashes));
}

/** A customer's caller sees that customer; a reseller's the customers that came through it. */
function customerScope(reading: Reading): SQL | undefined {
  const scope = scopeOf(reading.actor);
  const own = scope.customerId === undefined ? undefined : eq(customers.id, scope.customerId);
  const sold = scope.resellerId === undefined ? undefined : eq(customers.resellerId, scope.resellerId);
  return and(
    eq(customers.tenantId, reading.tenantId),
    own,
    sold,
    scope.licenseId === undefined ? undefined : sql`false`,
  );
}

function resellerScope(reading: Reading): SQL | undefined {
  const scope = scopeOf(reading.actor);
  const own = scope.resellerId === undefined ? undefined : eq(resellers.id, scope.resellerId);
  const sellsTo =
    scope.customerId === undefined
      ? undefined
      : exists(
          reading.db
            .select({ one: sql`1` })
            .from(customers)
            .where(
              and(
                eq(customers.tenantId, reading.tenantId),
                eq(customers.id, scope.customerId),
                eq(customers.resellerId, resellers.id),
              ),
            ),
        );
  return and(eq(resellers.tenantId, reading.tenantId), own, sellsTo);
}

export async function customersById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Customer>> {
  const rows = await reading.db
    .select()
    .from(customers)
    .where(and(customerScope(reading), anyOf(customers.id, ids)));
  return byKey(rows, (row) => row.id);
}

export async function resellersById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Reseller>> {
  const rows = await reading.db
    .select()
    .from(resellers)
    .where(and(resellerScope(reading), anyOf(resellers.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** Text that a person typed, as a pattern in which only our own wildcards are wild. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (letter) => `\\${letter}`)}%`;
}

export interface PartyFilter {
  readonly status?: PartyStatus | null;
  readonly search?: string | null;
}

const byName: Sorting = { name: 'NAME', by: customers.name, type: 'text', direction: 'ASC' };

export function customersPage(
  reading: Reading,
  filter: PartyFilter,
  page: PageArguments,
): Promise<Page<Customer>> {
  const { status, search } = filter;
  const found = search ? containing(search) : undefined;
  const where = and(
    customerScope(reading),
    status ? eq(customers.status, status) : undefined,
    found === undefined ? undefined : or(ilike(customers.name, found), ilike(customers.email, found)),
  );
  return pageOf(reading.db, customers, { where, sorting: byName, page });
}

/** The customers that came through each reseller. */
export function customersByReseller(reading: Reading, owners: readonly string[], page: PageArguments) {
  const list = { where: customerScope(reading), sorting: byName, page };
  const request = { ...list, owner: customers.resellerId, owners };
  return pagesByOwner(reading.db, customers, request, (row) => row.resellerId);
}

export function resellersPage(
  reading: Reading,
  filter: PartyFilter,
  page: PageArguments,
): Promise<Page<Reseller>> {
  const { status, search } = filter;
  const where = and(
    resellerScope(reading),
    status ? eq(resellers.status, status) : undefined,
    search ? ilike(resellers.name, containing(search)) : undefined,
  );
  return pageOf(reading.db, resellers, { where, sorting: { ...byName, by: resellers.name }, page });
}

/** Reads a row that has to stay as it is until the transaction ends: who changes it waits, who reads it too does not. */
export async function shareCustomer(reading: Reading, id: string): Promise<Customer | undefined> {
  const [row] = await reading.db
    .select()
    .from(customers)
    .where(and(customerScope(reading), eq(customers.id, id as Customer['id'])))
    .for('share');
  return row;
}

/** Names by which a list may call customers. */
export interface CustomerNames {
  readonly ids: readonly string[];
  readonly externalIds: readonly string[];
  /** In lower case. */
  readonly emails: readonly string[];
}

/** The customers that a list names, as many as there are, in the order in which all acts lock them. */
export function shareCustomersNamed(
  reading: Reading,
  { ids, externalIds, emails }: CustomerNames,
): Promise<Customer[]> {
  const named = or(
    anyOf(customers.id, ids),
    anyOf(customers.externalId, externalIds),
    anyOf(sql`lower(${customers.email})`, emails),
  );
  return reading.db
    .select()
    .from(customers)
    .where(and(customerScope(reading), named))
    .orderBy(customers.id)
    .for('share');
}

export function shareResellers(reading: Reading, ids: readonly string[]): Promise<Reseller[]> {
  return reading.db
    .select()
    .from(resellers)
    .where(and(resellerScope(reading), anyOf(resellers.id, ids)))
    .orderBy(resellers.id)
    .for('share');
}

export async function shareReseller(reading: Reading, id: string): Promise<Reseller | undefined> {
  const [row] = await reading.db
    .select()
    .from(resellers)
    .where(and(resellerScope(reading), eq(resellers.id, id as Reseller['id'])))
    .for('share');
  return row;
}

/** Locks a row that is about to change. */
export async function lockCustomer(reading: Reading, id: string): Promise<Customer | undefined> {
  const [row] = await reading.db
    .select()
    .from(customers)
    .where(and(customerScope(reading), eq(customers.id, id as Customer['id'])))
    .for('no key update');
  return row;
}

export async function lockReseller(reading: Reading, id: string): Promise<Reseller | undefined> {
  const [row] = await reading.db
    .select()
    .from(resellers)
    .where(and(resellerScope(reading), eq(resellers.id, id as Reseller['id'])))
    .for('no key update');
  return row;
}
