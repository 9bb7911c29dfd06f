import { enterBySecret } from '../../access/service.js';
import type { Refusal } from '../../core/refusal.js';
import type { Reading } from '../../core/work.js';
import { parseLicenseKey } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { ownClaim } from '../model/seats.js';
import { type Facts, misuseIn, refusedVerdict, type Verdict, verdictOn } from '../model/verdict.js';
import { activationShown } from '../queries/tokens.js';
import { activationOfDevice } from '../queries.js';
import type { Activation } from '../table.js';
import { seatsClaimed } from './seats.js';

/** What a validation answers. */
export interface Validation extends Verdict {
  readonly license: License | null;
  readonly activation: Activation | null;
  /** The token was used, and those that were given before it are to end. */
  readonly endsOthers: boolean;
}

function unknown(code: 'KEY_MALFORMED' | 'NOT_FOUND'): Validation {
  return { ...refusedVerdict(code), license: null, activation: null, endsOthers: false };
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
  return {
    ...verdictOn({ ...asks, ...device }),
    license,
    activation: device.activation ?? null,
    endsOthers: false,
  };
}

export interface TokenQuestion extends Scopes {
  readonly activationToken: string;
  readonly deviceFingerprint?: string | null;
}

export async function validateActivation(reading: Reading, question: TokenQuestion): Promise<Validation> {
  const { activationToken, deviceFingerprint, ...asked } = question;
  const id = await enterBySecret(reading, 'ACTIVATION_TOKEN', activationToken);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  const shown =
    license === undefined ? undefined : await activationShown(reading, license.id, activationToken);
  if (license === undefined || shown === undefined) return unknown('NOT_FOUND');
  const { activation, endsOthers } = shown;
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
  return { ...verdictOn(facts), license, activation, endsOthers };
}

/** What has to be recorded of a validation, as if it had been refused. */
export function misuseOf({ license, activation, ...verdict }: Validation): Refusal | undefined {
  if (license === null) return undefined;
  const device = activation === null ? {} : { activationId: activation.id };
  return misuseIn(verdict, { licenseId: license.id, ...device });
}
