import { and, eq, type SQL, sql } from 'drizzle-orm';
import { type Scope, scopeOf } from '../core/actor.js';
import { type Instant, latest } from '../core/clock.js';
import type { Db } from '../core/db.js';
import { changeTold } from '../core/event.js';
import { type LicenseId, newId, type TenantId } from '../core/id.js';
import { invalidInput, Refusal } from '../core/refusal.js';
import type { Reading, Work } from '../core/work.js';
import {
  applicationActor,
  customerNotFound,
  type FeatureFlags,
  oneLicensePerOperation,
  resellerNotFound,
} from './model.js';
import { findInDirectory, lockCustomer, lockReseller, resellersById } from './queries.js';
import type {
  CreateCustomerInput,
  CreateResellerInput,
  UpdateCustomerInput,
  UpdateResellerInput,
} from './schema.js';
import {
  type Customer,
  customers,
  type DirectoryKind,
  type Reseller,
  resellers,
  type Tenant,
  tenants,
} from './table.js';

/** The command line's act, as lg_worker: no tenant's actor may make tenants. */
export async function createTenant(db: Db, id: TenantId, name: string, now: Instant): Promise<Tenant> {
  const [row] = await db
    .insert(tenants)
    .values({ id, name, settings: {}, createdAt: now, updatedAt: now })
    .onConflictDoNothing()
    .returning();
  if (row === undefined) throw new Refusal('ALREADY_EXISTS', `There is a tenant ${id} already.`, { id });
  return row;
}

/** Changes this one setting, whatever else stands beside it; null leaves the tenant with the default flags. */
export async function saveFeatureFlags(
  work: Work,
  tenant: Tenant,
  flags: FeatureFlags | null,
): Promise<void> {
  const settings: SQL =
    flags === null
      ? sql`${tenants.settings} - 'feature_flags'`
      : sql`${tenants.settings} || jsonb_build_object('feature_flags', ${JSON.stringify(flags)}::jsonb)`;
  await work.db
    .update(tenants)
    .set({ settings, updatedAt: latest(tenant.updatedAt, work.now) })
    .where(eq(tenants.id, work.tenantId));
}

/**
 * Finds the license that a key or token leads to, without a tenant being known. An application that came without a
 * token of its own is that license's from here on, for the whole query. What belongs to another tenant than the
 * caller's answers as what does not exist.
 */
export async function enterBySecret(
  reading: Reading,
  kind: DirectoryKind,
  secret: string,
  vendor?: string | null,
): Promise<LicenseId | undefined> {
  const found = await findInDirectory(reading.db, kind, reading.keys.hashes(kind, secret));
  if (found === undefined || (vendor ?? found.tenantId) !== found.tenantId) {
    await reading.missed();
    return undefined;
  }
  const licenseId = found.subjectId as LicenseId;
  const { actor } = reading;
  if (actor.kind === 'anonymous') reading.enter(found.tenantId, applicationActor(found.tenantId, licenseId));
  else if (actor.kind === 'application' && actor.licenseId !== licenseId) throw oneLicensePerOperation();
  await reading.admit(licenseId);
  if (reading.tenantId === found.tenantId) return licenseId;
  await reading.missed();
  return undefined;
}

function externalIdTaken(): Refusal {
  return new Refusal('ALREADY_EXISTS', 'input.externalId: another customer has it.', {
    fields: [{ field: 'input.externalId', message: 'another customer has it' }],
  });
}

async function requireReseller(work: Work, id: string | null | undefined): Promise<void> {
  if (id && !(await resellersById(work, [id])).has(id)) throw resellerNotFound(id);
}

/** Who is bound to a part of the tenant adds nobody beside itself, whatever else its token grants. */
function requireUnbound(work: Pick<Work, 'actor'>, to: readonly (keyof Scope)[], permission: string): void {
  const scope = scopeOf(work.actor);
  if (to.every((part) => scope[part] === undefined)) return;
  throw new Refusal('FORBIDDEN', 'Is not for callers who are bound to a part of the tenant.', { permission });
}

/** What all of the tenant shares is changed by those alone who see all of it. */
export function requireWholeTenant(work: Pick<Work, 'actor'>, permission: string): void {
  requireUnbound(work, ['customerId', 'resellerId', 'licenseId'], permission);
}

/** How a party is called, reached and named on invoices. */
const reached = ['name', 'email', 'language', 'timeZone', 'billingAddress', 'taxId'] as const;
/** What of a party may be a person's, and can be erased from the trail. */
const aboutPeople = ['name', 'email', 'billingAddress', 'taxId'] as const;
const named = ({ name, email }: Pick<Customer, 'name' | 'email'>) => ({ name, email });
const billed = ({ billingAddress, taxId }: Pick<CreateResellerInput, 'billingAddress' | 'taxId'>) => ({
  billingAddress: billingAddress ?? null,
  taxId: taxId ?? null,
});

/** A reseller adds customers of its own. */
export async function createCustomer(work: Work, input: CreateCustomerInput): Promise<Customer> {
  requireUnbound(work, ['customerId'], 'customer.create');
  await requireReseller(work, input.resellerId);
  const [row] = await work.db
    .insert(customers)
    .values({
      tenantId: work.tenantId,
      id: newId<'Customer'>(work.now),
      name: input.name,
      email: input.email ?? null,
      language: input.language ?? null,
      timeZone: input.timeZone ?? null,
      ...billed(input),
      ...(input.receivesReminders === undefined ? {} : { receivesReminders: input.receivesReminders }),
      externalId: input.externalId ?? null,
      resellerId: input.resellerId ?? scopeOf(work.actor).resellerId ?? null,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .onConflictDoNothing()
    .returning();
  if (row === undefined) throw externalIdTaken();
  await work.emit({ type: 'customer.created', subjectId: row.id, personal: named(row) });
  return row;
}

/** A customer and its reseller change how it is called and reached; whether and through whom it buys is the vendor's. */
export async function updateCustomer(work: Work, input: UpdateCustomerInput): Promise<Customer> {
  if (input.status !== undefined || input.resellerId !== undefined)
    requireWholeTenant(work, 'customer.update');
  const customer = await lockCustomer(work, input.customerId);
  if (customer === undefined) throw customerNotFound(input.customerId);
  await requireReseller(work, input.resellerId);
  const changes = changesOf(input, [...reached, 'receivesReminders', 'status', 'resellerId']);
  const [row] = await work.db
    .update(customers)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(customers.tenantId, work.tenantId), eq(customers.id, customer.id)))
    .returning();
  if (row === undefined) throw customerNotFound(input.customerId);
  const told = changeTold(customer, row, namesOf(changes), aboutPeople);
  await work.emit({ type: 'customer.updated', subjectId: row.id, ...told });
  return row;
}

export async function createReseller(work: Work, input: CreateResellerInput): Promise<Reseller> {
  requireWholeTenant(work, 'reseller.create');
  const [row] = await work.db
    .insert(resellers)
    .values({
      tenantId: work.tenantId,
      id: newId<'Reseller'>(work.now),
      name: input.name,
      email: input.email ?? null,
      language: input.language ?? null,
      timeZone: input.timeZone ?? null,
      ...billed(input),
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  await work.emit({ type: 'reseller.created', subjectId: row.id, personal: named(row) });
  return row;
}

/** A customer sees the reseller that it came through, but does not change it. */
export async function updateReseller(work: Work, input: UpdateResellerInput): Promise<Reseller> {
  requireUnbound(work, ['customerId'], 'reseller.update');
  const reseller = await lockReseller(work, input.resellerId);
  if (reseller === undefined) throw resellerNotFound(input.resellerId);
  const changes = changesOf(input, [...reached, 'status']);
  const [row] = await work.db
    .update(resellers)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(resellers.tenantId, work.tenantId), eq(resellers.id, reseller.id)))
    .returning();
  if (row === undefined) throw resellerNotFound(input.resellerId);
  const told = changeTold(reseller, row, namesOf(changes), aboutPeople);
  await work.emit({ type: 'reseller.updated', subjectId: row.id, ...told });
  return row;
}

/** What the members are called that were given. */
export function namesOf<Changes extends object>(changes: Changes): (keyof Changes & string)[] {
  return Object.keys(changes) as (keyof Changes & string)[];
}

/** The members of an input that were given; an update that changes nothing is refused. */
export function changesOf<Input extends object, Name extends keyof Input & string>(
  input: Input,
  names: readonly Name[],
): Partial<Pick<Input, Name>> {
  const given = names.filter((name) => input[name] !== undefined);
  if (given.length === 0) throw invalidInput([{ field: 'input', message: 'names nothing to change' }]);
  return Object.fromEntries(given.map((name) => [name, input[name]])) as Partial<Pick<Input, Name>>;
}
