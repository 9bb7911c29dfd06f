import { type Instant, millis } from '../../core/clock.js';

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
