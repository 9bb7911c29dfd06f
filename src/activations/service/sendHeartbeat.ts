import { latest } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import { mergedMetrics, requireFewFeatures, type UsageMetrics } from '../model/metrics.js';
import { seatIsFree } from '../model/seats.js';
import { requirePassing } from '../model/verdict.js';
import type { SendHeartbeatInput } from '../schema.js';
import type { Activation } from '../table.js';
import {
  activationToChange,
  changeActivation,
  forgetToken,
  leaseEnd,
  ownClaim,
  recountSeats,
  seatsClaimed,
} from './activation.js';

function metricsOf(activation: Activation): UsageMetrics | null {
  return activation.usageMetrics === null
    ? null
    : { ...activation.usageMetrics, featureUsage: activation.featureUsage };
}

/** A lease that ran out has to win its seat again. When every seat is taken, that it ran out is what is told. */
const leaseMayLapse = new Set(['LEASE_EXPIRED'] as const);
const leaseMayNot: typeof leaseMayLapse = new Set();

/** Renews the lease and adds up the metrics. The first use of a new token ends the one before it. */
export async function sendHeartbeat(work: Work, input: SendHeartbeatInput): Promise<Activation> {
  const { activation, license } = await activationToChange(work, input.activationToken);
  const seats = await seatsClaimed(work, license, activation, ownClaim(activation));
  const facts = { now: work.now, license, activation, deviceNamed: true, seats };
  const about = { licenseId: license.id, activationId: activation.id };
  requirePassing(facts, seatIsFree(facts) ? leaseMayLapse : leaseMayNot, about);
  requireFewFeatures(activation.featureUsage, input.metrics?.featureUsage ?? {});
  const current = work.keys
    .hashes('ACTIVATION_TOKEN', input.activationToken)
    .includes(activation.activationTokenHash);
  if (current) await forgetToken(work, activation.previousTokenHash);
  const { featureUsage, ...usageMetrics } = mergedMetrics(
    metricsOf(activation),
    input.metrics ?? {},
    work.now,
  );
  const lease = leaseEnd(work, license);
  const row = await changeActivation(work, activation, {
    // Of two at once the later may be the first to hold the lock.
    lastHeartbeat: latest(activation.lastHeartbeat, work.now),
    leaseExpiresAt: lease === null ? null : latest(activation.leaseExpiresAt, lease),
    usageMetrics,
    featureUsage,
    ...(current ? { previousTokenHash: null, previousTokenUntil: null } : {}),
  });
  if (seats !== undefined) await recountSeats(work, license, seats);
  return row;
}
