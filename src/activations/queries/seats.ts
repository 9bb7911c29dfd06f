import { and, eq, ne, type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import type { ActivationId, LicenseId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import type { Reading, Work } from '../../core/work.js';
import { licenseScope } from '../../licenses/queries.js';
import { type License, licenses } from '../../licenses/table.js';
import { type CountedSeats, type SeatUnit, seatUnit, soonest } from '../model/seats.js';
import { licenseActivations as activations, holderSql } from '../table.js';

/** Rows of the index of seats: whoever has not been counted out. */
export const seated = sql`${activations.status} = 'ACTIVE' and ${activations.activationType} <> 'EMERGENCY'
  and ${activations.seatFreedAt} is null`;

const over = (now: Instant): SQL =>
  sql`(${activations.expiresAt} <= ${now}::timestamptz or ${activations.leaseExpiresAt} <= ${now}::timestamptz)`;

/** What takes a seat, as `holdsSeat` of the model. */
const holds = (now: Instant): SQL => sql`${seated} and ${over(now)} is not true`;

const identity = holderSql(activations);

const seatSql: Readonly<Record<SeatUnit, SQL<string>>> = {
  USER: sql<string>`count(distinct ${identity})`,
  DEVICE: sql<string>`count(*)`,
  UNITS: sql<string>`coalesce(sum(${activations.units}), 0)`,
};

/** The unit of a license's model, as `seatUnit` of the model. */
export const seatsByModel = sql<string>`case
  when ${licenses.licenseModel} in ('PER_CPU', 'PER_CORE') then ${seatSql.UNITS}
  when ${licenses.licenseModel} = 'PER_SEAT' or ${licenses.licenseType} = 'NAMED_USER' then ${seatSql.USER}
  else ${seatSql.DEVICE} end`;

/**
 * How much of each license's limit is in use, in what its model counts. The count that acts keep is exact until the
 * first of its seats ends by time; from there on the seats are counted.
 */
export async function seatsInUse(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const counted = sql`(select ${seatsByModel} from ${activations}
    where ${activations.tenantId} = ${reading.tenantId} and ${activations.licenseId} = ${licenses.id} and ${holds(reading.now)})`;
  const isKept = sql`(${licenses.seatsUntil} is null or ${licenses.seatsUntil} > ${reading.now}::timestamptz)`;
  const rows = await reading.db
    .select({
      id: licenses.id,
      seats: sql<string>`case when ${isKept} then ${licenses.currentActivations} else ${counted} end`,
    })
    .from(licenses)
    .where(and(licenseScope(reading), anyOf(licenses.id, ids)));
  return new Map(rows.map((row) => [row.id, Number(row.seats)]));
}

function ofLicense(reading: Reading, licenseId: LicenseId, which: SQL): SQL | undefined {
  return and(eq(activations.tenantId, reading.tenantId), eq(activations.licenseId, licenseId), which);
}

/** Counts one license's seats, and finds when the first of them ends by time. */
export async function countSeats(
  reading: Reading,
  license: Pick<License, 'id' | 'licenseType' | 'licenseModel'>,
  now: Instant,
): Promise<CountedSeats> {
  const [row] = await reading.db
    .select({
      seats: seatSql[seatUnit(license)],
      expiry: sql`min(${activations.expiresAt})`.mapWith(activations.expiresAt),
      lease: sql`min(${activations.leaseExpiresAt})`.mapWith(activations.leaseExpiresAt),
    })
    .from(activations)
    .where(ofLicense(reading, license.id, holds(now)));
  return {
    currentActivations: Number(row?.seats ?? 0),
    seatsUntil: soonest(row?.expiry ?? null, row?.lease ?? null),
  };
}

/**
 * Seats of a license whose lease or time is over, locked in the order of their ids. A heartbeat that comes in between
 * has renewed its lease before the lock, and is left out, or waits behind it and finds its seat gone.
 */
export async function lockLapsedSeats(
  work: Work,
  licenseId: LicenseId,
  now: Instant,
): Promise<readonly ActivationId[]> {
  const rows = await work.db
    .select({ id: activations.id })
    .from(activations)
    .where(ofLicense(work, licenseId, sql`${seated} and ${over(now)}`))
    .orderBy(activations.id)
    .for('no key update');
  return rows.map(({ id }) => id);
}

export async function freeSeats(work: Work, ids: readonly ActivationId[], now: Instant): Promise<void> {
  if (ids.length === 0) return;
  await work.db
    .update(activations)
    .set({ seatFreedAt: now })
    .where(and(eq(activations.tenantId, work.tenantId), anyOf(activations.id, ids)));
}

/** For whom of these people seats are held, by other activations than the one. */
export async function seatedAmong(
  reading: Reading,
  licenseId: LicenseId,
  identities: readonly string[],
  besides: ActivationId | undefined,
  now: Instant,
): Promise<ReadonlySet<string>> {
  if (identities.length === 0) return new Set();
  const others = besides === undefined ? undefined : ne(activations.id, besides);
  const rows = await reading.db
    .selectDistinct({ identity: sql<string>`${identity}` })
    .from(activations)
    .where(and(ofLicense(reading, licenseId, holds(now)), anyOf(identity, identities), others));
  return new Set(rows.map((row) => row.identity));
}
