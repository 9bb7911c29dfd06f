import { type ActOptions, activate, borrowLease, loanLeft, releaseLease } from './acts.js';
import { type Beat, type HeartbeatOptions, Heartbeats } from './heartbeats.js';
import { requireObject } from './options.js';
import type { Parts } from './parts.js';
import { done, failed, notReady, type Problem, type Result, tell } from './results.js';
import type { UsageReport } from './usage.js';

/**
 * What an application may do: HELD and ENDING, all that the license grants (ENDING is time to save); LOST and NONE,
 * nothing that needs the seat, since somebody else may have it.
 */
export type LeaseState = 'NONE' | 'HELD' | 'ENDING' | 'LOST';

export interface FloatingLeaseOptions extends Pick<HeartbeatOptions, 'intervalSeconds' | 'onLost'> {
  /** How long before its end a lease that could not be renewed is ENDING, in seconds; 60, or half of a short lease. */
  readonly endingSeconds?: number | undefined;
  /** Told of each change, with what stood in the way if something did. A lost seat may be HELD again, if one is free. */
  readonly onChange?: ((state: LeaseState, problem: Problem | null) => void) | undefined;
}

const ENDING_SECONDS = 60;

/**
 * Holds a floating seat. It is renewed by heartbeats, after half its time at the latest; its end is counted from when a
 * heartbeat was sent, so that the client believes in its seat for less long than the server does, never for longer.
 */
export class FloatingLease {
  /** Out of reach for a log that prints the lease: they hold the license key and the device. */
  readonly #parts: Parts;
  readonly #options: FloatingLeaseOptions;
  readonly #heartbeats: Heartbeats;
  #state: LeaseState = 'NONE';
  /** By both clocks: one stands still while a machine sleeps, the other can be set. */
  #end: { readonly elapsed: number; readonly now: number } | undefined;
  #problem: Problem | null = null;
  #cancel: (() => void)[] = [];
  /** How often it was given up: who was taking it meanwhile does not have it. */
  #releases = 0;

  constructor(parts: Parts, options: FloatingLeaseOptions) {
    requireObject(options);
    const { intervalSeconds, onLost, endingSeconds = ENDING_SECONDS } = options;
    if (!(endingSeconds >= 0 && endingSeconds <= 86_400))
      throw new TypeError('endingSeconds: has to be from 0 to 86400');
    this.#parts = parts;
    this.#options = options;
    const onBeat = (beat: Beat): void => this.#renewed(beat);
    const onProblem = (problem: Problem): void => this.#notRenewed(problem);
    this.#heartbeats = new Heartbeats(parts, { intervalSeconds, onLost, onBeat, onProblem }, true);
  }

  /** As it is at this moment, whether or not a timer has come to it. */
  get state(): LeaseState {
    return this.#isOver() ? 'LOST' : this.#state;
  }

  /** Takes a seat, and goes on renewing it. */
  async acquire(options: ActOptions = {}): Promise<Result<{ leaseMillis: number }>> {
    const releases = this.#releases;
    if ((await this.#parts.vault.read()).activation === null) {
      const activated = await activate(this.#parts, options);
      if (!activated.ok) return activated;
    }
    if (releases !== this.#releases) return this.#givenUp();
    const beat = await this.#heartbeats.beat();
    if (releases !== this.#releases) return this.#givenUp();
    if (!beat.ok) return beat.problem.kind === 'OUTAGE' ? this.#onLoan(beat) : beat;
    const { leaseMillis } = beat.value;
    if (leaseMillis === null) return failed(notReady('NOT_FLOATING'));
    this.#heartbeats.start(beat.value);
    return done({ leaseMillis });
  }

  /**
   * Takes the seat along for hours without a connection, where the license lends it; fewer hours than are left give some
   * back. It is held until then, also by a process that starts without a connection: `acquire()` finds it.
   */
  async borrow(
    hours: number,
    options: ActOptions = {},
  ): Promise<Result<{ until: Date; leaseMillis: number }>> {
    const releases = this.#releases;
    const borrowed = await borrowLease(this.#parts, hours, options);
    if (!borrowed.ok) return borrowed;
    if (releases !== this.#releases) return this.#givenUp();
    // How long that is, the server says with its own clock.
    const beat = await this.#heartbeats.beat();
    if (releases !== this.#releases) return this.#givenUp();
    if (!beat.ok && beat.problem.kind !== 'OUTAGE') return beat;
    const leaseMillis = beat.ok ? (beat.value.leaseMillis ?? 0) : await loanLeft(this.#parts);
    if (!beat.ok) this.#renewed({ leaseMillis });
    this.#heartbeats.start({ leaseMillis });
    return done({ until: borrowed.value.until, leaseMillis });
  }

  /** Adds to what the next renewal tells. */
  record(report: UsageReport): Promise<void> {
    return this.#heartbeats.record(report);
  }

  /** Gives the seat up at once, and leaves no timer. Where nobody can be told, it is free when its time is over. */
  async release(options: ActOptions = {}): Promise<Result<null>> {
    this.#releases += 1;
    await this.#heartbeats.stop();
    this.#clear();
    this.#end = undefined;
    this.#become('NONE');
    return releaseLease(this.#parts, options);
  }

  /** The release may have come to the server before what took the seat: it is sent behind that as well. */
  async #givenUp(): Promise<Result<never>> {
    await releaseLease(this.#parts, {});
    return failed(notReady('RELEASED'));
  }

  /** Nobody can be asked: a seat that was taken along is held for what is left of it. */
  async #onLoan(outage: Result<never>): Promise<Result<{ leaseMillis: number }>> {
    const leaseMillis = await loanLeft(this.#parts);
    if (leaseMillis === 0) return outage;
    this.#renewed({ leaseMillis });
    this.#heartbeats.start({ leaseMillis });
    return done({ leaseMillis });
  }

  #isOver(): boolean {
    const { time } = this.#parts;
    const { elapsed = Infinity, now = Infinity } = this.#end ?? {};
    return time.elapsed() >= elapsed || time.now() >= now;
  }

  #renewed({ leaseMillis }: Beat): void {
    if (leaseMillis === null) return;
    const { time } = this.#parts;
    this.#problem = null;
    this.#end = { elapsed: time.elapsed() + leaseMillis, now: time.now() + leaseMillis };
    this.#clear();
    const { endingSeconds = ENDING_SECONDS } = this.#options;
    const ending = Math.max(leaseMillis / 2, leaseMillis - endingSeconds * 1000);
    this.#cancel = [
      time.after(ending, () => this.#become('ENDING')),
      time.after(leaseMillis, () => this.#become('LOST')),
    ];
    this.#become(leaseMillis > 0 ? 'HELD' : 'LOST');
  }

  #notRenewed(problem: Problem): void {
    this.#problem = problem;
    if (problem.kind === 'OUTAGE' || this.#end === undefined) return;
    // The server has said that there is no seat, or no license: not a moment longer.
    this.#clear();
    this.#end = undefined;
    this.#become('LOST');
  }

  #clear(): void {
    for (const cancel of this.#cancel.splice(0)) cancel();
  }

  #become(state: LeaseState): void {
    if (state === this.#state) return;
    this.#state = state;
    const problem = this.#problem;
    tell(() => this.#options.onChange?.(state, problem));
  }
}
