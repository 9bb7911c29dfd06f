import { enterBySecret } from '../../access/service.js';
import type { Work } from '../../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import { createOfflineRequest as makeRequest, type OfflineRequest } from '../../sdk/offline/request.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { codeInvalid } from '../model/offline.js';
import type { CheckoutLicenseFileInput, CreateOfflineRequestInput } from '../schema/offline.js';
import type { ActivateLicenseInput } from '../schema.js';

const INSTRUCTIONS = `1. Take the request code to a computer with a connection: as text, as a file or by its QR code.
2. Have it signed there, in the portal or by the vendor. A seat is kept for the device from then on.
3. Take the response code back to the device before it ends. The device checks it without a connection.
4. Register both codes, wherever there is a connection: from then on the seat is the device's for good.`;

/** A device's request, made by somebody who has a connection for a device that has none. Writes nothing. */
export async function createOfflineRequest(work: Work, input: CreateOfflineRequestInput, seals: Seals) {
  const licenseKey = parseLicenseKey(input.licenseKey);
  if (licenseKey === undefined) throw keyMalformed();
  const id = await enterBySecret(work, 'LICENSE_KEY', licenseKey);
  if (id === undefined || !(await licensesById(work, [id])).has(id)) throw licenseNotFound();
  const keys = { keys: await seals.publicKeys() };
  const { requestCode } = await makeRequest({ ...input, licenseKey }, keys, new Date(work.now));
  return {
    requestCode,
    instructions: INSTRUCTIONS,
    request: { kind: 'request', code: requestCode } as const,
  };
}

export async function openedRequest(work: Work, seals: Seals, requestCode: string): Promise<OfflineRequest> {
  const request = await seals.openRequest(requestCode);
  if (request !== undefined) return request;
  await work.missed();
  throw codeInvalid();
}

/**
 * The same transaction, for a device whose request somebody carries: it has no address, and of where it is nothing is
 * known but what it says. The address that is seen is the courier's.
 */
export function carried(work: Work): Work {
  return { ...work, address: undefined, country: undefined };
}

/** Where a device says it is; of one that tells a country alone the time zone is not asked for. */
function placeOf(country: string | null | undefined, timezone: string | null | undefined) {
  if (!country) return {};
  return { location: { country, timezone: timezone ?? 'UTC', region: null, city: null, coordinates: null } };
}

/** What a device asks offline, as it would ask online: the same rules judge both. */
export function onlineInput(request: OfflineRequest): ActivateLicenseInput {
  const { nonce: _, madeAt: __, country, timezone, ...device } = request;
  return { ...device, ...placeOf(country, timezone) };
}

/** A device that asks for a file; not each is named. */
export type AskingDevice = Omit<ActivateLicenseInput, 'licenseKey' | 'deviceFingerprint'> & {
  readonly licenseKey?: string | null;
  readonly deviceFingerprint?: string | null;
};

export function askingDevice(input: CheckoutLicenseFileInput): AskingDevice {
  const {
    licenseId: _,
    activationToken: __,
    requestCode: ___,
    validDays,
    encrypted,
    country,
    ...device
  } = input;
  return { ...device, ...placeOf(country, null) };
}
