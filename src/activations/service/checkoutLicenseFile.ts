import { requirePermission } from '../../core/actor.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseNotFound } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import type { License } from '../../licenses/table.js';
import type { DeviceBinding } from '../../sdk/offline/deviceBinding.js';
import { armored } from '../../sdk/offline/documents.js';
import { sealLicenseFile } from '../../sdk/offline/licenseFile.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { documentEnd } from '../model/offline.js';
import { isFloating, isUnlimited, seatUnit } from '../model/seats.js';
import { requirePassing } from '../model/verdict.js';
import { activationOfDevice } from '../queries.js';
import type { CheckoutLicenseFileInput } from '../schema/offline.js';
import type { Activation } from '../table.js';
import { licenseOfKey } from './activateLicense.js';
import { activationToChange } from './activation.js';
import { factsOfOffline, issueDocument, markedDevice } from './licenseContent.js';
import { type AskingDevice, askingDevice, onlineInput, openedRequest } from './offlineRequest.js';

interface Found {
  readonly license: License;
  readonly activation: Activation | undefined;
}

const ways = ['licenseId', 'licenseKey', 'activationToken', 'requestCode'] as const;

function requireOneWay(input: CheckoutLicenseFileInput): void {
  const given = ways.filter((way) => input[way]);
  if (given.length === 1) return;
  throw invalidInput([{ field: 'input', message: `exactly one of ${ways.join(', ')} is needed` }]);
}

async function byId(work: Work, licenseId: string): Promise<License> {
  requirePermission(work.actor, 'license.checkout');
  const license = await lockLicense(work, licenseId);
  if (license === undefined) throw licenseNotFound(licenseId);
  return license;
}

/** The license that is named or shown, and the activation of the device on it. */
async function found(
  work: Work,
  { licenseId, activationToken }: CheckoutLicenseFileInput,
  device: AskingDevice,
): Promise<Found> {
  if (activationToken) return activationToChange(work, activationToken);
  const license = licenseId
    ? await byId(work, licenseId)
    : await licenseOfKey(work, device.licenseKey ?? '', device.deviceFingerprint ?? undefined);
  const { deviceFingerprint } = device;
  const activation = deviceFingerprint
    ? await activationOfDevice(work, license.id, deviceFingerprint)
    : undefined;
  return { license, activation };
}

/** What is counted by devices has no file that any device could use. */
function requireDevice(license: License, device: AskingDevice): void {
  if (device.deviceFingerprint || isUnlimited(license)) return;
  const message = `is needed: a license of model ${license.licenseModel} has files for single devices only`;
  throw invalidInput([{ field: 'input.deviceFingerprint', message }]);
}

async function requireHolding(work: Work, { license, activation }: Found, device: AskingDevice) {
  const deviceFingerprint = device.deviceFingerprint ?? '';
  const facts = await factsOfOffline(work, license, activation, {
    ...device,
    licenseKey: '',
    deviceFingerprint,
  });
  const deviceNamed = deviceFingerprint !== '' || activation !== undefined;
  const hashes = work.keys.hashes('FINGERPRINT', deviceFingerprint, work.tenantId);
  const fingerprintMatches =
    activation === undefined || deviceFingerprint === ''
      ? undefined
      : hashes.includes(activation.deviceFingerprint);
  const seats = activation === undefined ? undefined : facts.seats;
  const about = {
    licenseId: license.id,
    ...(activation === undefined ? {} : { activationId: activation.id }),
  };
  requirePassing({ ...facts, seats, deviceNamed, fingerprintMatches }, new Set(), about);
}

/** Where people are counted, whose seat it is is bound too, whether or not the device says it. */
async function marksOf(
  device: AskingDevice,
  { license, activation }: Found,
): Promise<DeviceBinding | undefined> {
  const { deviceFingerprint } = device;
  if (!deviceFingerprint) return undefined;
  const user = seatUnit(license) === 'USER' ? (activation?.userRef ?? device.user) : null;
  return markedDevice({ ...device, deviceFingerprint, user: user ?? null });
}

/** Takes out a license as a file, for a device that holds a seat of it: it is judged as if it validated. */
export async function checkoutLicenseFile(work: Work, input: CheckoutLicenseFileInput, seals: Seals) {
  requireOneWay(input);
  const device = input.requestCode
    ? onlineInput(await openedRequest(seals, input.requestCode))
    : askingDevice(input);
  const subject = await found(work, input, device);
  const { license, activation } = subject;
  requireDevice(license, device);
  await requireHolding(work, subject, device);
  const marks = await marksOf(device, subject);
  const lease = isFloating(license) ? activation?.leaseExpiresAt : null;
  const { licenseFileDays } = work.settings;
  const days = Math.min(input.validDays ?? licenseFileDays, licenseFileDays);
  const end = documentEnd(work.now, days, { license, ends: [activation?.expiresAt, lease] });
  const { id, code: signed } = await issueDocument(work, seals, { ...subject, marks }, { nonce: null, end });
  const encrypted = input.encrypted === true;
  const code = encrypted ? await sealLicenseFile(signed, revealedKey(work.keys, license)) : signed;
  await work.emit({
    type: 'license_file.issued',
    subjectId: id,
    licenseId: license.id,
    ...(activation === undefined ? {} : { activationId: activation.id }),
    data: { expires_at: end, encrypted },
  });
  const file = { kind: 'licenseFile', code } as const;
  return {
    licenseFile: armored('licenseFile', code),
    expiresAt: end,
    license,
    activation: activation ?? null,
    file,
  };
}
