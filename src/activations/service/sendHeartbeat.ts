import type { Reading, Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { type Facts, mergedMetrics, requirePassing, type UsageMetrics } from '../model.js';
import { seatsOfOthers } from '../queries.js';
import type { SendHeartbeatInput } from '../schema.js';
import type { Activation } from '../table.js';
import { activationToChange, changeActivation, forgetToken, leaseEnd } from './activation.js';

function metricsOf(activation: Activation): UsageMetrics | null {
  return activation.usageMetrics === null
    ? null
    : { ...activation.usageMetrics, featureUsage: activation.featureUsage };
}

async function factsOfToken(reading: Reading, license: License, activation: Activation): Promise<Facts> {
  const claimant = {
    activationId: activation.id,
    identity: activation.userRef ?? activation.deviceFingerprint,
  };
  // A lease that ran out has to win its seat again.
  const lapsed = activation.leaseExpiresAt !== null && activation.leaseExpiresAt <= reading.now;
  const seats = lapsed
    ? { others: await seatsOfOthers(reading, license, claimant), own: activation.units }
    : undefined;
  return { now: reading.now, license, activation, deviceNamed: true, seats };
}

const leaseMayLapse = new Set(['LEASE_EXPIRED'] as const);

/** Renews the lease and adds up the metrics. The first use of a new token ends the one before it. */
export async function sendHeartbeat(work: Work, input: SendHeartbeatInput): Promise<Activation> {
  const { activation, license } = await activationToChange(work, input.activationToken);
  requirePassing(await factsOfToken(work, license, activation), leaseMayLapse);
  const current = work.keys
    .hashes('ACTIVATION_TOKEN', input.activationToken)
    .includes(activation.activationTokenHash);
  if (current) await forgetToken(work, activation.previousTokenHash);
  const { featureUsage, ...usageMetrics } = mergedMetrics(
    metricsOf(activation),
    input.metrics ?? {},
    work.now,
  );
  return changeActivation(work, activation, {
    lastHeartbeat: work.now,
    leaseExpiresAt: leaseEnd(work, license),
    usageMetrics,
    featureUsage,
    ...(current ? { previousTokenHash: null, previousTokenUntil: null } : {}),
  });
}
