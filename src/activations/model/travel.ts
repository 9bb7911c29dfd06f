import { type Instant, latest, millis } from '../../core/clock.js';

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Where a device said it was, and when. */
export interface Sighting {
  readonly country: string;
  readonly coordinates: Point | null;
  readonly at: Instant;
}

export interface Travel {
  /** Null where only the countries are known. */
  readonly kilometres: number | null;
  readonly minutes: number;
}

const EARTH_KM = 6371;
/** Nearer than this, a device that is located twice may seem to have moved. */
const NEAR_KM = 100;
/** Of countries without a point it is known only that they differ: borders are crossed, but not twice in a while. */
const BORDER_MINUTES = 10;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** The shortest way over the earth (the haversine formula). */
export function kilometresBetween(one: Point, other: Point): number {
  const [from, to] = [radians(one.latitude), radians(other.latitude)];
  const across = Math.sin((to - from) / 2) ** 2;
  const along = Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(across + Math.cos(from) * Math.cos(to) * along)));
}

/** A way that nobody travels so fast; undefined for any other. A clock that was set back makes it no faster. */
export function impossibleTravel(from: Sighting, to: Sighting, kmPerHour: number): Travel | undefined {
  if (kmPerHour === 0) return undefined;
  const minutes = Math.round(Math.abs(millis(to.at) - millis(from.at)) / 60_000);
  if (from.coordinates !== null && to.coordinates !== null) {
    const kilometres = Math.round(kilometresBetween(from.coordinates, to.coordinates));
    const isTooFast = kilometres >= NEAR_KM && kilometres > (kmPerHour * minutes) / 60;
    return isTooFast ? { kilometres, minutes } : undefined;
  }
  const isElsewhere = from.country.toUpperCase() !== to.country.toUpperCase();
  return isElsewhere && minutes < BORDER_MINUTES ? { kilometres: null, minutes } : undefined;
}

/** What is kept of where an activation was seen. */
export interface Seen {
  readonly seenCountry: string | null;
  readonly seenAt: Instant | null;
  readonly travelledAt: Instant | null;
}

/** The same country is taken down again after so long: by the minute, it is known until when a device was there. */
const SEEN_MILLIS = 60_000;
/** Of one device it is told once in so long: whoever goes back and forth would fill the trail. */
const TOLD_MILLIS = 3_600_000;

const within = (since: Instant | null, now: Instant, span: number): boolean =>
  since !== null && Math.abs(millis(now) - millis(since)) < span;

/** Whether a look from a country is to be taken down; where nothing else is written, only that it is another one. */
export function isNews(
  seen: Seen,
  country: string | undefined,
  now: Instant,
  at: 'EACH_MINUTE' | 'CHANGES',
): country is string {
  if (country === undefined || within(seen.travelledAt, now, TOLD_MILLIS)) return false;
  if (country !== seen.seenCountry) return true;
  return at === 'EACH_MINUTE' && !within(seen.seenAt, now, SEEN_MILLIS);
}

/** What is kept after such a look, and the way that nobody travels so fast, if it was one. */
export function seenFrom(
  { seenCountry, seenAt, travelledAt }: Seen,
  country: string,
  now: Instant,
  kmPerHour: number,
): { readonly seen: Seen; readonly travel: Travel | undefined } {
  const to = { country, coordinates: null, at: now };
  const from =
    seenCountry === null || seenAt === null
      ? undefined
      : { country: seenCountry, coordinates: null, at: seenAt };
  const travel = from === undefined ? undefined : impossibleTravel(from, to, kmPerHour);
  const told = travel === undefined ? travelledAt : now;
  return { seen: { seenCountry: country, seenAt: latest(seenAt, now), travelledAt: told }, travel };
}
