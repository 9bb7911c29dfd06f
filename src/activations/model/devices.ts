import { invalidInput, Refusal } from '../../core/refusal.js';

export const deviceEvents = ['device.blacklisted', 'device.unblacklisted', 'device.forgotten'] as const;

/** What stands in the place of a fingerprint's hash once the device was forgotten. */
const FORGOTTEN = 'forgotten.';

export const isForgotten = (fingerprint: string): boolean => fingerprint.startsWith(FORGOTTEN);

/** Nobody can be shut out of whom nothing is known any more. */
export function deviceForgotten(): Refusal {
  const message = 'its device was forgotten: name the device by its fingerprint';
  return invalidInput([{ field: 'input.activationId', message }]);
}

export const BLACKLISTED = 'Device blacklisted';

export function blacklistedDeviceNotFound(): Refusal {
  const message = 'There is no such device on the blacklist.';
  return new Refusal('BLACKLISTED_DEVICE_NOT_FOUND', message);
}
