import { getTableColumns, sql } from 'drizzle-orm';
import {
  customerInactive,
  customerNotFound,
  resellerInactive,
  resellerNotFound,
} from '../../access/model.js';
import { shareCustomer, shareReseller } from '../../access/queries.js';
import { type Customer, keyDirectory } from '../../access/table.js';
import { scopeOf } from '../../core/actor.js';
import type { KeyRing } from '../../core/crypto.js';
import type { NewEvent } from '../../core/event.js';
import { type LicenseId, newId, type ResellerId, type TenantId } from '../../core/id.js';
import { givenOrDefault, rowsToInsert } from '../../core/insertRows.js';
import { byKey } from '../../core/keyset.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  codeTaken,
  featureProblems,
  type LicenseFeature,
  type LicenseRestriction,
  restrictionProblems,
} from '../../templates/model.js';
import { keptValues } from '../../templates/service.js';
import { type SealedFacts, sealedColumns, sealOf } from '../model/seal.js';
import { maskLicenseKey, newLicenseKey } from '../model.js';
import { type License, licenses } from '../table.js';

/** A license with the full key that only the issuing act hands out. */
export interface IssuedLicense {
  readonly license: License;
  readonly licenseKey: string;
}

export type NewLicense = Omit<
  typeof licenses.$inferInsert,
  | 'tenantId'
  | 'id'
  | 'licenseKeyHash'
  | 'licenseKeyCiphertext'
  | 'licenseKeyMask'
  | 'heldSince'
  | 'seal'
  | 'createdAt'
  | 'updatedAt'
>;

/** What else than its own facts the event of a new license tells: what it was made for. */
export type EventCause = Readonly<Record<string, string | number>>;

const KEY_TRIES = 5;

/** What a ciphertext is bound to, so that it opens in its own row only. */
function keyBinding(tenantId: TenantId, id: LicenseId): string {
  return `license_key ${tenantId} ${id}`;
}

export function revealedKey(keys: KeyRing, license: License): string {
  return keys.decrypt(license.licenseKeyCiphertext, keyBinding(license.tenantId, license.id));
}

/** Enters keys in the directory, all in one statement, and answers the licenses whose key was free under every pepper. */
async function claimKeys(work: Work, keys: ReadonlyMap<LicenseId, string>): Promise<ReadonlySet<string>> {
  const made = [...keys].map(([id, licenseKey]) => {
    const [hash = '', ...earlier] = work.keys.hashes('LICENSE_KEY', licenseKey);
    return { id, hash, earlier };
  });
  const rows = await work.db.execute<{ subject_id: string }>(sql`
    insert into ${keyDirectory} (hash, kind, tenant_id, subject_id)
    select made.hash, 'LICENSE_KEY', ${work.tenantId}, made.id
    from json_to_recordset(${JSON.stringify(made)}::text::json) as made (id text, hash text, earlier json)
    where not exists (select 1 from json_array_elements_text(made.earlier) as known (hash)
      join ${keyDirectory} as other on other.hash = known.hash)
    on conflict do nothing returning subject_id`);
  return new Set([...rows].map((row) => row.subject_id));
}

/** Takes the keys that were given, and makes keys for the others until each has one that is free. */
async function keysFor(
  work: Work,
  given: ReadonlyMap<LicenseId, string | undefined>,
): Promise<ReadonlyMap<LicenseId, string>> {
  const free = new Map<LicenseId, string>();
  for (let tried = 0; tried < KEY_TRIES; tried += 1) {
    const missing = [...given].filter(([id]) => !free.has(id));
    if (missing.length === 0) return free;
    const tries = new Map(missing.map(([id, licenseKey]) => [id, licenseKey ?? newLicenseKey()]));
    const claimed = await claimKeys(work, tries);
    for (const [id, licenseKey] of tries) {
      if (claimed.has(id)) free.set(id, licenseKey);
      else if (given.get(id) !== undefined) throw codeTaken('input.licenseKey', maskLicenseKey(licenseKey));
    }
  }
  if (free.size === given.size) return free;
  throw new Error(`no free license key in ${KEY_TRIES} tries: the random source is broken`);
}

type MadeLicense = NewLicense & Pick<License, 'tenantId' | 'id' | 'licenseKeyHash' | 'heldSince'>;

/** What is not given is what the table fills in: the seal covers the row as it will be read. */
function withDefaults(made: MadeLicense): SealedFacts {
  const columns = getTableColumns(licenses);
  const values = sealedColumns.map((name) => [name, givenOrDefault(made, name, columns[name])]);
  return { ...Object.fromEntries(values), tenantId: made.tenantId, id: made.id };
}

function rowOf(work: Work, id: LicenseId, values: NewLicense, licenseKey: string) {
  const made = {
    ...values,
    tenantId: work.tenantId,
    id,
    licenseKeyHash: work.keys.hash('LICENSE_KEY', licenseKey),
    licenseKeyCiphertext: work.keys.encrypt(licenseKey, keyBinding(work.tenantId, id)),
    licenseKeyMask: maskLicenseKey(licenseKey),
    heldSince: work.now,
    createdAt: work.now,
    updatedAt: work.now,
  };
  return { ...made, seal: sealOf(work.keys, withDefaults(made)) };
}

function createdEvent(license: License, cause: EventCause): NewEvent {
  const { id, productId, licenseType, customerId, templateId } = license;
  const data = {
    product_id: productId,
    license_type: licenseType,
    customer_id: customerId,
    template_id: templateId,
    ...cause,
  };
  const personal = { issued_to: license.issuedTo };
  return { type: 'license.created', subjectId: id, licenseId: id, data, personal };
}

/**
 * Makes licenses, in their order: as many statements for one as for a thousand. `cause` says what else made them so, and
 * stands in the event of each.
 */
export async function insertLicenses(
  work: Work,
  all: readonly NewLicense[],
  { cause = {}, licenseKey: given }: { readonly cause?: EventCause; readonly licenseKey?: string } = {},
): Promise<readonly IssuedLicense[]> {
  if (all.length === 0) return [];
  const ids = all.map((values) => ({ id: newId<'License'>(work.now), values }));
  const keys = await keysFor(work, new Map(ids.map(({ id }) => [id, given])));
  const made = ids.map(({ id, values }) => rowOf(work, id, values, keys.get(id) ?? ''));
  const rows = await work.db.insert(licenses).select(rowsToInsert(licenses, made)).returning();
  const byId = byKey(rows, (row) => row.id);
  const issued = made.map(({ id }): IssuedLicense => {
    const license = byId.get(id);
    if (license === undefined) throw new Error('an insert did not return what it was given');
    return { license, licenseKey: keys.get(id) ?? '' };
  });
  await work.emitAll(issued.map(({ license }) => createdEvent(license, cause)));
  return issued;
}

export async function insertLicense(work: Work, values: NewLicense, given?: string): Promise<IssuedLicense> {
  const [issued] = await insertLicenses(work, [values], given === undefined ? {} : { licenseKey: given });
  if (issued === undefined) throw new Error('an insert returned no row');
  return issued;
}

/** The customer stays switched on until the act is done. */
export async function receivingCustomer(work: Work, id: string): Promise<Customer> {
  const customer = await shareCustomer(work, id);
  if (customer === undefined) throw customerNotFound(id);
  if (customer.status !== 'ACTIVE') throw customerInactive(id);
  return customer;
}

/**
 * A reseller's caller sells in its own name; others may name the reseller. If none is named, a customer's own has sold
 * it, as long as that one is switched on.
 */
export async function sellingReseller(
  work: Work,
  named: string | null | undefined,
  customer: Customer | undefined,
): Promise<ResellerId | null> {
  const own = scopeOf(work.actor).resellerId;
  if (own !== undefined && named && named !== own) throw resellerNotFound(named);
  const id = own ?? named;
  if (!id) return resellerOf(work, customer);
  const reseller = await shareReseller(work, id);
  if (reseller === undefined) throw resellerNotFound(id);
  if (reseller.status !== 'ACTIVE') throw resellerInactive(id);
  return reseller.id;
}

async function resellerOf(work: Work, customer: Customer | undefined): Promise<ResellerId | null> {
  const id = customer?.resellerId ?? null;
  const reseller = id === null ? undefined : await shareReseller(work, id);
  return reseller?.status === 'ACTIVE' ? reseller.id : null;
}

/** Restrictions as they are kept: nothing in them tells a device's own words. */
export function keptRestrictions(
  work: Work,
  restrictions: readonly LicenseRestriction[],
): LicenseRestriction[] {
  return restrictions.map((restriction) => ({
    ...restriction,
    values: keptValues(work, restriction.restrictionType, restriction.values),
  }));
}

export function requireSound(
  features: readonly LicenseFeature[],
  restrictions: readonly LicenseRestriction[],
): void {
  const problems = [
    ...featureProblems(features, 'input.features'),
    ...restrictionProblems(restrictions, 'input.restrictions'),
  ];
  if (problems.length > 0) throw invalidInput(problems);
}
