import { setImmediate as turn } from 'node:timers/promises';
import { requireWholeTenant } from '../../access/service.js';
import { invalidInput } from '../../core/refusal.js';
import type { Verify } from '../../core/tokenTypes.js';
import type { Reading } from '../../core/work.js';
import {
  BREAK_WINDOW,
  breakBehind,
  type ChainEnd,
  type TrailBreak,
  type TrailEntry,
} from '../model/chain.js';
import { CHECKPOINT, type Checkpoint, claimedBy, claimsOf } from '../model/checkpoint.js';
import { type Outcome, TrailCheck } from '../model/trailCheck.js';
import {
  beginningOf,
  checkpointsWithin,
  type Head,
  sealNumbered,
  trailHead,
} from '../queries/checkpoints.js';
import { lastSeal, trailEntries, unnumberedEvent } from '../queries/trail.js';

/** How many events one question goes along, and how many of them it holds at once. */
export const EVENTS_A_LOOK = 100_000;
/** Hashed in one go: some ten milliseconds in which nobody else is answered. */
const BATCH = 2000;
/** So many of them are asked for at a time: the database reads on while these are received and hashed. */
const AHEAD = 2;

export interface TrailQuestion {
  readonly from: number;
  readonly to?: number | null;
  /** Checkpoints that were kept elsewhere. */
  readonly checkpoints?: readonly string[] | null;
}

export interface TrailVerification {
  readonly verified: boolean;
  readonly from: number;
  /** The last number up to which the chain holds. */
  readonly to: number;
  readonly hash: string;
  /** Up to there a signed checkpoint says the same. */
  readonly coveredTo: number | null;
  readonly broken: TrailBreak | null;
  /** There is more of the trail than one question goes along. */
  readonly continuesAt: number | null;
}

const ofTrail = (problem: TrailBreak['problem'], sequence: number): TrailBreak => ({
  problem,
  sequence,
  eventId: null,
});

/** Whether a token claims what its row has in columns. */
function isSaid({ token, sequence, hash }: Checkpoint): boolean {
  const claims = claimedBy(token);
  return claims?.sequence === sequence && claims.hash === hash;
}

/** What was signed before a beginning was deleted is a checkpoint as well: the rest has to hang on it. */
function boundaryOf(head: Head | undefined): Checkpoint[] {
  if (head === undefined || head.keptAfter === 0 || head.boundaryToken === null) return [];
  const claims = claimedBy(head.boundaryToken);
  return claims === undefined ? [] : [{ ...claims, token: head.boundaryToken }];
}

class Verification {
  constructor(
    private readonly reading: Reading,
    private readonly verify: Verify,
    private readonly head: Head | undefined,
  ) {}

  async isSigned({ token, ...end }: Checkpoint): Promise<boolean> {
    const payload = await this.verify(CHECKPOINT, token);
    const claims = payload === undefined ? undefined : claimsOf(payload);
    if (claims === undefined || claims.tenant !== this.reading.tenantId) return false;
    return claims.sequence === end.sequence && claims.hash === end.hash;
  }

  /** What was kept elsewhere has to be of this trail; a checkpoint that only says so proves nothing. */
  async given(tokens: readonly string[]): Promise<Checkpoint[]> {
    const read = tokens.map((token) => ({ sequence: -1, hash: '', ...claimedBy(token), token }));
    const signed = await Promise.all(read.map((checkpoint) => this.isSigned(checkpoint)));
    const wrong = tokens.flatMap((_, index) => (signed[index] === true ? [] : [index]));
    const message = 'is no checkpoint of this trail';
    if (wrong.length > 0)
      throw invalidInput(wrong.map((index) => ({ field: `checkpoints.${index}`, message })));
    return read;
  }

  /** Where what is kept begins: at the first event, or behind a boundary that was signed. */
  async #beginning(): Promise<ChainEnd | TrailBreak> {
    const { head, reading } = this;
    const beginning = beginningOf(head, reading.tenantId);
    if (beginning.sequence === 0) return beginning;
    const token = head?.boundaryToken ?? '';
    const payload = await this.verify(CHECKPOINT, token);
    const claims = payload === undefined ? undefined : claimsOf(payload);
    const isSigned = claims?.tenant === reading.tenantId && claims.boundary;
    return isSigned && claims.sequence >= beginning.sequence ? beginning : ofTrail('DELETED', 1);
  }

  async start(from: number): Promise<ChainEnd | TrailBreak> {
    const beginning = await this.#beginning();
    if ('problem' in beginning || from <= beginning.sequence + 1) return beginning;
    const { db, tenantId } = this.reading;
    return (await sealNumbered(db, tenantId, from - 1)) ?? ofTrail('DELETED', from - 1);
  }

  async #behind(end: ChainEnd): Promise<TrailBreak> {
    const range = { after: end.sequence, to: Number.MAX_SAFE_INTEGER, limit: BREAK_WINDOW };
    return breakBehind(end, await trailEntries(this.reading.db, this.reading.tenantId, range));
  }

  async broken(outcome: Outcome, end: ChainEnd): Promise<TrailBreak | undefined> {
    if (outcome.state === 'HOLDS') return undefined;
    if (outcome.state === 'BROKEN') return this.#behind(end);
    const { checkpoint, found } = outcome.by;
    return (await this.isSigned(checkpoint)) ? found : ofTrail('CHECKPOINT_MISMATCH', checkpoint.sequence);
  }

  async along(check: TrailCheck, to: number): Promise<TrailBreak | undefined> {
    const { db, tenantId } = this.reading;
    const ahead: Promise<TrailEntry[]>[] = [];
    let asked = check.end.sequence;
    const read = (): void => {
      if (asked >= to) return;
      const piece = trailEntries(db, tenantId, {
        after: asked,
        to: Math.min(asked + BATCH, to),
        limit: BATCH,
      });
      piece.catch(() => undefined);
      ahead.push(piece);
      asked += BATCH;
    };
    for (let piece = 0; piece < AHEAD; piece += 1) read();
    while (check.end.sequence < to) {
      const entries = (await ahead.shift()) ?? [];
      read();
      // The driver writes a turn behind who asks: without these the database would wait until these entries are hashed.
      await turn();
      await turn();
      const outcome: Outcome = entries.length === 0 ? { state: 'BROKEN' } : check.take(entries);
      const broken = await this.broken(outcome, check.end);
      if (broken !== undefined) return broken;
    }
    return undefined;
  }

  /** At the end of all: what the head and the checkpoints say that is not there, and events that were never numbered. */
  async atTheEnd(check: TrailCheck): Promise<TrailBreak | undefined> {
    const broken = await this.broken(check.finish(), check.end);
    if (broken !== undefined) return broken;
    const { sequence, hash } = check.end;
    if (this.head !== undefined && this.head.sequence !== sequence) return ofTrail('TAIL_CUT', sequence + 1);
    if (this.head !== undefined && this.head.hash !== hash) return ofTrail('HEAD_REWRITTEN', sequence);
    const eventId = await unnumberedEvent(this.reading.db, this.reading.tenantId);
    return eventId === undefined ? undefined : { problem: 'INSERTED', sequence: sequence + 1, eventId };
  }

  /** What the newest checkpoint covers that agrees; the ones before it say no more, but have to say what they stand for. */
  async covered(check: TrailCheck): Promise<number | null | TrailBreak> {
    const altered = check.agreeing.find((checkpoint) => !isSaid(checkpoint));
    if (altered !== undefined) return ofTrail('CHECKPOINT_MISMATCH', altered.sequence);
    const newest = check.agreeing.at(-1);
    if (newest === undefined) return null;
    return (await this.isSigned(newest)) ? newest.sequence : ofTrail('CHECKPOINT_MISMATCH', newest.sequence);
  }
}

/** What was never numbered is not missing. */
function requireRange({ from, to }: TrailQuestion, last: number): void {
  if (from > last + 1)
    throw invalidInput([{ field: 'from', message: `is behind the trail, which ends with ${last}` }]);
  if (typeof to === 'number' && to < from)
    throw invalidInput([{ field: 'to', message: 'must not lie before `from`' }]);
}

/**
 * Computes a part of the tenant's chain again and compares it with what is stored, with its signed checkpoints, and with
 * those that were kept elsewhere: who has the database has its checkpoints as well.
 */
export async function verifyAuditTrail(
  reading: Reading,
  question: TrailQuestion,
  verify: Verify,
): Promise<TrailVerification> {
  requireWholeTenant(reading, 'audit.verify');
  const { db, tenantId } = reading;
  const head = await trailHead(db, tenantId);
  const verification = new Verification(reading, verify, head);
  const given = await verification.given(question.checkpoints ?? []);
  const last = Math.max(await lastSeal(db, tenantId), head?.sequence ?? 0);
  requireRange(question, last);
  const start = await verification.start(question.from);
  if ('problem' in start) {
    const nothing = { from: question.from, to: question.from - 1, hash: '', coveredTo: null };
    return { ...nothing, verified: false, broken: start, continuesAt: null };
  }
  const to = Math.min(question.to ?? last, last, start.sequence + EVENTS_A_LOOK);
  const end = to < last ? to : Number.MAX_SAFE_INTEGER;
  const stored = await checkpointsWithin(db, tenantId, start.sequence, end);
  const others = [...boundaryOf(head), ...given].filter(({ sequence }) => sequence <= end);
  const check = new TrailCheck(start, [...stored, ...others]);
  const along = await verification.along(check, to);
  const found = along ?? (to < last ? undefined : await verification.atTheEnd(check));
  const covered = await verification.covered(check);
  const broken = found ?? (typeof covered === 'object' ? covered : null);
  return {
    verified: broken === null,
    from: start.sequence + 1,
    to: check.end.sequence,
    hash: check.end.hash,
    coveredTo: typeof covered === 'number' ? covered : null,
    broken,
    continuesAt: broken === null && to < last && to !== question.to ? to + 1 : null,
  };
}
