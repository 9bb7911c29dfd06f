import { scopeOf } from '../../core/actor.js';
import { Refusal } from '../../core/refusal.js';
import type { Coalescing, Work } from '../../core/work.js';
import { activationNotFound } from '../model/activation.js';
import { leaseLapsed } from '../model/seats.js';
import type { SendHeartbeatInput } from '../schema.js';
import {
  type Beat,
  BeatBatch,
  type BeatOutcome,
  type HeartbeatAnswer,
  LAPSED,
  outcomeOf,
  requireAlive,
} from './heartbeats.js';
import { winLeases } from './leases.js';

const mayHaveLapsed = new Set(['LEASE_EXPIRED'] as const);

/** Renews leases that have not lapsed, and those that are none: no seat changes hands, and no license is locked. */
async function renewLeases(work: Work, beats: readonly Beat[]): Promise<BeatOutcome[]> {
  const batch = await BeatBatch.open(work, beats);
  const outcomes = beats.map((beat) =>
    outcomeOf(() => {
      const found = batch.of(beat);
      if (found === undefined) return undefined;
      const { row, license } = found;
      requireAlive(work, beat, row, license, undefined, mayHaveLapsed);
      if (leaseLapsed(row, work.now)) return { payload: LAPSED, isEffective: false };
      return { payload: batch.take(beat, row, license), isEffective: true };
    }),
  );
  await batch.write();
  return outcomes;
}
renewLeases.isPaired = true;

/** Renews the lease and adds up the metrics, together with the heartbeats of all who send one at this moment. */
export async function sendHeartbeat(ctx: Coalescing, input: SendHeartbeatInput): Promise<HeartbeatAnswer> {
  const entered = await ctx.enter('ACTIVATION_TOKEN', input.activationToken);
  if (entered === undefined) throw activationNotFound();
  const { licenseId, hash: tokenHash } = entered;
  const { place } = ctx;
  const beat = { licenseId, tokenHash, scope: scopeOf(ctx.actor), metrics: input.metrics ?? {}, place };
  for (;;) {
    const renewed = await ctx.coalesce(renewLeases, beat);
    const answer = renewed === LAPSED ? await ctx.coalesce(winLeases, beat) : renewed;
    if (answer instanceof Refusal) throw answer;
    if (answer !== undefined && answer !== LAPSED) return answer;
    await ctx.pause();
  }
}
