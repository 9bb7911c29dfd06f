import { Refusal } from '../../core/refusal.js';

export const deviceEvents = ['device.blacklisted', 'device.unblacklisted', 'device.forgotten'] as const;

export const BLACKLISTED = 'Device blacklisted';

export function blacklistedDeviceNotFound(): Refusal {
  const message = 'There is no such device on the blacklist.';
  return new Refusal('BLACKLISTED_DEVICE_NOT_FOUND', message);
}
