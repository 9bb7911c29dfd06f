import { getTableColumns } from 'drizzle-orm';
import {
  customerInactive,
  customerNotFound,
  resellerInactive,
  resellerNotFound,
} from '../../access/model.js';
import { findInDirectory, shareCustomer, shareReseller } from '../../access/queries.js';
import { type Customer, keyDirectory } from '../../access/table.js';
import { scopeOf } from '../../core/actor.js';
import type { KeyRing } from '../../core/crypto.js';
import { type LicenseId, newId, type ResellerId, type TenantId } from '../../core/id.js';
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

const KEY_TRIES = 5;

/** What a ciphertext is bound to, so that it opens in its own row only. */
function keyBinding(tenantId: TenantId, id: LicenseId): string {
  return `license_key ${tenantId} ${id}`;
}

export function revealedKey(keys: KeyRing, license: License): string {
  return keys.decrypt(license.licenseKeyCiphertext, keyBinding(license.tenantId, license.id));
}

async function claimKey(work: Work, id: LicenseId, licenseKey: string): Promise<boolean> {
  if (
    (await findInDirectory(work.db, 'LICENSE_KEY', work.keys.hashes('LICENSE_KEY', licenseKey))) !== undefined
  )
    return false;
  const hash = work.keys.hash('LICENSE_KEY', licenseKey);
  const claimed = await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'LICENSE_KEY', tenantId: work.tenantId, subjectId: id })
    .onConflictDoNothing()
    .returning({ hash: keyDirectory.hash });
  return claimed.length === 1;
}

/** Takes the key that was given, or makes keys until one is free. */
async function keyFor(work: Work, id: LicenseId, given: string | undefined): Promise<string> {
  for (let tried = 0; tried < KEY_TRIES; tried += 1) {
    const licenseKey = given ?? newLicenseKey();
    if (await claimKey(work, id, licenseKey)) return licenseKey;
    if (given !== undefined) throw codeTaken('input.licenseKey', maskLicenseKey(given));
  }
  throw new Error(`no free license key in ${KEY_TRIES} tries: the random source is broken`);
}

type MadeLicense = NewLicense & Pick<License, 'tenantId' | 'id' | 'licenseKeyHash' | 'heldSince'>;

/** What is not given is what the table fills in: the seal covers the row as it will be read. */
function withDefaults(made: MadeLicense): SealedFacts {
  const columns = getTableColumns(licenses);
  const values = sealedColumns.map((name) => {
    const { [name]: given = columns[name].default } = made;
    return [name, given];
  });
  return { ...Object.fromEntries(values), tenantId: made.tenantId, id: made.id };
}

export async function insertLicense(work: Work, values: NewLicense, given?: string): Promise<IssuedLicense> {
  const id = newId<'License'>(work.now);
  const licenseKey = await keyFor(work, id, given);
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
  const [license] = await work.db
    .insert(licenses)
    .values({ ...made, seal: sealOf(work.keys, withDefaults(made)) })
    .returning();
  if (license === undefined) throw new Error('an insert returned no row');
  const { productId, licenseType, customerId, templateId } = license;
  const data = {
    product_id: productId,
    license_type: licenseType,
    customer_id: customerId,
    template_id: templateId,
  };
  const personal = { issued_to: license.issuedTo };
  await work.emit({ type: 'license.created', subjectId: id, licenseId: id, data, personal });
  return { license, licenseKey };
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
