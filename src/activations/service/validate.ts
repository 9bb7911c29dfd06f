import { enterBySecret } from '../../access/service.js';
import type { Refusal } from '../../core/refusal.js';
import type { Reading, Work } from '../../core/work.js';
import { parseLicenseKey } from '../../licenses/model.js';
import { licensesById, lockLicense } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { type Facts, misuseIn, refusedVerdict, type Verdict, verdictOn } from '../model/verdict.js';
import { activationByToken, activationOfDevice, lockActivation } from '../queries.js';
import type { Activation } from '../table.js';
import { changeActivation, forgetToken, ownClaim, seatsClaimed } from './activation.js';

/** What a validation answers. */
export interface Validation extends Verdict {
  readonly license: License | null;
  readonly activation: Activation | null;
}

function unknown(code: 'KEY_MALFORMED' | 'NOT_FOUND'): Validation {
  return { ...refusedVerdict(code), license: null, activation: null };
}

interface Scopes {
  readonly productId?: string | null;
  readonly features?: readonly string[] | null;
}

function scopes({ productId, features }: Scopes): Pick<Facts, 'productId' | 'features'> {
  return { productId: productId ?? undefined, features: features ?? undefined };
}

export interface KeyQuestion extends Scopes {
  readonly licenseKey: string;
  readonly deviceFingerprint?: string | null;
  readonly user?: string | null;
}

/** The device that a question by key names, and the seat that it has or would take. */
async function deviceOf(reading: Reading, license: License, fingerprint: string, user: string | undefined) {
  const activation = await activationOfDevice(reading, license.id, fingerprint);
  const identity = user ?? reading.keys.hash('FINGERPRINT', fingerprint, reading.tenantId);
  const claim = activation === undefined ? { identity, units: 1 } : ownClaim(activation);
  const seats = await seatsClaimed(reading, license, activation, claim);
  return { deviceNamed: true, activation, seats };
}

export async function validateLicenseKey(reading: Reading, question: KeyQuestion): Promise<Validation> {
  const licenseKey = parseLicenseKey(question.licenseKey);
  if (licenseKey === undefined) return unknown('KEY_MALFORMED');
  const id = await enterBySecret(reading, 'LICENSE_KEY', licenseKey);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  if (license === undefined) return unknown('NOT_FOUND');
  const { deviceFingerprint, user, ...asked } = question;
  const asks = { now: reading.now, license, user: user ?? undefined, ...scopes(asked) };
  const device = deviceFingerprint
    ? await deviceOf(reading, license, deviceFingerprint, asks.user)
    : { deviceNamed: false, activation: undefined };
  return { ...verdictOn({ ...asks, ...device }), license, activation: device.activation ?? null };
}

export interface TokenQuestion extends Scopes {
  readonly activationToken: string;
  readonly deviceFingerprint?: string | null;
}

export async function validateActivation(reading: Reading, question: TokenQuestion): Promise<Validation> {
  const { activationToken, deviceFingerprint, ...asked } = question;
  const id = await enterBySecret(reading, 'ACTIVATION_TOKEN', activationToken);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  const activation =
    license === undefined ? undefined : await activationByToken(reading, license.id, activationToken);
  if (license === undefined || activation === undefined) return unknown('NOT_FOUND');
  const fingerprintMatches =
    typeof deviceFingerprint !== 'string'
      ? undefined
      : reading.keys
          .hashes('FINGERPRINT', deviceFingerprint, reading.tenantId)
          .includes(activation.deviceFingerprint);
  const facts: Facts = {
    now: reading.now,
    license,
    activation,
    deviceNamed: true,
    fingerprintMatches,
    seats: await seatsClaimed(reading, license, activation, ownClaim(activation)),
    ...scopes(asked),
  };
  return { ...verdictOn(facts), license, activation };
}

/** What has to be recorded of a validation, as if it had been refused. */
export function misuseOf({ license, activation, ...verdict }: Validation): Refusal | undefined {
  if (license === null) return undefined;
  const device = activation === null ? {} : { activationId: activation.id };
  return misuseIn(verdict, { licenseId: license.id, ...device });
}

/** Whether a validation was the first use of a new token while the one before it still serves. */
export function firstUseOf(reading: Reading, activation: Activation | null, token: string): boolean {
  if (activation === null || activation.previousTokenHash === null) return false;
  return reading.keys.hashes('ACTIVATION_TOKEN', token).includes(activation.activationTokenHash);
}

/**
 * Ends the previous token. Writes no event: it follows from the use of the new one. The license is locked first, as
 * by every act on its activations: a heartbeat with the same token takes the rest in another order.
 */
export async function retirePreviousToken(work: Work, activation: Activation): Promise<void> {
  await lockLicense(work, activation.licenseId);
  const current = await lockActivation(work, activation.id);
  if (current === undefined || current.activationTokenHash !== activation.activationTokenHash) return;
  await forgetToken(work, current.previousTokenHash);
  await changeActivation(work, current, { previousTokenHash: null, previousTokenUntil: null });
}
