import { enterBySecret } from '../../access/service.js';
import type { Refusal } from '../../core/refusal.js';
import type { Reading, Work } from '../../core/work.js';
import { parseLicenseKey } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { ownClaim } from '../model/seats.js';
import { type Facts, misuseIn, refusedVerdict, type Verdict, verdictOn } from '../model/verdict.js';
import { fingerprintHashes, isBlacklisted } from '../queries/devices.js';
import { activationShown } from '../queries/tokens.js';
import { activationOfDevice } from '../queries.js';
import type { Activation } from '../table.js';
import { restrictionFactsOf, type Told } from './restrictionFacts.js';
import { seatsClaimed } from './seats.js';
import { newCountry, takeDownCountry } from './sightings.js';
import { versionFacts } from './versionFacts.js';

/** What a validation answers. */
export interface Validation extends Verdict {
  readonly license: License | null;
  readonly activation: Activation | null;
  /** The token was used, and those that were given before it are to end. */
  readonly endsOthers: boolean;
  /** The country that the device is seen in now, if it was seen in another one last. */
  readonly newCountry?: string | undefined;
}

function unknown(code: 'KEY_MALFORMED' | 'NOT_FOUND'): Validation {
  return { ...refusedVerdict(code), license: null, activation: null, endsOthers: false };
}

export interface Answer extends Validation {
  /** The same as a JWS, for whoever sent a nonce. */
  readonly signedAnswer: string | null;
}

interface Question extends Told {
  readonly deviceFingerprint?: string | null;
  readonly user?: string | null;
  readonly tenantId?: string | null;
  readonly productId?: string | null;
  readonly version?: string | null;
  readonly features?: readonly string[] | null;
  readonly nonce?: string | null;
}

export interface KeyQuestion extends Question {
  readonly licenseKey: string;
}

export interface TokenQuestion extends Question {
  readonly activationToken: string;
}

/** What the question itself tells of what is to be judged. */
async function factsAsked(
  reading: Reading,
  license: License,
  activation: Activation | undefined,
  { user, productId, version, features, ...told }: Question,
) {
  return {
    now: reading.now,
    license,
    activation,
    user: user ?? undefined,
    productId: productId ?? undefined,
    version: await versionFacts(reading, license, version),
    features: features ?? undefined,
    restrictionFacts: restrictionFactsOf(reading, told, activation),
  };
}

/** The device that a question by key names, and the seat that it has or would take. */
async function deviceOf(reading: Reading, license: License, { deviceFingerprint, user }: Question) {
  if (!deviceFingerprint) return { deviceNamed: false, activation: undefined };
  const activation = await activationOfDevice(reading, license.id, deviceFingerprint, 'ANY');
  // What lives is on no blacklist: it would have been ended with the entry.
  const blacklisted =
    activation === undefined && (await isBlacklisted(reading, fingerprintHashes(reading, deviceFingerprint)));
  const identity = user ?? reading.keys.hash('FINGERPRINT', deviceFingerprint, reading.tenantId);
  const claim = activation === undefined ? { identity, units: 1 } : ownClaim(activation);
  const seats = await seatsClaimed(reading, license, activation, claim);
  return { deviceNamed: true, activation, seats, blacklisted };
}

export async function validateLicenseKey(reading: Reading, question: KeyQuestion): Promise<Validation> {
  const licenseKey = parseLicenseKey(question.licenseKey);
  if (licenseKey === undefined) return unknown('KEY_MALFORMED');
  const id = await enterBySecret(reading, 'LICENSE_KEY', licenseKey, question.tenantId);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  if (license === undefined) return unknown('NOT_FOUND');
  const device = await deviceOf(reading, license, question);
  const asked = await factsAsked(reading, license, device.activation, question);
  return {
    ...verdictOn({ ...asked, ...device }),
    license,
    activation: device.activation ?? null,
    endsOthers: false,
    newCountry: newCountry(reading, question, device.activation),
  };
}

/** What lives is on no blacklist; the device that shows the token of another one may be. */
function suspects({ status, deviceFingerprint }: Activation, named: readonly string[]): readonly string[] {
  const own = status === 'ACTIVE' ? [] : [deviceFingerprint];
  return named.includes(deviceFingerprint) ? own : [...own, ...named];
}

export async function validateActivation(reading: Reading, question: TokenQuestion): Promise<Validation> {
  const { activationToken, deviceFingerprint } = question;
  const id = await enterBySecret(reading, 'ACTIVATION_TOKEN', activationToken, question.tenantId);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  const shown =
    license === undefined ? undefined : await activationShown(reading, license.id, activationToken);
  if (license === undefined || shown === undefined) return unknown('NOT_FOUND');
  const { activation, endsOthers } = shown;
  const named = typeof deviceFingerprint === 'string' ? fingerprintHashes(reading, deviceFingerprint) : [];
  const fingerprintMatches = named.length === 0 ? undefined : named.includes(activation.deviceFingerprint);
  const facts: Facts = {
    ...(await factsAsked(reading, license, activation, question)),
    deviceNamed: true,
    blacklisted: await isBlacklisted(reading, suspects(activation, named)),
    fingerprintMatches,
    seats: await seatsClaimed(reading, license, activation, ownClaim(activation)),
  };
  const seenIn = newCountry(reading, question, activation);
  return { ...verdictOn(facts), license, activation, endsOthers, newCountry: seenIn };
}

/** What has to be recorded of a validation, as if it had been refused. */
export function misuseOf({ license, activation, ...verdict }: Validation): Refusal | undefined {
  if (license === null) return undefined;
  const device = activation === null ? {} : { activationId: activation.id };
  return misuseIn(verdict, { licenseId: license.id, ...device });
}

/** Has the country that a device is seen in now taken down behind the answer, where that is news. */
export function takeDownLook(
  ctx: { afterAnswer(task: (work: Work) => Promise<void>): void },
  { activation, newCountry: country }: Validation,
): void {
  if (activation === null || country === undefined) return;
  ctx.afterAnswer((work) => takeDownCountry(work, activation.id, country));
}
