import { enterBySecret } from '../../access/service.js';
import { requirePermission } from '../../core/actor.js';
import type { LicenseId } from '../../core/id.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseNotFound } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import type { License } from '../../licenses/table.js';
import type { DeviceBinding } from '../../sdk/offline/deviceBinding.js';
import { sealLicenseFile } from '../../sdk/offline/licenseFile.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { activationNotFound } from '../model/activation.js';
import { documentEnd } from '../model/offline.js';
import { isFloating, isUnlimited } from '../model/seats.js';
import { requirePassing } from '../model/verdict.js';
import { activationByToken } from '../queries/tokens.js';
import { activationOfDevice } from '../queries.js';
import type { CheckoutLicenseFileInput } from '../schema/offline.js';
import type { Activation } from '../table.js';
import { licenseShown, lockedLicense } from './activateLicense.js';
import { lockedActivation } from './activation.js';
import { carriable, factsOfOffline, issueDocument, markedDevice } from './licenseContent.js';
import { type AskingDevice, askingDevice, carried, onlineInput, openedRequest } from './offlineRequest.js';

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

/** The license that is named or shown, not locked yet. */
async function licenseIn(
  work: Work,
  { licenseId, activationToken }: CheckoutLicenseFileInput,
  { licenseKey }: AskingDevice,
): Promise<LicenseId> {
  if (activationToken) {
    const id = await enterBySecret(work, 'ACTIVATION_TOKEN', activationToken);
    if (id === undefined) throw activationNotFound();
    return id;
  }
  if (!licenseId) return licenseShown(work, licenseKey ?? '');
  requirePermission(work.actor, 'license.checkout');
  return licenseId as LicenseId;
}

/** The activation of the device on the license, as it is before that is locked. */
async function activationAhead(
  work: Work,
  id: LicenseId,
  { activationToken }: CheckoutLicenseFileInput,
  { deviceFingerprint }: AskingDevice,
): Promise<Activation | undefined> {
  if (activationToken) return activationByToken(work, id, activationToken);
  return deviceFingerprint ? activationOfDevice(work, id, deviceFingerprint) : undefined;
}

/** The license and the activation of the device on it, both locked. */
async function found(
  work: Work,
  id: LicenseId,
  { licenseId, activationToken }: CheckoutLicenseFileInput,
  { deviceFingerprint }: AskingDevice,
): Promise<Found> {
  if (activationToken) return lockedActivation(work, id, activationToken);
  const license = licenseId
    ? await lockLicense(work, id)
    : await lockedLicense(work, id, deviceFingerprint ?? undefined);
  if (license === undefined) throw licenseNotFound(id);
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

/** Whose seat it is is bound where people are counted, whether or not the device says it. */
const userOf = (device: AskingDevice, activation: Activation | undefined): string | null =>
  activation?.userRef ?? device.user ?? null;

/** The marks of whoever seems to hold a seat; who does not is refused behind the lock. */
async function marksOf(
  device: AskingDevice,
  activation: Activation | undefined,
): Promise<DeviceBinding | undefined> {
  const { deviceFingerprint } = device;
  if (!deviceFingerprint || activation === undefined) return undefined;
  return markedDevice({ ...device, deviceFingerprint, user: userOf(device, activation) });
}

/** Takes out a license as a file, for a device that holds a seat of it: it is judged as if it validated. */
export async function checkoutLicenseFile(work: Work, input: CheckoutLicenseFileInput, seals: Seals) {
  requireOneWay(input);
  const device = input.requestCode
    ? onlineInput(await openedRequest(work, seals, input.requestCode))
    : askingDevice(input);
  const licenseId = await licenseIn(work, input, device);
  const ahead = await activationAhead(work, licenseId, input, device);
  const made = await marksOf(device, ahead);
  const subject = await found(work, licenseId, input, device);
  const { license, activation } = subject;
  requireDevice(license, device);
  // Whoever names a license, or brings a request, is not where the device is.
  const isCarried = Boolean(input.requestCode || input.licenseId);
  await requireHolding(isCarried ? carried(work) : work, subject, device);
  const isCurrent = userOf(device, ahead) === userOf(device, activation);
  const marks = made !== undefined && isCurrent ? made : await marksOf(device, activation);
  const lease = isFloating(license) ? activation?.leaseExpiresAt : null;
  const { licenseFileDays } = work.settings;
  const days = Math.min(input.validDays ?? licenseFileDays, licenseFileDays);
  const ends = [activation?.expiresAt, lease];
  const end = documentEnd(work.now, days, { license, activationType: activation?.activationType, ends });
  const { id, code: signed } = await issueDocument(work, seals, { ...subject, marks }, { nonce: null, end });
  const encrypted = input.encrypted === true;
  const code = encrypted ? await sealLicenseFile(signed, revealedKey(work.keys, license)) : signed;
  const licenseFile = carriable('licenseFile', code, license);
  await work.emit({
    type: 'license_file.issued',
    subjectId: id,
    licenseId: license.id,
    ...(activation === undefined ? {} : { activationId: activation.id }),
    data: { expires_at: end, encrypted },
  });
  const file = { kind: 'licenseFile', code } as const;
  return {
    licenseFile,
    expiresAt: end,
    license,
    activation: activation ?? null,
    file,
  };
}
