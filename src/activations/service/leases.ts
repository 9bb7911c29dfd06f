import type { ActivationId } from '../../core/id.js';
import { groupBy } from '../../core/keyset.js';
import type { Work } from '../../core/work.js';
import { lockLicenses } from '../../licenses/queries.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import {
  countHolds,
  leaseLapsed,
  ownClaim,
  seatIsFree,
  seatsOfOthers,
  seatsTaken,
  soonest,
} from '../model/seats.js';
import type { BeatLicense, BeatRow } from '../queries/heartbeats.js';
import { countSeats, freeSeats, lockLapsedSeats, seatedAmong } from '../queries/seats.js';
import {
  type Beat,
  BeatBatch,
  type BeatOutcome,
  type HeartbeatAnswer,
  outcomeOf,
  requireAlive,
} from './heartbeats.js';
import { seatsAt } from './seats.js';

/** When every seat is taken, that it ran out is what is told. */
const mayHaveLapsed = new Set(['LEASE_EXPIRED'] as const);
const mayNot: typeof mayHaveLapsed = new Set();

/** The seats of one license, locked, while those of a batch win theirs again. */
class SeatPool {
  readonly #won = new Set<ActivationId>();
  #license: License;

  private constructor(
    private readonly work: Work,
    license: License,
    private readonly lapsed: readonly ActivationId[],
    private readonly seated: Set<string>,
  ) {
    this.#license = license;
  }

  /** Nothing is written yet: whoever is refused leaves everything as it was. */
  static async open(work: Work, license: License, rows: readonly BeatRow[]): Promise<SeatPool> {
    const now = seatsAt(license, work);
    const isCounted = countHolds(license, now);
    const lapsed = isCounted ? [] : await lockLapsedSeats(work, license.id, now);
    const counted = isCounted ? license : { ...license, ...(await countSeats(work, license, now)) };
    const identities = rows.map((row) => ownClaim(row).identity);
    const seated = await seatedAmong(work, license.id, identities, undefined, now);
    return new SeatPool(work, counted, lapsed, new Set(seated));
  }

  win(batch: BeatBatch, beat: Beat, row: BeatRow, license: BeatLicense): HeartbeatAnswer {
    const now = seatsAt(this.#license, this.work);
    if (!leaseLapsed(row, now)) {
      requireAlive(this.work, beat, row, license, undefined, mayNot);
      return batch.take(beat, row, license);
    }
    const claim = ownClaim(row);
    const others = seatsOfOthers(this.#license, undefined, claim, this.seated, now);
    const seats = { others, own: seatsTaken(license, claim.units) };
    requireAlive(
      this.work,
      beat,
      row,
      license,
      seats,
      seatIsFree({ license, seats }) ? mayHaveLapsed : mayNot,
    );
    const answer = batch.take(beat, row, license);
    this.#won.add(row.id);
    this.seated.add(claim.identity);
    this.#license = {
      ...this.#license,
      currentActivations: seats.others + seats.own,
      seatsUntil: soonest(this.#license.seatsUntil, soonest(row.expiresAt, answer.leaseExpiresAt)),
    };
    return answer;
  }

  async write(): Promise<void> {
    if (this.#won.size === 0) return;
    const now = seatsAt(this.#license, this.work);
    await freeSeats(
      this.work,
      this.lapsed.filter((id) => !this.#won.has(id)),
      now,
    );
    const { currentActivations, seatsUntil } = this.#license;
    await changeLicense(this.work, this.#license, { currentActivations, seatsUntil });
  }
}

/** The licenses are locked first, as by every act on their activations. */
async function open(work: Work, beats: readonly Beat[]) {
  const licenses = await lockLicenses(work, [...new Set(beats.map(({ licenseId }) => licenseId))]);
  const batch = await BeatBatch.open(work, beats);
  const rows = groupBy(batch.rows, ({ licenseId }) => licenseId);
  const pools = new Map<string, SeatPool>();
  for (const license of licenses) {
    pools.set(license.id, await SeatPool.open(work, license, rows.get(license.id) ?? []));
  }
  return { batch, pools };
}

/**
 * Wins lapsed leases again, in the order in which they are asked for: after an outage all devices of a pool come at once,
 * and share the lock of its license.
 */
export async function winLeases(work: Work, beats: readonly Beat[]): Promise<BeatOutcome[]> {
  const { batch, pools } = await open(work, beats);
  const outcomes = beats.map((beat) =>
    outcomeOf(() => {
      const found = batch.of(beat);
      const pool = found === undefined ? undefined : pools.get(found.row.licenseId);
      if (found === undefined || pool === undefined) return undefined;
      return { payload: pool.win(batch, beat, found.row, found.license), isEffective: true };
    }),
  );
  for (const pool of pools.values()) await pool.write();
  await batch.write();
  return outcomes;
}
