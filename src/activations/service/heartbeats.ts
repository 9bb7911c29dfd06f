import type { Scope } from '../../core/actor.js';
import { type Instant, latest } from '../../core/clock.js';
import type { ActivationId, LicenseId } from '../../core/id.js';
import { groupBy } from '../../core/keyset.js';
import { Refusal } from '../../core/refusal.js';
import type { Coalesced, Place, Work } from '../../core/work.js';
import { activationNotFound } from '../model/activation.js';
import { mergedMetrics, type ReportedMetrics, requireFewFeatures } from '../model/metrics.js';
import { type Facts, type FailingCode, requirePassing } from '../model/verdict.js';
import { blacklistedAmong } from '../queries/devices.js';
import {
  type Beaten,
  type BeatLicense,
  type BeatRow,
  beatLicenses,
  currentTokens,
  knownMetrics,
  lockByIds,
  lockByTokens,
  writeBeats,
} from '../queries/heartbeats.js';
import { holdersOfEarlier, type ServingToken, tokensServing } from '../queries/tokens.js';
import { leaseEnd } from './activation.js';
import { Sightings } from './sightings.js';
import { endedBy, endTokens, hashesOf } from './tokens.js';

/** A heartbeat, as one of many. */
export interface Beat {
  readonly licenseId: LicenseId;
  readonly tokenHash: string;
  /** The part of the tenant that its sender sees. */
  readonly scope: Scope;
  readonly metrics: ReportedMetrics;
  readonly place: Place;
}

export interface HeartbeatAnswer {
  readonly status: 'SUCCESS';
  readonly message: string;
  readonly activationId: ActivationId;
  readonly leaseExpiresAt: Instant | null;
}

/** The floating lease ran out: its seat has to be won again, under the license's lock. */
export const LAPSED = 'LAPSED';

/** What is told of a heartbeat; undefined is told to whoever has to ask again. */
export type BeatOutcome = Coalesced<HeartbeatAnswer | typeof LAPSED | Refusal> | undefined;

export function refusedBeat(refusal: Refusal): BeatOutcome {
  return { payload: refusal, isEffective: false };
}

/** The rows of a batch, locked and as its heartbeats leave them, one after the other. */
export class BeatBatch {
  readonly #rows: Map<ActivationId, BeatRow>;
  readonly #beaten = new Map<ActivationId, Beaten>();
  readonly #ended = new Set<string>();
  readonly #sightings: Sightings;

  private constructor(
    private readonly work: Work,
    rows: readonly BeatRow[],
    private readonly holders: ReadonlyMap<string, ActivationId>,
    /** Tokens of rows that somebody else holds at this moment. */
    private readonly held: ReadonlySet<string>,
    private readonly licenses: ReadonlyMap<string, BeatLicense>,
    private readonly serving: ReadonlyMap<string, readonly ServingToken[]>,
  ) {
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#sightings = new Sightings(work);
  }

  static async open(work: Work, beats: readonly Beat[]): Promise<BeatBatch> {
    const hashes = [...new Set(beats.map(({ tokenHash }) => tokenHash))];
    // Sent one behind the other: of a license that was revoked meanwhile nothing older is seen than of its activations.
    const [current, licenses] = await Promise.all([
      lockByTokens(work, hashes),
      beatLicenses(work, [...new Set(beats.map(({ licenseId }) => licenseId))]),
    ]);
    const { rows, holders, held } = await lockOthers(work, hashes, current);
    const all = await withBlacklist(work, [...current, ...rows]);
    return new BeatBatch(work, all, holders, held, licenses, await tokensBeside(work, all));
  }

  get rows(): readonly BeatRow[] {
    return [...this.#rows.values()];
  }

  /** The activation and the license of a heartbeat; undefined while somebody else holds them. */
  of({ tokenHash, scope }: Beat): { row: BeatRow; license: BeatLicense } | undefined {
    const id = this.holders.get(tokenHash);
    const row = id === undefined ? undefined : this.#rowNow(id);
    if (row === undefined && this.held.has(tokenHash)) return undefined;
    const license = row === undefined ? undefined : this.licenses.get(row.licenseId);
    if (row === undefined || license === undefined || !isSeen(license, scope)) throw activationNotFound();
    return { row, license };
  }

  /** Renews the lease and adds up the metrics. The first use of a token ends those before it. */
  take(beat: Beat, row: BeatRow, license: BeatLicense): HeartbeatAnswer {
    const { now } = this.work;
    const before = this.#beaten.get(row.id);
    const reported = beat.metrics.featureUsage;
    if (reported !== undefined) requireFewFeatures(before?.featureUsage ?? row.featureUsage, reported);
    const metrics = mergedMetrics(before?.metrics ?? knownMetrics(row), beat.metrics, now);
    const lease = row.activationType === 'EMERGENCY' ? null : leaseEnd(this.work, license);
    // Of two at once the later may be the first to hold the lock.
    const leaseExpiresAt = lease === null ? null : latest(row.leaseExpiresAt, lease);
    const featureUsage = reported === undefined ? before?.featureUsage : metrics.featureUsage;
    this.#beaten.set(row.id, { id: row.id, leaseExpiresAt, metrics, featureUsage });
    if (row.hasEarlier) this.#endTokensBefore(row, beat);
    this.#sightings.take(row, beat.place.country ?? undefined, 'EACH_MINUTE');
    const message = 'Heartbeat received successfully';
    return { status: 'SUCCESS', message, activationId: row.id, leaseExpiresAt };
  }

  /** Nothing may be sent behind it but what is sent with the commit. */
  async write(): Promise<void> {
    await this.#sightings.write();
    await endTokens(this.work, [...this.#ended]);
    this.work.send(writeBeats(this.work, [...this.#beaten.values()]));
  }

  /** A row as the heartbeats before this one leave it. */
  #rowNow(id: ActivationId): BeatRow | undefined {
    const row = this.#rows.get(id);
    const beaten = this.#beaten.get(id);
    if (row === undefined || beaten === undefined) return row;
    return { ...row, leaseExpiresAt: beaten.leaseExpiresAt, seatFreedAt: null };
  }

  #endTokensBefore(row: BeatRow, { tokenHash }: Beat): void {
    const ended = endedBy(this.serving.get(row.id) ?? [], tokenHash);
    for (const hash of hashesOf(ended)) this.#ended.add(hash);
  }
}

/** The tokens that serve beside the current ones of these rows: most have none, and then nothing is asked. */
async function tokensBeside(work: Work, rows: readonly BeatRow[]) {
  const ids = rows.filter(({ hasEarlier }) => hasEarlier).map(({ id }) => id);
  return groupBy(ids.length === 0 ? [] : await tokensServing(work, ids), (token) => token.activationId);
}

/** Who is shut out has no activation that lives, so that heartbeats of those that do cost no look at the list. */
async function withBlacklist(work: Work, rows: readonly BeatRow[]): Promise<readonly BeatRow[]> {
  const ended = rows.filter(({ status }) => status !== 'ACTIVE');
  if (ended.length === 0) return rows;
  const barred = await blacklistedAmong(
    work,
    ended.map(({ deviceFingerprint }) => deviceFingerprint),
  );
  return rows.map((row) => ({ ...row, blacklisted: barred.has(row.deviceFingerprint) }));
}

/** What a heartbeat is answered, or why it is refused; whoever is refused leaves the others of its batch alone. */
export function outcomeOf(run: () => BeatOutcome): BeatOutcome {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) return refusedBeat(error);
    throw error;
  }
}

/**
 * A heartbeat tells nothing of its device: it is judged by what the server sees itself, which are its address, the hour
 * and, with a file of countries, the place. What a device says of itself is asked of it when it validates.
 */
function withUnseen(
  except: ReadonlySet<FailingCode>,
  { restrictions }: BeatLicense,
  { country }: Place,
): ReadonlySet<FailingCode> {
  if (restrictions.length === 0) return except;
  return new Set([...except, ...(country === undefined ? unseenWithoutCountries : unseen)]);
}

const unseen: readonly FailingCode[] = [
  'RESTRICTED_DOMAIN',
  'RESTRICTED_MAC_ADDRESS',
  'RESTRICTED_HARDWARE_ID',
];
const unseenWithoutCountries: readonly FailingCode[] = ['RESTRICTED_GEOGRAPHIC', ...unseen];

/** The rules of a heartbeat, as those of any act. */
export function requireAlive(
  { now }: Work,
  { place }: Beat,
  row: BeatRow,
  license: BeatLicense,
  seats: Facts['seats'],
  except: ReadonlySet<FailingCode>,
): void {
  const about = { licenseId: license.id, activationId: row.id };
  const restrictionFacts = { address: place.address, country: place.country ?? undefined };
  const { blacklisted } = row;
  const facts = {
    now,
    license,
    activation: row,
    deviceNamed: true,
    seats,
    restrictionFacts,
    blacklisted,
  };
  requirePassing(facts, withUnseen(except, license, place), about);
}

function isSeen({ id, customerId, resellerId }: BeatLicense, scope: Scope): boolean {
  return (
    (scope.licenseId ?? id) === id &&
    (scope.customerId ?? customerId) === customerId &&
    (scope.resellerId ?? resellerId) === resellerId
  );
}

/** Rows by tokens that serve beside a later one, for what none of those found by their current token has. */
async function lockOthers(work: Work, hashes: readonly string[], found: readonly BeatRow[]) {
  const holders = new Map(found.map((row) => [row.tokenHash, row.id]));
  const others = hashes.filter((hash) => !holders.has(hash));
  if (others.length === 0) return { rows: [], holders, held: new Set<string>() };
  const [current, earlier] = await Promise.all([currentTokens(work, others), holdersOfEarlier(work, others)]);
  const held = new Set([...current, ...earlier.keys()]);
  if (earlier.size === 0) return { rows: [], holders, held };
  const known = new Set(found.map(({ id }) => id));
  const wanted = [...new Set(earlier.values())].filter((id) => !known.has(id));
  const rows = await lockByIds(work, wanted);
  // Until its row was locked, a token may have been ended by the use of a later one.
  for (const [hash, id] of await holdersOfEarlier(work, others)) holders.set(hash, id);
  return { rows, holders, held };
}
