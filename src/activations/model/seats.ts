import type { Instant } from '../../core/clock.js';
import type { LicenseModel } from '../../templates/model.js';
import { type ActivationFacts, isOver, type LicenseFacts } from './activation.js';

export type SeatCode =
  | 'TOO_MANY_USERS'
  | 'TOO_MANY_DEVICES'
  | 'TOO_MANY_CPUS'
  | 'TOO_MANY_CORES'
  | 'TOO_MANY_LEASES';

/** Units in use by others, and those that this device would add. */
export interface Seats {
  readonly others: number;
  readonly own: number;
}

const unlimited: ReadonlySet<LicenseModel> = new Set(['SITE_LICENSE', 'ENTERPRISE']);
const seatCodes: Readonly<Record<LicenseModel, SeatCode>> = {
  PER_SEAT: 'TOO_MANY_USERS',
  PER_DEVICE: 'TOO_MANY_DEVICES',
  PER_CPU: 'TOO_MANY_CPUS',
  PER_CORE: 'TOO_MANY_CORES',
  SITE_LICENSE: 'TOO_MANY_DEVICES',
  ENTERPRISE: 'TOO_MANY_DEVICES',
};

/** What one activation counts as: a person, a device, or the processors or cores that it reports. */
export type SeatUnit = 'USER' | 'DEVICE' | 'UNITS';

type Kind = Pick<LicenseFacts, 'licenseType' | 'licenseModel'>;

export function seatUnit(license: Kind): SeatUnit {
  if (license.licenseModel === 'PER_CPU' || license.licenseModel === 'PER_CORE') return 'UNITS';
  return license.licenseModel === 'PER_SEAT' || license.licenseType === 'NAMED_USER' ? 'USER' : 'DEVICE';
}

export function isFloating(license: Pick<LicenseFacts, 'licenseType'>): boolean {
  return license.licenseType === 'CONCURRENT';
}

function seatCode(license: Kind): SeatCode {
  if (isFloating(license)) return 'TOO_MANY_LEASES';
  return seatUnit(license) === 'USER' ? 'TOO_MANY_USERS' : seatCodes[license.licenseModel];
}

/** How much of the limit one device takes: processors or cores count where the model counts them, else one. */
export function seatsTaken(license: Kind, units: number): number {
  return seatUnit(license) === 'UNITS' ? units : 1;
}

export function leaseLapsed(activation: Pick<ActivationFacts, 'leaseExpiresAt'>, now: Instant): boolean {
  return isOver(activation.leaseExpiresAt, now);
}

/** What a claim is measured by; without seats none are claimed. */
export interface SeatFacts {
  readonly license: LicenseFacts;
  readonly seats?: Seats | undefined;
}

/** Whether a claim goes past the limit, in what the license counts by that code. */
export function exceeds({ license, seats }: SeatFacts, code: SeatCode): boolean {
  if (seats === undefined || unlimited.has(license.licenseModel) || seatCode(license) !== code) return false;
  return seats.others + seats.own > license.maxActivations;
}

/** Whether the seats are free that a claim asks for; one that asks for none has them. */
export function seatIsFree(facts: SeatFacts): boolean {
  return !exceeds(facts, seatCode(facts.license));
}
