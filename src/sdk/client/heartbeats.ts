import { fieldsOf } from '../answers.js';
import { sawTime } from './clockGuard.js';
import type { Batch, Kept } from './kept.js';
import { HEARTBEAT, LEASE_HEARTBEAT } from './operations.js';
import { requireObject } from './options.js';
import type { Parts } from './parts.js';
import { done, failed, notReady, type Problem, type Refused, type Result, tell } from './results.js';
import { addedReports, isEmptyReport, requireReport, type UsageReport } from './usage.js';

/** What a heartbeat answered. */
export interface Beat {
  /** For how many milliseconds from now a floating seat is held without another one; null if there is no such seat. */
  readonly leaseMillis: number | null;
}

export interface HeartbeatOptions {
  /** Seconds between heartbeats, 1 to 86,400; 300. A floating seat is renewed after half its lease at the latest. */
  readonly intervalSeconds?: number | undefined;
  /** The longest rest after failures, in seconds; 900. */
  readonly mostBackOffSeconds?: number | undefined;
  /** Told after each heartbeat that was taken. */
  readonly onBeat?: ((beat: Beat) => void) | undefined;
  /** Told of each that was not, and why; what it carried stays, and goes with the next. */
  readonly onProblem?: ((problem: Problem) => void) | undefined;
  /** Told of metrics that the server will not take, or of which it cannot be known any more whether it has. */
  readonly onLost?: ((usage: UsageReport, problem: Refused) => void) | undefined;
}

const JITTER = 0.1;
const FIRST_REST_MILLIS = 1_000;
const SOON_MILLIS = 1_000;
const DEFAULT_INTERVAL_SECONDS = 300;
const DEFAULT_BACK_OFF_SECONDS = 900;

/** After these there is nothing to beat for: the device has to be activated anew, if it may be at all. */
const ends = new Set(['ACTIVATION_NOT_FOUND', 'ACTIVATION_DEACTIVATED', 'LICENSE_REVOKED']);
/** After these the same heartbeat will never be taken. */
const unfit = new Set(['INVALID_INPUT', 'BAD_USER_INPUT', 'IDEMPOTENCY_KEY_REUSED']);

const isRefused = (problem: Problem): problem is Refused => problem.kind === 'REFUSED';

/**
 * The heartbeats of a device: at even intervals with some jitter, so that devices that start together do not beat
 * together, and behind ever longer rests while the server fails. Metrics travel in batches. A batch keeps its
 * idempotency key until the server has answered it, across restarts of the application too: it is counted once,
 * whichever answer was lost.
 */
export class Heartbeats {
  /** Out of reach for a log that prints the loop: they hold the license key and the device. */
  readonly #parts: Parts;
  readonly #isFloating: boolean;
  readonly #options: HeartbeatOptions;
  #cancel: (() => void) | undefined;
  #isRunning = false;
  /** The activation has ended, and no heartbeat will be taken any more. */
  #isOver = false;
  #failures = 0;
  #beating: Promise<Result<Beat>> | undefined;
  /** When the batch under way was first sent in this process: a lease that it renews has begun by then. */
  #sentAt: { readonly key: string; readonly at: number } | undefined;

  constructor(parts: Parts, options: HeartbeatOptions, isFloating: boolean) {
    requireObject(options);
    const { intervalSeconds = DEFAULT_INTERVAL_SECONDS, mostBackOffSeconds = DEFAULT_BACK_OFF_SECONDS } =
      options;
    if (!(intervalSeconds >= 1 && intervalSeconds <= 86_400))
      throw new TypeError('intervalSeconds: has to be from 1 to 86400');
    if (!(mostBackOffSeconds >= 1 && mostBackOffSeconds <= 86_400))
      throw new TypeError('mostBackOffSeconds: has to be from 1 to 86400');
    this.#parts = parts;
    this.#isFloating = isFloating;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Adds to what the next heartbeat tells, and stores it: what is recorded outlives the process. */
  async record(report: UsageReport): Promise<void> {
    requireReport(report);
    await this.#parts.vault.update((kept) => ({ ...kept, usage: addedReports(kept.usage, report) }));
  }

  /** The first heartbeat goes out at once, or after one that was sent just now. Started twice it runs once. */
  start(after?: Beat): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#isOver = false;
    this.#plan(after === undefined ? 0 : this.#restAfter(done(after)));
  }

  /** Ends the loop and leaves no timer; what was recorded is told once more. What cannot be told now is kept. */
  async stop(): Promise<Result<null>> {
    this.#isRunning = false;
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#beating;
    // Two: of a batch whose answer was lost, and of what was recorded since.
    for (let left = 2; left > 0; left -= 1) {
      const { batch, usage } = await this.#parts.vault.read();
      if (isEmptyReport(batch?.usage ?? {}) && isEmptyReport(usage)) return done(null);
      const beat = await this.beat();
      if (!beat.ok) return beat;
    }
    return done(null);
  }

  /** One heartbeat now; while one is under way, its answer is answered. */
  beat(): Promise<Result<Beat>> {
    this.#beating ??= this.#send().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  #plan(millis: number): void {
    this.#cancel?.();
    this.#cancel = this.#parts.time.after(millis, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const result = await this.beat();
    if (this.#isOver) this.#isRunning = false;
    if (this.#isRunning) this.#plan(this.#restAfter(result));
  }

  #restAfter(result: Result<Beat>): number {
    const { time } = this.#parts;
    const { intervalSeconds = DEFAULT_INTERVAL_SECONDS, mostBackOffSeconds = DEFAULT_BACK_OFF_SECONDS } =
      this.#options;
    const interval = intervalSeconds * 1000 * (1 + JITTER * (2 * time.random() - 1));
    if (result.ok) {
      const { leaseMillis } = result.value;
      return leaseMillis === null ? interval : Math.max(SOON_MILLIS, Math.min(interval, leaseMillis / 2));
    }
    const { problem } = result;
    if (problem.kind !== 'OUTAGE') return interval;
    const longest = Math.min(mostBackOffSeconds * 1000, FIRST_REST_MILLIS * 2 ** (this.#failures - 1));
    // Between half and whole: those who failed together do not come back together, nor all at the end of a wait.
    const spread = 0.5 + time.random() / 2;
    return problem.retryAfterMillis + longest * spread;
  }

  async #send(): Promise<Result<Beat>> {
    const batch = await this.#batch();
    if (batch === undefined) return this.#failed(notReady('NOT_ACTIVATED'));
    const { key, activationToken, usage } = batch;
    const { transport, hide } = this.#parts;
    hide(activationToken);
    const metrics = isEmptyReport(usage) ? undefined : usage;
    const variables = { input: { activationToken, metrics } };
    const query = batch.isFloating ? LEASE_HEARTBEAT : HEARTBEAT;
    const answered = await transport.send({ query, variables, idempotencyKey: key });
    if (!answered.ok) return this.#unanswered(batch, answered.problem);
    await this.#settle(batch);
    this.#failures = 0;
    // How old the lease is of a heartbeat that an earlier process left unanswered, nobody knows: another one follows.
    if (this.#isFloating && this.#sentAt?.key !== key) return this.#send();
    const beat = { leaseMillis: this.#leaseLeft(key, answered.value) };
    tell(() => this.#options.onBeat?.(beat));
    return done(beat);
  }

  /** What is to be sent: the batch whose answer is missing, or a new one of what was recorded since. */
  async #batch(): Promise<Batch | undefined> {
    let made: Batch | undefined;
    const key = crypto.randomUUID();
    await this.#parts.vault.update((kept) => {
      // Each heartbeat notes the time as well, whether or not anybody hears it.
      const next = withBatch(sawTime(kept, this.#parts.time.now()), key, this.#isFloating);
      made = next.batch ?? undefined;
      return next;
    });
    if (made?.key === key) this.#sentAt = { key, at: this.#parts.time.elapsed() };
    return made;
  }

  /** A lease has begun when its heartbeat was first sent, at the earliest; of one of an earlier process nobody knows when. */
  #leaseLeft(key: string, answer: Readonly<Record<string, unknown>>): number | null {
    const lease = leaseMillisIn(answer);
    if (lease === null) return null;
    if (this.#sentAt?.key !== key) return 0;
    return Math.max(0, lease - (this.#parts.time.elapsed() - this.#sentAt.at));
  }

  async #settle(batch: Batch): Promise<void> {
    await this.#parts.vault.update((kept) =>
      kept.batch?.key === batch.key ? { ...kept, batch: null } : kept,
    );
  }

  async #unanswered(batch: Batch, problem: Problem): Promise<Result<Beat>> {
    if (isRefused(problem)) {
      // A refusal holds for what is kept of an earlier answer as well.
      const lost = unfit.has(problem.code) ? {} : { loan: null };
      await this.#parts.vault.update((kept) => ({ ...kept, answers: [], ...lost }));
      const { activation } = await this.#parts.vault.read();
      // The token of an earlier activation may have ended, and the device goes on with a later one.
      this.#isOver = ends.has(problem.code) && activation?.token === batch.activationToken;
      if (unfit.has(problem.code) || ends.has(problem.code)) await this.#giveUp(batch, problem);
    }
    return this.#failed(problem);
  }

  async #giveUp(batch: Batch, problem: Refused): Promise<void> {
    await this.#settle(batch);
    if (!isEmptyReport(batch.usage)) tell(() => this.#options.onLost?.(batch.usage, problem));
  }

  #failed(problem: Problem): Result<Beat> {
    this.#failures += 1;
    tell(() => this.#options.onProblem?.(problem));
    return failed(problem);
  }
}

function withBatch(kept: Kept, key: string, isFloating: boolean): Kept {
  const { batch, activation, usage } = kept;
  if (batch !== null || activation === null) return kept;
  return { ...kept, batch: { key, activationToken: activation.token, usage, isFloating }, usage: {} };
}

/** By the server's clock alone: from the heartbeat that it took to the end of the lease. */
function leaseMillisIn({ leaseExpiresAt, activation }: Readonly<Record<string, unknown>>): number | null {
  const { lastHeartbeat } = fieldsOf(activation);
  const millis = Date.parse(String(leaseExpiresAt)) - Date.parse(String(lastHeartbeat));
  return Number.isNaN(millis) ? null : Math.max(0, millis);
}
