import type { KeyRing } from '../../core/crypto.js';
import type { TenantId } from '../../core/id.js';

/** `whole` is `<key id>.<hash>`; a field has the beginning of a hash of its own, to tell which one was altered. */
export interface LicenseSeal {
  readonly whole: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * What a seal covers: whatever decides who may use a license, for what, on how many devices and until when. Not what
 * follows from the devices (`current_activations`), nor what the vendor notes for itself. A seal names the columns that it
 * covers, so that one that was made before a column joined them goes on to verify; whatever renews it covers all.
 */
const sealedFields = {
  license_key_hash: 'licenseKeyHash',
  product_id: 'productId',
  product_name: 'productName',
  product_version: 'productVersion',
  license_type: 'licenseType',
  license_model: 'licenseModel',
  customer_id: 'customerId',
  reseller_id: 'resellerId',
  template_id: 'templateId',
  template_version: 'templateVersion',
  order_id: 'orderId',
  issued_to: 'issuedTo',
  max_activations: 'maxActivations',
  lease_seconds: 'leaseSeconds',
  max_borrow_hours: 'maxBorrowHours',
  max_deactivations_per_year: 'maxDeactivationsPerYear',
  deactivations: 'deactivations',
  deactivations_since: 'deactivationsSince',
  features: 'features',
  restrictions: 'restrictions',
  issued_date: 'issuedDate',
  activation_date: 'activationDate',
  expiry_date: 'expiryDate',
  maintenance_expiry: 'maintenanceExpiry',
  status: 'status',
  suspended_from: 'suspendedFrom',
  suspension_cause: 'suspensionCause',
  auto_renewal: 'autoRenewal',
  trial_period_days: 'trialPeriodDays',
  grace_period_days: 'gracePeriodDays',
  held_since: 'heldSince',
} as const;

type SealedField = keyof typeof sealedFields;
const names = Object.keys(sealedFields) as SealedField[];
export type SealedColumn = (typeof sealedFields)[SealedField];
export const sealedColumns: readonly SealedColumn[] = Object.values(sealedFields);

export type SealedFacts = Readonly<Record<SealedColumn, unknown>> & {
  readonly tenantId: TenantId;
  readonly id: string;
};
export type SealedRow = SealedFacts & { readonly seal: LicenseSeal | null };

/** Enough to tell which field was altered; that one was, the whole hash shows. */
const FIELD_CHARACTERS = 8;
/** In the place of a hash: the row was altered before an act changed something else of it. */
const BROKEN = 'broken';
export const UNSEALED = 'seal';

/** One text for one value: members in one order, what is absent is null. */
export function canonical(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}

const isSealed = (name: string): name is SealedField => Object.hasOwn(sealedFields, name);

function textOf(facts: SealedFacts, fields: readonly string[]): string {
  const values = fields.toSorted().map((name) => {
    const value = isSealed(name) ? facts[sealedFields[name]] : undefined;
    return `${JSON.stringify(name)}:${canonical(value)}`;
  });
  return `${facts.id}\0${values.join('\0')}`;
}

/** By the pepper of this id, so that a seal is read under the one that it was made under. */
function hashBy(keys: KeyRing, keyId: string, text: string, facts: SealedFacts): string | undefined {
  return keys
    .hashes('LICENSE_SEAL', text, facts.tenantId)
    .find((hash) => hash.startsWith(`${keyId}.`))
    ?.slice(keyId.length + 1);
}

function fieldHash(keys: KeyRing, keyId: string, facts: SealedFacts, name: string): string | undefined {
  return hashBy(keys, keyId, `field\0${textOf(facts, [name])}`, facts)?.slice(0, FIELD_CHARACTERS);
}

const keyOf = (hash: string): string => hash.slice(0, hash.indexOf('.'));

/** The seal of a row as it is, under the current pepper; of all that is covered today, unless it is to be an earlier one. */
export function sealOf(
  keys: KeyRing,
  facts: SealedFacts,
  covered: readonly SealedField[] = names,
): LicenseSeal {
  const whole = keys.hash('LICENSE_SEAL', textOf(facts, covered), facts.tenantId);
  const fields = covered.map((name) => [name, fieldHash(keys, keyOf(whole), facts, name) ?? '']);
  return { whole, fields: Object.fromEntries(fields) };
}

/** A seal stands in the database as well: whoever alters the row may have put anything there. */
function readSeal(seal: unknown): LicenseSeal | undefined {
  if (typeof seal !== 'object' || seal === null || !('whole' in seal) || !('fields' in seal))
    return undefined;
  const { whole, fields } = seal;
  if (typeof whole !== 'string' || typeof fields !== 'object' || fields === null) return undefined;
  const entries = Object.entries(fields).filter(([, hash]) => typeof hash === 'string');
  return { whole, fields: Object.fromEntries(entries) };
}

/**
 * The columns that are not as they were sealed, `seal` where it is missing or cannot be told which; empty for a row that
 * is as our acts have left it.
 */
export function alteredFields(keys: KeyRing, row: SealedRow): readonly string[] {
  const seal = readSeal(row.seal);
  if (seal === undefined) return [UNSEALED];
  const keyId = keyOf(seal.whole);
  const covered = Object.keys(seal.fields);
  const whole = hashBy(keys, keyId, textOf(row, covered), row);
  if (whole !== undefined && `${keyId}.${whole}` === seal.whole) return [];
  const altered = covered.filter((name) => fieldHash(keys, keyId, row, name) !== seal.fields[name]);
  return altered.length === 0 || whole === undefined ? [UNSEALED] : altered.toSorted();
}

/**
 * The seal of a row that an act changes; undefined where it stays as it is. What was altered behind our back stays so
 * until an act sets that very column: an innocent act launders nothing. A row that was never sealed waits for the command.
 */
export function resealed(
  keys: KeyRing,
  row: SealedRow,
  changes: Readonly<Record<string, unknown>>,
): LicenseSeal | undefined {
  const next: SealedRow = { ...row };
  const set = names.filter((name) => changes[sealedFields[name]] !== undefined);
  Object.assign(
    next,
    Object.fromEntries(set.map((name) => [sealedFields[name], changes[sealedFields[name]]])),
  );
  const seal = readSeal(row.seal);
  if (seal === undefined || set.every((name) => fieldText(next, name) === fieldText(row, name)))
    return undefined;
  const left = alteredFields(keys, row).filter((name) => !set.some((each) => each === name));
  if (left.length === 0) return sealOf(keys, next);
  const keyId = keyOf(seal.whole);
  const renewed = set.map((name) => [name, fieldHash(keys, keyId, next, name) ?? '']);
  return { whole: `${keyId}.${BROKEN}`, fields: { ...seal.fields, ...Object.fromEntries(renewed) } };
}

const fieldText = (facts: SealedFacts, name: SealedField): string => canonical(facts[sealedFields[name]]);
