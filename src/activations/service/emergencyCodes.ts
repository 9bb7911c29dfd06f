import { and, desc, eq } from 'drizzle-orm';
import { enterBySecret } from '../../access/service.js';
import { subjectOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import { randomBits } from '../../core/crypto.js';
import { newId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import {
  emergencyCodeExpired,
  emergencyCodeOf,
  emergencyCodeUnknown,
  emergencyCodeUsed,
  emergencyEnd,
  MOST_CODES,
  parseEmergencyCode,
  requireCodeLeft,
} from '../model/emergency.js';
import { requirePassing } from '../model/verdict.js';
import type { GenerateEmergencyCodeInput } from '../schema/devices.js';
import type { ActivateLicenseInput } from '../schema.js';
import { type Activation, type EmergencyCode, emergencyCodes } from '../table.js';
import {
  type ActivatedLicense,
  activatedAgain,
  activateLicense,
  factsOfClaim,
  firstActivation,
  licenseOfKey,
  livingActivation,
  notYet,
} from './activateLicense.js';

async function licenseNamed(
  work: Work,
  { licenseId, licenseKey }: GenerateEmergencyCodeInput,
): Promise<License> {
  if (Boolean(licenseId) === Boolean(licenseKey)) {
    const message = 'either it or licenseKey is needed, not both';
    throw invalidInput([{ field: 'input.licenseId', message }]);
  }
  const key = licenseKey ? parseLicenseKey(licenseKey) : undefined;
  if (licenseKey && key === undefined) throw keyMalformed();
  const id = key === undefined ? licenseId : await enterBySecret(work, 'LICENSE_KEY', key);
  const license = id ? await lockLicense(work, id) : undefined;
  if (license === undefined) throw licenseNotFound(licenseId ?? undefined);
  return license;
}

async function newestCodes(work: Work, license: License): Promise<readonly Instant[]> {
  const rows = await work.db
    .select({ createdAt: emergencyCodes.createdAt })
    .from(emergencyCodes)
    .where(and(eq(emergencyCodes.tenantId, work.tenantId), eq(emergencyCodes.licenseId, license.id)))
    .orderBy(desc(emergencyCodes.createdAt))
    .limit(MOST_CODES);
  return rows.map(({ createdAt }) => createdAt);
}

export interface GeneratedCode {
  readonly emergencyCode: string;
  readonly validUntil: Instant;
  readonly license: License;
}

/** The license is locked, so that of many who ask at once no more get a code than one may. */
export async function generateEmergencyCode(
  work: Work,
  input: GenerateEmergencyCodeInput,
): Promise<GeneratedCode> {
  const license = await licenseNamed(work, input);
  const facts = { now: work.now, license, deviceNamed: true, emergency: true };
  requirePassing(facts, notYet, { licenseId: license.id });
  requireCodeLeft(await newestCodes(work, license), work.now);
  const emergencyCode = emergencyCodeOf(randomBits());
  const id = newId<'EmergencyCode'>(work.now);
  const validUntil = emergencyEnd(work.now);
  await work.db.insert(emergencyCodes).values({
    tenantId: work.tenantId,
    id,
    licenseId: license.id,
    codeHash: work.keys.hash('EMERGENCY_CODE', parseEmergencyCode(emergencyCode) ?? '', work.tenantId),
    reason: input.reason,
    createdBy: subjectOf(work.actor) ?? '',
    createdAt: work.now,
    expiresAt: validUntil,
  });
  const data = { reason: input.reason, valid_until: validUntil };
  await work.emit({ type: 'emergency_code.generated', subjectId: id, licenseId: license.id, data });
  return { emergencyCode, validUntil, license };
}

async function findCode(work: Work, license: License, given: string): Promise<EmergencyCode | undefined> {
  const letters = parseEmergencyCode(given);
  if (letters === undefined) return undefined;
  const hashes = work.keys.hashes('EMERGENCY_CODE', letters, work.tenantId);
  const [row] = await work.db
    .select()
    .from(emergencyCodes)
    .where(
      and(
        eq(emergencyCodes.tenantId, work.tenantId),
        eq(emergencyCodes.licenseId, license.id),
        anyOf(emergencyCodes.codeHash, hashes),
      ),
    );
  return row;
}

/** The code that lets a device in: an unused one, or the one by which it is in already and whose answer was lost. */
async function codeFor(work: Work, license: License, given: string, known: Activation | undefined) {
  const about = { licenseId: license.id };
  const code = await findCode(work, license, given);
  if (code === undefined) {
    await work.missed();
    throw emergencyCodeUnknown(about);
  }
  if (code.usedAt !== null) {
    if (known === undefined || code.activationId !== known.id) throw emergencyCodeUsed(about);
  } else if (code.expiresAt <= work.now) throw emergencyCodeExpired(code.expiresAt, about);
  return code;
}

async function markUsed(work: Work, code: EmergencyCode, { id, licenseId }: Activation): Promise<void> {
  await work.db
    .update(emergencyCodes)
    .set({ usedAt: work.now, activationId: id })
    .where(and(eq(emergencyCodes.tenantId, work.tenantId), eq(emergencyCodes.id, code.id)));
  await work.emit({ type: 'emergency_code.used', subjectId: code.id, licenseId, activationId: id });
}

/**
 * Lets a device in by an emergency code, for a day and beside the seats. Under the license's lock, so that of many who
 * show one code one gets in; the same device again gets a fresh token, as with a seat.
 */
async function activateInEmergency(
  work: Work,
  input: ActivateLicenseInput,
  given: string,
): Promise<ActivatedLicense> {
  const license = await licenseOfKey(work, input);
  const known = await livingActivation(work, license, input.deviceFingerprint, 'EMERGENCY');
  const code = await codeFor(work, license, given, known);
  const claim = await factsOfClaim(work, license, known, input);
  requirePassing({ ...claim, seats: undefined, emergency: true }, notYet, {
    licenseId: license.id,
    ...(known === undefined ? {} : { activationId: known.id }),
  });
  if (code.usedAt !== null && known !== undefined) return activatedAgain(work, license, known, input);
  const terms = {
    activationType: 'EMERGENCY',
    expiresAt: emergencyEnd(work.now),
    leaseExpiresAt: null,
  } as const;
  const activated = await firstActivation(work, license, input, undefined, terms);
  await markUsed(work, code, activated.activation);
  return activated;
}

/** Activates a device by the license's key alone, or by an emergency code with it. */
export function activate(work: Work, input: ActivateLicenseInput): Promise<ActivatedLicense> {
  return input.emergencyCode
    ? activateInEmergency(work, input, input.emergencyCode)
    : activateLicense(work, input);
}
