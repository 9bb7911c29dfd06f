import { addMillis, type Instant } from '../../core/clock.js';
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

/** Whether devices or people are not counted at all. */
export function isUnlimited({ licenseModel }: Pick<LicenseFacts, 'licenseModel'>): boolean {
  return unlimited.has(licenseModel);
}

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

/** Until when a floating seat is held without another heartbeat; the license may say for how long. */
export function leaseEndAt(
  license: Pick<LicenseFacts, 'licenseType'> & { readonly leaseSeconds: number | null },
  defaultSeconds: number,
  now: Instant,
): Instant | null {
  return isFloating(license) ? addMillis(now, (license.leaseSeconds ?? defaultSeconds) * 1000) : null;
}

/** A seat that was counted as free stays so, by whatever clock, until it is won again. */
export function leaseLapsed(
  { leaseExpiresAt, seatFreedAt }: Pick<ActivationFacts, 'leaseExpiresAt' | 'seatFreedAt'>,
  now: Instant,
): boolean {
  return (seatFreedAt ?? null) !== null || isOver(leaseExpiresAt, now);
}

/** What says whether an activation holds a seat, and whose it is. */
export interface SeatHolder extends ActivationFacts {
  readonly deviceFingerprint: string;
  readonly units: number;
}

/** Who asks for a seat: the user, or the hash of the device; and for how many processors or cores. */
export interface Claim {
  readonly identity: string;
  readonly units: number;
}

/** The claim of an activation that goes on as it is. */
export function ownClaim({ userRef, deviceFingerprint, units }: SeatHolder): Claim {
  return { identity: userRef ?? deviceFingerprint, units };
}

/** Whether an activation takes a seat: one that lives, and for floating licenses has its lease. Emergencies take none. */
export function holdsSeat(activation: ActivationFacts, now: Instant): boolean {
  const { status, activationType, expiresAt } = activation;
  const lives = status === 'ACTIVE' && activationType !== 'EMERGENCY' && !isOver(expiresAt, now);
  return lives && !leaseLapsed(activation, now);
}

/** When an activation gives up its seat if nobody acts; null is never. */
export function seatEnd({ expiresAt, leaseExpiresAt }: ActivationFacts): Instant | null {
  return soonest(expiresAt, leaseExpiresAt);
}

export function soonest(one: Instant | null, other: Instant | null): Instant | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

/** A license with the count of its seats, and until when that holds if nobody acts. */
export interface CountedSeats {
  readonly currentActivations: number;
  readonly seatsUntil: Instant | null;
}

export function countHolds({ seatsUntil }: Pick<CountedSeats, 'seatsUntil'>, now: Instant): boolean {
  return seatsUntil === null || seatsUntil > now;
}

/** Whom a license has to look for among the holders of its other seats, before it knows what a claim adds to them. */
export function identitiesToLookFor(
  license: Kind,
  holder: SeatHolder | undefined,
  claim: Claim | undefined,
  now: Instant,
): readonly string[] {
  if (seatUnit(license) !== 'USER') return [];
  const held = holder !== undefined && holdsSeat(holder, now) ? ownClaim(holder).identity : undefined;
  if (held === claim?.identity) return [];
  return [held, claim?.identity].filter((identity) => identity !== undefined);
}

/**
 * The seats that others hold beside one who claims a seat or gives up his, from the count alone. `seated` are those of
 * the identities looked for whom others hold a seat for: a person who sits at two devices is counted once.
 */
export function seatsOfOthers(
  license: Kind & Pick<CountedSeats, 'currentActivations'>,
  holder: SeatHolder | undefined,
  claim: Claim | undefined,
  seated: ReadonlySet<string>,
  now: Instant,
): number {
  const holds = holder !== undefined && holdsSeat(holder, now);
  const used = license.currentActivations;
  if (seatUnit(license) !== 'USER') return used - (holds ? seatsTaken(license, holder.units) : 0);
  const leaves = holds && !seated.has(ownClaim(holder).identity) ? 1 : 0;
  return used - leaves - (claim !== undefined && seated.has(claim.identity) ? 1 : 0);
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
