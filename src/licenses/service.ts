import { and, eq } from 'drizzle-orm';
import { customersById, findInDirectory, resellersById } from '../access/queries.js';
import { changesOf } from '../access/service.js';
import { customerInactive, customerNotFound, resellerNotFound } from '../access/model.js';
import { keyDirectory, type Customer } from '../access/table.js';
import { mayAct, scopeOf } from '../core/actor.js';
import { addDays, type Instant } from '../core/clock.js';
import type { KeyRing } from '../core/crypto.js';
import { type LicenseId, newId, type ResellerId, type TenantId } from '../core/id.js';
import { type FieldProblem, invalidInput } from '../core/refusal.js';
import type { Work } from '../core/work.js';
import {
  codeTaken,
  featureProblems,
  isTrialType,
  type LicenseFeature,
  type LicenseRestriction,
  restrictionProblems,
  templateInactive,
  templateNotFound,
} from '../templates/model.js';
import { templatesById } from '../templates/queries.js';
import { requireProduct } from '../templates/service.js';
import type { Template } from '../templates/table.js';
import {
  csvOf,
  type ExportRow,
  licenseNotFound,
  licenseRevoked,
  maskLicenseKey,
  newLicenseKey,
  parseLicenseKey,
  reinstatedStatus,
  renewed,
  requireMove,
  spanProblems,
  standingAt,
} from './model.js';
import { EXPORT_LIMIT, licensesById, licensesToExport, lockLicense } from './queries.js';
import type {
  CreateLicenseInput,
  ExportLicensesInput,
  IssueLicenseInput,
  ReinstateLicenseInput,
  RenewLicenseInput,
  RevokeLicenseInput,
  SuspendLicenseInput,
  TransferLicenseInput,
  UpdateLicenseInput,
} from './schema.js';
import { type License, licenses } from './table.js';

/** A license with the full key that only the issuing act hands out. */
export interface IssuedLicense {
  readonly license: License;
  readonly licenseKey: string;
}

type NewLicense = Omit<
  typeof licenses.$inferInsert,
  'tenantId' | 'id' | 'licenseKeyHash' | 'licenseKeyCiphertext' | 'licenseKeyMask' | 'createdAt' | 'updatedAt'
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
  if ((await findInDirectory(work.db, 'LICENSE_KEY', work.keys.hashes('LICENSE_KEY', licenseKey))) !== undefined) return false;
  const hash = work.keys.hash('LICENSE_KEY', licenseKey);
  const claimed = await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'LICENSE_KEY', tenantId: work.tenantId, licenseId: id })
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

async function insertLicense(work: Work, values: NewLicense, given?: string): Promise<IssuedLicense> {
  const id = newId<'License'>(work.now);
  const licenseKey = await keyFor(work, id, given);
  const [license] = await work.db
    .insert(licenses)
    .values({
      ...values,
      tenantId: work.tenantId,
      id,
      licenseKeyHash: work.keys.hash('LICENSE_KEY', licenseKey),
      licenseKeyCiphertext: work.keys.encrypt(licenseKey, keyBinding(work.tenantId, id)),
      licenseKeyMask: maskLicenseKey(licenseKey),
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (license === undefined) throw new Error('an insert returned no row');
  const { productId, licenseType, customerId, templateId } = license;
  const data = { product_id: productId, license_type: licenseType, customer_id: customerId, template_id: templateId };
  await work.emit({ type: 'license.created', subjectId: id, licenseId: id, data });
  return { license, licenseKey };
}

async function receivingCustomer(work: Work, id: string): Promise<Customer> {
  const customer = (await customersById(work, [id])).get(id);
  if (customer === undefined) throw customerNotFound(id);
  if (customer.status !== 'ACTIVE') throw customerInactive(id);
  return customer;
}

/** A reseller's caller sells in its own name; others may name the reseller. */
async function sellingReseller(work: Work, named: string | null | undefined): Promise<ResellerId | null> {
  const own = scopeOf(work.actor).resellerId;
  if (own !== undefined && named && named !== own) throw resellerNotFound(named);
  const id = own ?? named;
  if (!id) return null;
  const reseller = (await resellersById(work, [id])).get(id);
  if (reseller === undefined) throw resellerNotFound(id);
  return reseller.id;
}

function requireSound(features: readonly LicenseFeature[], restrictions: readonly LicenseRestriction[]): void {
  const problems = [
    ...featureProblems(features, 'input.features'),
    ...restrictionProblems(restrictions, 'input.restrictions'),
  ];
  if (problems.length > 0) throw invalidInput(problems);
}

/** Key, status and issue date are obeyed when the caller may import, and ignored otherwise. */
function importedFacts(work: Work, input: CreateLicenseInput) {
  const trial = isTrialType(input.licenseType);
  const begins: 'PENDING' | 'ACTIVE' = trial ? 'PENDING' : 'ACTIVE';
  if (!mayAct(work.actor, 'license.import')) return { status: begins, issuedDate: work.now, licenseKey: undefined };
  const licenseKey = input.licenseKey ? parseLicenseKey(input.licenseKey) : undefined;
  const problems: FieldProblem[] = [];
  if (input.licenseKey && licenseKey === undefined) {
    problems.push({ field: 'input.licenseKey', message: 'must have the form XXXX-XXXX-XXXX-XXXX-XXXX' });
  }
  if (input.status && input.status !== 'ACTIVE' && input.status !== 'PENDING') {
    problems.push({ field: 'input.status', message: 'a license begins ACTIVE, or PENDING if it is a trial' });
  }
  if (problems.length > 0) throw invalidInput(problems);
  const status = input.status === 'ACTIVE' || input.status === 'PENDING' ? input.status : begins;
  return { status, issuedDate: input.issuedDate ?? work.now, licenseKey };
}

export async function createLicense(work: Work, input: CreateLicenseInput): Promise<IssuedLicense> {
  requireSound(input.features, input.restrictions);
  const { status, issuedDate, licenseKey } = importedFacts(work, input);
  const expiryDate = input.expiryDate ?? null;
  const trialPeriodDays = input.trialPeriodDays ?? null;
  const span = { licenseType: input.licenseType, status, issuedDate, expiryDate, trialPeriodDays };
  const problems = spanProblems(span, work.now);
  if (problems.length > 0) throw invalidInput(problems);
  const product = await requireProduct(work, input.productId);
  const customer = input.customerId ? await receivingCustomer(work, input.customerId) : undefined;
  const values: NewLicense = {
    ...span,
    productId: product.id,
    productName: input.productName ?? product.name,
    productVersion: input.productVersion ?? product.version,
    licenseModel: input.licenseModel,
    customerId: customer?.id ?? null,
    resellerId: await sellingReseller(work, input.resellerId),
    issuedTo: input.issuedTo,
    maxActivations: input.maxActivations,
    features: input.features,
    restrictions: input.restrictions,
    maintenanceExpiry: input.maintenanceExpiry ?? null,
    autoRenewal: input.autoRenewal,
    gracePeriodDays: input.gracePeriodDays ?? null,
    metadata: input.metadata ?? {},
  };
  return insertLicense(work, values, licenseKey);
}

/** `included: false` is not granted; limits and periods carry over. */
function grantedFeatures(template: Template): LicenseFeature[] {
  return template.features
    .filter((feature) => feature.included)
    .map(({ featureId, featureName, defaultLimit, limitType, limitPeriod }) => ({
      featureId,
      featureName,
      enabled: true,
      limitValue: defaultLimit,
      limitType,
      limitPeriod,
      expiresAt: null,
    }));
}

function carriedRestrictions(template: Template): LicenseRestriction[] {
  return template.restrictions.map(({ restrictionType, operator, defaultValues }) => ({
    restrictionType,
    operator,
    values: defaultValues,
  }));
}

interface Term {
  readonly licenseType: Template['licenseType'];
  readonly status: 'ACTIVE' | 'PENDING';
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
  readonly trialPeriodDays: number | null;
}

/** How a license of a template begins: a trial waits for its first activation, a perpetual one has only maintenance. */
function termOf(template: Template, trial: boolean, now: Instant): Term {
  const end = addDays(now, template.defaultDuration);
  const licenseType = trial ? 'TRIAL' : template.licenseType;
  if (isTrialType(licenseType)) {
    const trialPeriodDays = template.trialDurationDays;
    return { licenseType, status: 'PENDING', expiryDate: null, maintenanceExpiry: null, trialPeriodDays };
  }
  const expiryDate = licenseType === 'PERPETUAL' ? null : end;
  return { licenseType, status: 'ACTIVE', expiryDate, maintenanceExpiry: end, trialPeriodDays: null };
}

export async function issueLicense(work: Work, input: IssueLicenseInput): Promise<IssuedLicense> {
  const template = (await templatesById(work, [input.templateId])).get(input.templateId);
  if (template === undefined) throw templateNotFound(input.templateId);
  if (!template.active) throw templateInactive(input.templateId);
  const wantsTrial = input.trial === true && !isTrialType(template.licenseType);
  if (wantsTrial && !template.trialAllowed) {
    throw invalidInput([{ field: 'input.trial', message: 'the template allows no trials' }]);
  }
  const customer = await receivingCustomer(work, input.customerId);
  const product = await requireProduct(work, template.productId);
  const term = termOf(template, wantsTrial, work.now);
  return insertLicense(work, {
    ...term,
    productId: product.id,
    productName: product.name,
    productVersion: product.version,
    licenseModel: template.licenseModel,
    customerId: customer.id,
    resellerId: (await sellingReseller(work, undefined)) ?? customer.resellerId,
    templateId: template.id,
    templateVersion: template.version,
    issuedTo: input.issuedTo ?? customer.name,
    maxActivations: template.maxActivations,
    features: grantedFeatures(template),
    restrictions: carriedRestrictions(template),
    issuedDate: work.now,
    autoRenewal: term.status === 'ACTIVE' && term.expiryDate !== null && template.autoRenewalEnabled,
    gracePeriodDays: template.gracePeriodDays,
  });
}

/** The license that an act is about to change, locked. */
export async function licenseToChange(work: Work, id: string): Promise<License> {
  const license = await lockLicense(work, id);
  if (license === undefined) throw licenseNotFound(id);
  return license;
}

type LicenseChanges = Partial<typeof licenses.$inferInsert>;

export async function changeLicense(work: Work, license: License, changes: LicenseChanges): Promise<License> {
  const [row] = await work.db
    .update(licenses)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(licenses.tenantId, work.tenantId), eq(licenses.id, license.id)))
    .returning();
  if (row === undefined) throw licenseNotFound(license.id);
  return row;
}

const updatable = [
  'status',
  'issuedTo',
  'productVersion',
  'maxActivations',
  'features',
  'restrictions',
  'expiryDate',
  'maintenanceExpiry',
  'autoRenewal',
  'trialPeriodDays',
  'gracePeriodDays',
  'metadata',
] as const;

function requireUpdatable(license: License, input: UpdateLicenseInput, now: Instant): void {
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  requireSound(input.features ?? [], input.restrictions ?? []);
  const { status } = standingAt(license, now);
  if (input.status && input.status !== status) requireMove('updateLicense', status, input.status);
  const problems = spanProblems({ ...license, ...definedSpan(input) }, now);
  if (problems.length > 0) throw invalidInput(problems);
}

function definedSpan(input: UpdateLicenseInput): Pick<Partial<License>, 'expiryDate' | 'trialPeriodDays'> {
  return {
    ...(input.expiryDate === undefined ? {} : { expiryDate: input.expiryDate }),
    ...(input.trialPeriodDays === undefined ? {} : { trialPeriodDays: input.trialPeriodDays }),
  };
}

export async function updateLicense(work: Work, input: UpdateLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const changes = changesOf(input, updatable);
  requireUpdatable(license, input, work.now);
  // A status that time has overtaken is not written over: naming the status that it reads changes nothing.
  const { status, ...others } = changes;
  const moved = status !== undefined && status !== standingAt(license, work.now).status ? { status } : {};
  const row = await changeLicense(work, license, { ...others, ...moved });
  const data = { changed: Object.keys(changes), ...(moved.status ? { from: license.status, to: moved.status } : {}) };
  await work.emit({ type: 'license.updated', subjectId: row.id, licenseId: row.id, data });
  return row;
}

export async function renewLicense(work: Work, input: RenewLicenseInput): Promise<License> {
  const upgradeFeatures = input.upgradeFeatures ?? [];
  requireUpgrades(upgradeFeatures);
  const license = await licenseToChange(work, input.licenseId);
  const terms = {
    durationMonths: input.durationMonths,
    extendMaintenance: input.extendMaintenance ?? false,
    upgradeFeatures,
  };
  const renewal = renewed(license, terms, work.now);
  const row = await changeLicense(work, license, { ...renewal, ...notSuspended });
  const data = {
    duration_months: input.durationMonths,
    from: license.expiryDate,
    to: row.expiryDate,
    upgraded: upgradeFeatures.map((feature) => feature.featureId),
  };
  await work.emit({ type: 'license.renewed', subjectId: row.id, licenseId: row.id, data });
  return row;
}

const notSuspended = { suspendedFrom: null, suspensionCause: null, suspensionReason: null } as const;

function requireUpgrades(features: readonly LicenseFeature[]): void {
  const problems = featureProblems(features, 'input.upgradeFeatures');
  if (problems.length > 0) throw invalidInput(problems);
}

export async function suspendLicense(work: Work, input: SuspendLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  requireMove('suspendLicense', standingAt(license, work.now).status, 'SUSPENDED');
  const row = await changeLicense(work, license, {
    status: 'SUSPENDED',
    suspendedFrom: license.status,
    suspensionCause: 'MANUAL',
    suspensionReason: input.reason,
  });
  const data = { reason: input.reason, from: license.status };
  await work.emit({ type: 'license.suspended', subjectId: row.id, licenseId: row.id, data });
  return row;
}

export async function reinstateLicense(work: Work, input: ReinstateLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const target = reinstatedStatus(license, work.now);
  const row = await changeLicense(work, license, { status: target, ...notSuspended });
  await work.emit({ type: 'license.reinstated', subjectId: row.id, licenseId: row.id, data: { to: target } });
  return row;
}

export async function revokeLicense(work: Work, input: RevokeLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const { status } = standingAt(license, work.now);
  requireMove('revokeLicense', status, 'REVOKED');
  const row = await changeLicense(work, license, { status: 'REVOKED', ...notSuspended, revocationReason: input.reason });
  const data = { reason: input.reason, from: status };
  await work.emit({ type: 'license.revoked', subjectId: row.id, licenseId: row.id, data });
  return row;
}

export async function transferLicense(work: Work, input: TransferLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  const customer = input.newCustomerId ? await receivingCustomer(work, input.newCustomerId) : undefined;
  const row = await changeLicense(work, license, {
    issuedTo: input.newIssuedTo,
    ...(customer === undefined ? {} : { customerId: customer.id }),
  });
  const data = {
    from_customer_id: license.customerId,
    to_customer_id: row.customerId,
    reason: input.transferReason,
    deactivate_existing: input.deactivateExisting ?? true,
  };
  await work.emit({ type: 'license.transferred', subjectId: row.id, licenseId: row.id, data });
  return row;
}

/** Every look at a full key is recorded. */
export async function revealLicenseKey(work: Work, licenseId: string): Promise<IssuedLicense> {
  const license = (await licensesById(work, [licenseId])).get(licenseId);
  if (license === undefined) throw licenseNotFound(licenseId);
  await work.emit({ type: 'license.key_revealed', subjectId: license.id, licenseId: license.id });
  return { license, licenseKey: revealedKey(work.keys, license) };
}


export interface Export {
  readonly content: string;
  readonly mediaType: string;
  readonly count: number;
  readonly truncated: boolean;
}

const exportColumns = [
  'id',
  'license_key',
  'product_id',
  'product_name',
  'license_type',
  'license_model',
  'status',
  'customer_id',
  'issued_to',
  'max_activations',
  'current_activations',
  'issued_date',
  'expiry_date',
  'auto_renewal',
] as const;

function exportRow(license: License, now: Instant): ExportRow {
  return {
    id: license.id,
    license_key: license.licenseKeyMask,
    product_id: license.productId,
    product_name: license.productName,
    license_type: license.licenseType,
    license_model: license.licenseModel,
    status: standingAt(license, now).status,
    customer_id: license.customerId,
    issued_to: license.issuedTo,
    max_activations: license.maxActivations,
    current_activations: license.currentActivations,
    issued_date: license.issuedDate,
    expiry_date: license.expiryDate,
    auto_renewal: license.autoRenewal,
  };
}

/** Keys are masked: an export is no way around `revealLicenseKey`. */
export async function exportLicenses(work: Work, input: ExportLicensesInput): Promise<Export> {
  const found = await licensesToExport(work, input.filter ?? {});
  const rows = found.slice(0, EXPORT_LIMIT).map((license) => exportRow(license, work.now));
  const csv = input.format === 'CSV';
  const content = csv ? csvOf(exportColumns, rows) : JSON.stringify(rows);
  await work.emit({ type: 'license.exported', subjectId: work.tenantId, data: { count: rows.length } });
  const mediaType = csv ? 'text/csv; charset=utf-8' : 'application/json';
  return { content, mediaType, count: rows.length, truncated: found.length > rows.length };
}
