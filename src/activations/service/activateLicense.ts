import { enterBySecret } from '../../access/service.js';
import { addDays, latest } from '../../core/clock.js';
import { canonicalDomain } from '../../core/domainName.js';
import { type LicenseId, newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey, requireMove } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { parseMacAddress } from '../../templates/model.js';
import { type ActivationTerms, isOver, isReservation } from '../model/activation.js';
import { type Facts, requirePassing } from '../model/verdict.js';
import { fingerprintHashes, holdDevice, isBlacklisted } from '../queries/devices.js';
import { activationOfDevice } from '../queries.js';
import type { ActivateLicenseInput } from '../schema.js';
import { type Activation, licenseActivations as activations } from '../table.js';
import { changeActivation, eventOf, leaseEnd, noticeTravel } from './activation.js';
import { countrySeen, restrictionFactsOf } from './restrictionFacts.js';
import { countedLicense, countSeat, seatsClaimed } from './seats.js';
import { keepToken, newActivationToken } from './tokens.js';
import { versionFacts } from './versionFacts.js';

/** An activation with the full token that only this answer shows. */
export interface ActivatedLicense {
  readonly activation: Activation;
  readonly license: License;
  readonly activationToken: string;
}

/** Where a key leads; what belongs to somebody else answers as what does not exist. */
export async function licenseShown(work: Work, input: string, vendor?: string | null): Promise<LicenseId> {
  const licenseKey = parseLicenseKey(input);
  if (licenseKey === undefined) throw keyMalformed();
  const id = await enterBySecret(work, 'LICENSE_KEY', licenseKey, vendor);
  if (id === undefined) throw licenseNotFound();
  return id;
}

/** A license that was shown, locked, and the device that is to use it held before. */
export async function lockedLicense(work: Work, id: LicenseId, fingerprint?: string): Promise<License> {
  // Whoever shuts the device out waits until this activation is there to be ended, or comes first and is seen.
  if (fingerprint !== undefined) await holdDevice(work, fingerprintHashes(work, fingerprint), 'shared');
  const license = await lockLicense(work, id);
  if (license === undefined) throw licenseNotFound();
  return countedLicense(work, license);
}

/** The license of a key that an application shows, locked. */
export async function licenseOfKey(
  work: Work,
  { licenseKey, deviceFingerprint, tenantId }: ActivateLicenseInput,
): Promise<License> {
  return lockedLicense(work, await licenseShown(work, licenseKey, tenantId), deviceFingerprint);
}

/**
 * What the device tells of itself, on top of what it told before; identifying facts leave this function as keyed
 * hashes only.
 */
function reportedFacts(work: Work, input: ActivateLicenseInput, known?: Activation) {
  const hashed = (kind: 'HARDWARE_ID' | 'MAC_ADDRESS', value: string | null | undefined): string | null =>
    value ? work.keys.hash(kind, value, work.tenantId) : null;
  const seenCountry = countrySeen(work, input);
  return {
    userRef: input.user ?? known?.userRef ?? null,
    hardwareId: hashed('HARDWARE_ID', input.hardwareId) ?? known?.hardwareId ?? null,
    macAddress: hashed('MAC_ADDRESS', parseMacAddress(input.macAddress ?? '')) ?? known?.macAddress ?? null,
    domain: canonicalDomain(input.domain ?? '') ?? known?.domain ?? null,
    machineName: input.machineName ?? known?.machineName ?? null,
    ipAddress: work.address ?? null,
    operatingSystem: input.operatingSystem ?? known?.operatingSystem ?? null,
    userAgent: input.userAgent ?? known?.userAgent ?? null,
    applicationVersion: input.applicationVersion ?? known?.applicationVersion ?? 'unknown',
    units: input.units ?? known?.units ?? 1,
    location: input.location ?? known?.location ?? null,
    metadata: input.metadata ?? known?.metadata ?? {},
    reportedAt: work.now,
    ...(seenCountry === undefined ? {} : { seenCountry, seenAt: work.now }),
  };
}

/** What the rules look at when a device asks for a seat. */
export async function factsOfClaim(
  work: Work,
  license: License,
  activation: Activation | undefined,
  input: ActivateLicenseInput,
): Promise<Facts> {
  const device =
    activation?.deviceFingerprint ?? work.keys.hash('FINGERPRINT', input.deviceFingerprint, work.tenantId);
  const claim = {
    identity: input.user ?? activation?.userRef ?? device,
    units: input.units ?? activation?.units ?? 1,
  };
  return {
    now: work.now,
    license,
    activation,
    deviceNamed: true,
    blacklisted: await isBlacklisted(work, fingerprintHashes(work, input.deviceFingerprint)),
    user: input.user ?? undefined,
    productId: input.productId ?? undefined,
    version: await versionFacts(work, license, input.version),
    restrictionFacts: restrictionFactsOf(work, input, activation),
    seats: await seatsClaimed(work, license, activation, claim),
  };
}

/** The first activation starts a trial's clock. */
async function beginTrial(work: Work, license: License): Promise<License> {
  requireMove('activateLicense', license.status, 'ACTIVE');
  const expiryDate = addDays(work.now, license.trialPeriodDays ?? 0);
  const begun = await changeLicense(work, license, {
    status: 'ACTIVE',
    activationDate: work.now,
    expiryDate,
  });
  await work.emit({
    type: 'license.activated',
    subjectId: license.id,
    licenseId: license.id,
    data: { expiry_date: expiryDate },
  });
  return begun;
}

/** An activation that is being made cannot be missing, and a lapsed lease is what activating again renews. */
export const notYet = new Set(['NOT_ACTIVATED', 'LEASE_EXPIRED'] as const);

/**
 * The activation that a device has on a license. One that was limited in time and is over is ended on record, and makes
 * room for another: the device is as any that was never there.
 */
export async function livingActivation(
  work: Work,
  license: License,
  fingerprint: string,
  kind: 'SEAT' | 'EMERGENCY' = 'SEAT',
): Promise<Activation | undefined> {
  const known = await activationOfDevice(work, license.id, fingerprint, kind);
  if (known === undefined || !isOver(known.expiresAt, work.now)) return known;
  const reason = 'Its time was over';
  const ended = await changeActivation(work, known, {
    status: 'DEACTIVATED',
    deactivatedAt: work.now,
    deactivationReason: reason,
    leaseExpiresAt: null,
  });
  await work.emit(eventOf(ended, 'activation.deactivated', { reason }));
  return undefined;
}

const online: ActivationTerms = { activationType: 'ONLINE', expiresAt: null };

export async function firstActivation(
  work: Work,
  license: License,
  input: ActivateLicenseInput,
  seats: Facts['seats'],
  terms: ActivationTerms = online,
): Promise<ActivatedLicense> {
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
      activatedAt: work.now,
      leaseExpiresAt: leaseEnd(work, license),
      ...terms,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (activation === undefined) throw new Error('an insert returned no row');
  const begun = license.status === 'PENDING' ? await beginTrial(work, license) : license;
  const { activationType, userRef, machineName, userAgent, location } = activation;
  const personal = { user: userRef, machine_name: machineName, user_agent: userAgent, location };
  await work.emit({
    ...eventOf(activation, 'activation.created', { activation_type: activationType }),
    personal,
  });
  const first = { activationDate: begun.activationDate ?? work.now };
  const counted = await countSeat(work, begun, { activation, seats }, first);
  return { activation, license: counted, activationToken: token };
}

/** The same device again: its activation with a fresh token. The token before stays good until the new one is used. */
export async function activatedAgain(
  work: Work,
  license: License,
  known: Activation,
  input: ActivateLicenseInput,
  { seats, terms = {} }: { readonly seats?: Facts['seats']; readonly terms?: Partial<ActivationTerms> } = {},
): Promise<ActivatedLicense> {
  const { token, hash } = await newActivationToken(work, license.id);
  const lease = known.activationType === 'EMERGENCY' ? null : leaseEnd(work, license);
  const activation = await changeActivation(work, known, {
    ...reportedFacts(work, input, known),
    activationTokenHash: hash,
    activationTokenHint: token.slice(-4),
    leaseExpiresAt: lease === null ? null : latest(known.leaseExpiresAt, lease),
    seatFreedAt: null,
    ...terms,
  });
  await keepToken(work, known);
  await work.emit(eventOf(activation, 'activation.renewed'));
  await noticeTravel(work, known, activation.location);
  const counted = await countSeat(work, license, { activation, before: known, seats });
  return { activation, license: counted, activationToken: token };
}

export async function activateLicense(work: Work, input: ActivateLicenseInput): Promise<ActivatedLicense> {
  const license = await licenseOfKey(work, input);
  const known = await livingActivation(work, license, input.deviceFingerprint);
  const facts = await factsOfClaim(work, license, known, input);
  requirePassing(facts, notYet, {
    licenseId: license.id,
    ...(known === undefined ? {} : { activationId: known.id }),
  });
  if (known === undefined) return firstActivation(work, license, input, facts.seats);
  // A seat that was kept for a device without a connection is its own once it comes with the key itself.
  const terms = isReservation(known) ? online : {};
  return activatedAgain(work, license, known, input, { seats: facts.seats, terms });
}
