import { and, eq } from 'drizzle-orm';
import { enterBySecret } from '../access/service.js';
import { keyDirectory } from '../access/table.js';
import { mayAct } from '../core/actor.js';
import { addDays, addMillis, type Instant } from '../core/clock.js';
import { newToken } from '../core/crypto.js';
import type { NewEvent } from '../core/event.js';
import { type LicenseId, newId } from '../core/id.js';
import { invalidInput, Refusal } from '../core/refusal.js';
import type { Reading, Work } from '../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../licenses/model.js';
import { licensesById, lockLicense } from '../licenses/queries.js';
import { changeLicense } from '../licenses/service.js';
import type { License } from '../licenses/table.js';
import {
  activationNotFound,
  type Facts,
  isFloating,
  mergedMetrics,
  previousTokenEnd,
  refusedVerdict,
  requirePassing,
  type UsageMetrics,
  type Verdict,
  verdictOn,
} from './model.js';
import {
  activationByToken,
  activationOfDevice,
  activationsById,
  liveActivations,
  lockActivation,
  seatsInUse,
  seatsOfOthers,
} from './queries.js';
import type { ActivateLicenseInput, DeactivateActivationInput, SendHeartbeatInput } from './schema.js';
import { type Activation, licenseActivations as activations } from './table.js';

/** An activation with the full token that only this answer shows. */
export interface ActivatedLicense {
  readonly activation: Activation;
  readonly license: License;
  readonly activationToken: string;
}

const TOKEN_PREFIX = 'act';

async function licenseOfKey(work: Work, input: string): Promise<License> {
  const licenseKey = parseLicenseKey(input);
  if (licenseKey === undefined) throw keyMalformed();
  const id = await enterBySecret(work, 'LICENSE_KEY', licenseKey);
  const license = id === undefined ? undefined : await lockLicense(work, id);
  if (license === undefined) throw licenseNotFound();
  return license;
}

async function newActivationToken(work: Work, licenseId: LicenseId): Promise<{ token: string; hash: string }> {
  const token = newToken(TOKEN_PREFIX);
  const hash = work.keys.hash('ACTIVATION_TOKEN', token);
  await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'ACTIVATION_TOKEN', tenantId: work.tenantId, licenseId });
  return { token, hash };
}

async function forgetToken(work: Work, hash: string | null): Promise<void> {
  if (hash === null) return;
  await work.db
    .delete(keyDirectory)
    .where(and(eq(keyDirectory.hash, hash), eq(keyDirectory.tenantId, work.tenantId)));
}

/** What the device tells of itself; identifying facts leave this function as keyed hashes only. */
function reportedFacts(work: Work, input: ActivateLicenseInput) {
  const hashed = (kind: 'HARDWARE_ID' | 'MAC_ADDRESS', value: string | null | undefined): string | null =>
    value ? work.keys.hash(kind, value, work.tenantId) : null;
  return {
    hardwareId: hashed('HARDWARE_ID', input.hardwareId),
    macAddress: hashed('MAC_ADDRESS', input.macAddress?.toUpperCase().replaceAll('-', ':')),
    machineName: input.machineName ?? null,
    ipAddress: work.address ?? null,
    operatingSystem: input.operatingSystem ?? null,
    userAgent: input.userAgent ?? null,
    applicationVersion: input.applicationVersion ?? 'unknown',
    units: input.units ?? 1,
    location: input.location ?? null,
    metadata: input.metadata ?? {},
  };
}

function leaseEnd(work: Work, license: License): Instant | null {
  return isFloating(license) ? addMillis(work.now, work.settings.leaseSeconds * 1000) : null;
}

async function changeActivation(
  work: Work,
  activation: Activation,
  changes: Partial<typeof activations.$inferInsert>,
): Promise<Activation> {
  const [row] = await work.db
    .update(activations)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(activations.tenantId, work.tenantId), eq(activations.id, activation.id)))
    .returning();
  if (row === undefined) throw activationNotFound(activation.id);
  return row;
}

/** Brings the stored count in line, under the license's lock that the caller holds. */
async function recountSeats(work: Work, license: License): Promise<License> {
  const seats = (await seatsInUse(work, [license.id])).get(license.id) ?? 0;
  return changeLicense(work, license, { currentActivations: seats });
}

async function factsOfClaim(
  work: Work,
  license: License,
  activation: Activation | undefined,
  input: ActivateLicenseInput,
): Promise<Facts> {
  const device = activation?.deviceFingerprint ?? work.keys.hash('FINGERPRINT', input.deviceFingerprint, work.tenantId);
  const claimant = { activationId: activation?.id, identity: input.user ?? activation?.userRef ?? device };
  const own = input.units ?? 1;
  const facts = {
    now: work.now,
    license,
    activation,
    deviceNamed: true,
    user: input.user ?? undefined,
    productId: input.productId ?? undefined,
  };
  if (activation !== undefined && !claimsMore(activation, input, work.now)) return facts;
  return { ...facts, seats: { others: await seatsOfOthers(work, license, claimant), own } };
}

/** A device that is active keeps its seat, also when the limit was lowered; it is asked again only for more. */
function claimsMore(activation: Activation, input: ActivateLicenseInput, now: Instant): boolean {
  const lapsed = activation.leaseExpiresAt !== null && activation.leaseExpiresAt <= now;
  const namesUser = activation.userRef === null && Boolean(input.user);
  return lapsed || namesUser || (input.units ?? 1) > activation.units;
}

/** The first activation starts a trial's clock. */
async function beginTrial(work: Work, license: License): Promise<License> {
  const expiryDate = addDays(work.now, license.trialPeriodDays ?? 0);
  const begun = await changeLicense(work, license, { status: 'ACTIVE', activationDate: work.now, expiryDate });
  await work.emit({ type: 'license.activated', subjectId: license.id, licenseId: license.id, data: { expiry_date: expiryDate } });
  return begun;
}

/** An activation that is being made cannot be missing, and a lapsed lease is what activating again renews. */
const notYet = new Set(['NOT_ACTIVATED', 'LEASE_EXPIRED'] as const);

function eventOf(activation: Activation, type: NewEvent['type'], data: NewEvent['data'] = {}): NewEvent {
  const { id, licenseId } = activation;
  return { type, subjectId: id, licenseId, activationId: id, data };
}

async function firstActivation(work: Work, license: License, input: ActivateLicenseInput): Promise<ActivatedLicense> {
  const { token, hash } = await newActivationToken(work, license.id);
  const [activation] = await work.db
    .insert(activations)
    .values({
      ...reportedFacts(work, input),
      tenantId: work.tenantId,
      id: newId<'Activation'>(work.now),
      licenseId: license.id,
      activationTokenHash: hash,
      activationTokenHint: token.slice(-4),
      deviceFingerprint: work.keys.hash('FINGERPRINT', input.deviceFingerprint, work.tenantId),
      userRef: input.user ?? null,
      activatedAt: work.now,
      leaseExpiresAt: leaseEnd(work, license),
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (activation === undefined) throw new Error('an insert returned no row');
  const begun = license.status === 'PENDING' ? await beginTrial(work, license) : license;
  await work.emit(eventOf(activation, 'activation.created', { activation_type: activation.activationType }));
  return { activation, license: await recountSeats(work, begun), activationToken: token };
}

/** The same device again: its activation with a fresh token. The token before stays good until the new one is used. */
async function activatedAgain(
  work: Work,
  license: License,
  known: Activation,
  input: ActivateLicenseInput,
): Promise<ActivatedLicense> {
  await forgetToken(work, known.previousTokenHash);
  const { token, hash } = await newActivationToken(work, license.id);
  const activation = await changeActivation(work, known, {
    ...reportedFacts(work, input),
    userRef: input.user ?? known.userRef,
    activationTokenHash: hash,
    activationTokenHint: token.slice(-4),
    previousTokenHash: known.activationTokenHash,
    previousTokenUntil: previousTokenEnd(work.now),
    leaseExpiresAt: leaseEnd(work, license),
  });
  await work.emit(eventOf(activation, 'activation.renewed'));
  return { activation, license: await recountSeats(work, license), activationToken: token };
}

export async function activateLicense(work: Work, input: ActivateLicenseInput): Promise<ActivatedLicense> {
  const license = await licenseOfKey(work, input.licenseKey);
  const known = await activationOfDevice(work, license.id, input.deviceFingerprint);
  requirePassing(await factsOfClaim(work, license, known, input), notYet);
  return known === undefined ? firstActivation(work, license, input) : activatedAgain(work, license, known, input);
}

/** The activation of a token with its license, both locked, the license first as everywhere. */
async function activationToChange(work: Work, token: string): Promise<{ activation: Activation; license: License }> {
  const licenseId = await enterBySecret(work, 'ACTIVATION_TOKEN', token);
  const license = licenseId === undefined ? undefined : await lockLicense(work, licenseId);
  const activation = license === undefined ? undefined : await activationByToken(work, license.id, token);
  if (license === undefined || activation === undefined) throw activationNotFound();
  return { activation, license };
}

async function deactivated(work: Work, license: License, activation: Activation, reason: string | null) {
  const row = await changeActivation(work, activation, {
    status: 'DEACTIVATED',
    deactivatedAt: work.now,
    deactivationReason: reason,
    leaseExpiresAt: null,
  });
  await work.emit(eventOf(row, 'activation.deactivated', { reason }));
  await recountSeats(work, license);
  return row;
}

async function activationNamed(work: Work, input: DeactivateActivationInput) {
  if (input.activationToken) return activationToChange(work, input.activationToken);
  if (!input.activationId) {
    throw invalidInput([{ field: 'input.activationId', message: 'it or activationToken is needed' }]);
  }
  if (!mayAct(work.actor, 'activation.deactivate')) {
    throw new Refusal('FORBIDDEN', "Needs the permission 'activation.deactivate'.", { permission: 'activation.deactivate' });
  }
  const found = (await activationsById(work, [input.activationId])).get(input.activationId);
  const license = found === undefined ? undefined : await lockLicense(work, found.licenseId);
  const activation = found === undefined ? undefined : await lockActivation(work, found.id);
  if (license === undefined || activation === undefined) throw activationNotFound(input.activationId);
  return { activation, license };
}

/** Doing it twice is the same as doing it once. */
export async function deactivateActivation(work: Work, input: DeactivateActivationInput): Promise<Activation> {
  const { activation, license } = await activationNamed(work, input);
  if (activation.status !== 'ACTIVE') return activation;
  return deactivated(work, license, activation, input.reason ?? null);
}

/** Follows the revocation of a license, or its transfer, in the same transaction. */
export async function deactivateAll(work: Work, event: NewEvent): Promise<void> {
  const license = event.licenseId === undefined ? undefined : await lockLicense(work, event.licenseId);
  if (license === undefined || event.data?.deactivate_existing === false) return;
  const reason = event.type === 'license.revoked' ? 'License revoked' : 'License transferred';
  for (const activation of await liveActivations(work, license.id)) {
    await deactivated(work, license, activation, reason);
  }
}

function metricsOf(activation: Activation): UsageMetrics | null {
  return activation.usageMetrics === null
    ? null
    : { ...activation.usageMetrics, featureUsage: activation.featureUsage };
}

async function factsOfToken(reading: Reading, license: License, activation: Activation): Promise<Facts> {
  const claimant = { activationId: activation.id, identity: activation.userRef ?? activation.deviceFingerprint };
  // A lease that ran out has to win its seat again.
  const lapsed = activation.leaseExpiresAt !== null && activation.leaseExpiresAt <= reading.now;
  const seats = lapsed
    ? { others: await seatsOfOthers(reading, license, claimant), own: activation.units }
    : undefined;
  return { now: reading.now, license, activation, deviceNamed: true, seats };
}

const leaseMayLapse = new Set(['LEASE_EXPIRED'] as const);

/** Renews the lease and adds up the metrics. The first use of a new token ends the one before it. */
export async function sendHeartbeat(work: Work, input: SendHeartbeatInput): Promise<Activation> {
  const { activation, license } = await activationToChange(work, input.activationToken);
  requirePassing(await factsOfToken(work, license, activation), leaseMayLapse);
  const current = work.keys.hashes('ACTIVATION_TOKEN', input.activationToken).includes(activation.activationTokenHash);
  if (current) await forgetToken(work, activation.previousTokenHash);
  const { featureUsage, ...usageMetrics } = mergedMetrics(metricsOf(activation), input.metrics ?? {}, work.now);
  return changeActivation(work, activation, {
    lastHeartbeat: work.now,
    leaseExpiresAt: leaseEnd(work, license),
    usageMetrics,
    featureUsage,
    ...(current ? { previousTokenHash: null, previousTokenUntil: null } : {}),
  });
}

/** What a validation answers. */
export interface Validation extends Verdict {
  readonly license: License | null;
  readonly activation: Activation | null;
}

function unknown(code: 'KEY_MALFORMED' | 'NOT_FOUND'): Validation {
  return { ...refusedVerdict(code), license: null, activation: null };
}

interface Scopes {
  readonly productId: string | null;
  readonly features: readonly string[] | null;
}

function scopes({ productId, features }: Scopes): Pick<Facts, 'productId' | 'features'> {
  return { productId: productId ?? undefined, features: features ?? undefined };
}

export interface KeyQuestion extends Scopes {
  readonly licenseKey: string;
  readonly deviceFingerprint: string | null;
  readonly user: string | null;
}

export async function validateLicenseKey(reading: Reading, question: KeyQuestion): Promise<Validation> {
  const licenseKey = parseLicenseKey(question.licenseKey);
  if (licenseKey === undefined) return unknown('KEY_MALFORMED');
  const id = await enterBySecret(reading, 'LICENSE_KEY', licenseKey);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  if (license === undefined) return unknown('NOT_FOUND');
  const { deviceFingerprint, user, ...asked } = question;
  const deviceNamed = deviceFingerprint !== null;
  const activation = deviceNamed ? await activationOfDevice(reading, license.id, deviceFingerprint) : undefined;
  const claims = deviceNamed && activation === undefined;
  const identity = user ?? reading.keys.hash('FINGERPRINT', deviceFingerprint ?? '', reading.tenantId);
  const seats = claims
    ? { others: await seatsOfOthers(reading, license, { activationId: undefined, identity }), own: 1 }
    : undefined;
  const facts: Facts = { now: reading.now, license, activation, deviceNamed, user: user ?? undefined, seats, ...scopes(asked) };
  return { ...verdictOn(facts), license, activation: activation ?? null };
}

export interface TokenQuestion extends Scopes {
  readonly activationToken: string;
  readonly deviceFingerprint: string | null;
}

export async function validateActivation(reading: Reading, question: TokenQuestion): Promise<Validation> {
  const { activationToken, deviceFingerprint, ...asked } = question;
  const id = await enterBySecret(reading, 'ACTIVATION_TOKEN', activationToken);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  const activation = license === undefined ? undefined : await activationByToken(reading, license.id, activationToken);
  if (license === undefined || activation === undefined) return unknown('NOT_FOUND');
  const fingerprintMatches =
    deviceFingerprint === null
      ? undefined
      : reading.keys.hashes('FINGERPRINT', deviceFingerprint, reading.tenantId).includes(activation.deviceFingerprint);
  const facts: Facts = { now: reading.now, license, activation, deviceNamed: true, fingerprintMatches, ...scopes(asked) };
  return { ...verdictOn(facts), license, activation };
}

/** Whether a validation was the first use of a new token while the one before it still serves. */
export function firstUseOf(reading: Reading, activation: Activation | null, token: string): boolean {
  if (activation === null || activation.previousTokenHash === null) return false;
  return reading.keys.hashes('ACTIVATION_TOKEN', token).includes(activation.activationTokenHash);
}

/** Ends the previous token. Writes no event: it follows from the use of the new one. */
export async function retirePreviousToken(work: Work, activation: Activation): Promise<void> {
  const current = await lockActivation(work, activation.id);
  if (current === undefined || current.activationTokenHash !== activation.activationTokenHash) return;
  await forgetToken(work, current.previousTokenHash);
  await changeActivation(work, current, { previousTokenHash: null, previousTokenUntil: null });
}
