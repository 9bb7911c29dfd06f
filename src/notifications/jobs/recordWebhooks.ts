import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import { committed, type Db, type Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import {
  ATTEMPTS_KEPT,
  type DeliveryAttempt,
  type DeliveryError,
  type DisabledReason,
  failingSince,
  hasFailedForLong,
  nextAttempt,
  type WebhookEndpointId,
} from '../model/webhooks.js';
import { webhookDeliveries, webhookEndpoints } from '../table/webhooks.js';
import type { Claim } from './claimWebhooks.js';

/** How exactly it is known when an endpoint failed last: its row is not written at every attempt. */
const FAILURE_NOTED = sql`interval '1 hour'`;

const ownDelivery = ({ tenantId, id }: Claim): SQL | undefined =>
  and(
    eq(webhookDeliveries.tenantId, tenantId),
    eq(webhookDeliveries.id, id),
    eq(webhookDeliveries.status, 'PENDING'),
  );

/** Whoever has lost his lease says nothing about what another may be trying. */
const heldDelivery = (claim: Claim): SQL | undefined =>
  and(
    ownDelivery(claim),
    eq(webhookDeliveries.leasedUntil, claim.leasedUntil),
    eq(webhookDeliveries.attemptCount, claim.attemptCount),
  );

function withAttempt(attempt: DeliveryAttempt | undefined): SQL {
  const { attempts } = webhookDeliveries;
  if (attempt === undefined) return sql`${attempts}`;
  const added = sql`${attempts.mapToDriverValue([attempt])}::jsonb`;
  return sql`case when jsonb_array_length(${attempts}) >= ${ATTEMPTS_KEPT} then ${attempts} - 0 else ${attempts} end || ${added}`;
}

const over = (now: Instant) => ({ nextAttemptAt: null, leasedUntil: null, finishedAt: now });

/** Taken is taken, also when it took longer than the lease: nobody sends it again. */
async function recordDelivered(db: Db, claim: Claim, now: Instant, attempt: DeliveryAttempt): Promise<void> {
  await db
    .update(webhookDeliveries)
    .set({ ...over(now), status: 'DELIVERED', lastError: null, attempts: withAttempt(attempt) })
    .where(ownDelivery(claim));
  await db
    .update(webhookEndpoints)
    .set({ failingSince: null, lastFailureAt: null })
    .where(
      and(
        eq(webhookEndpoints.tenantId, claim.tenantId),
        eq(webhookEndpoints.id, claim.endpointId),
        sql`${webhookEndpoints.failingSince} is not null`,
      ),
    );
}

/** Notes that an endpoint fails, and answers since when it has. */
async function noteFailure(
  db: Db,
  tenantId: TenantId,
  endpointId: WebhookEndpointId,
  now: Instant,
): Promise<Instant> {
  const own = and(eq(webhookEndpoints.tenantId, tenantId), eq(webhookEndpoints.id, endpointId));
  const [known] = await db.select().from(webhookEndpoints).where(own).for('no key update');
  const since = known === undefined ? now : failingSince(known, now);
  await db
    .update(webhookEndpoints)
    .set({ failingSince: since, lastFailureAt: now })
    .where(
      and(
        own,
        sql`(${webhookEndpoints.failingSince} is distinct from ${since}::timestamptz
          or ${webhookEndpoints.lastFailureAt} < ${now}::timestamptz - ${FAILURE_NOTED})`,
      ),
    );
  return since;
}

async function recordFailed(
  db: Db,
  claim: Claim,
  now: Instant,
  error: DeliveryError,
  { attempt, retryAfterSeconds }: Pick<Outcome, 'attempt' | 'retryAfterSeconds'>,
): Promise<void> {
  const isFinal = attempt === undefined || error === 'GONE';
  const next = isFinal ? undefined : nextAttempt(claim.id, claim.attemptCount, now, retryAfterSeconds);
  const state =
    next === undefined
      ? { ...over(now), status: 'FAILED' as const }
      : { nextAttemptAt: next, leasedUntil: null, status: 'PENDING' as const };
  await db
    .update(webhookDeliveries)
    .set({ ...state, lastError: error, attempts: withAttempt(attempt) })
    .where(heldDelivery(claim));
}

/** What became of a claim. Without an attempt nothing was sent: there is nothing to try again. */
export interface Outcome {
  readonly error: DeliveryError | null;
  readonly attempt: DeliveryAttempt | undefined;
  readonly retryAfterSeconds: number;
}

async function recordIn(
  db: Db,
  claim: Claim,
  now: Instant,
  outcome: Outcome,
): Promise<DisabledReason | undefined> {
  const { error, attempt } = outcome;
  if (error === null) {
    if (attempt !== undefined) await recordDelivered(db, claim, now, attempt);
    return undefined;
  }
  await recordFailed(db, claim, now, error, outcome);
  if (attempt === undefined) return undefined;
  const since = await noteFailure(db, claim.tenantId, claim.endpointId, now);
  if (error === 'GONE') return 'GONE';
  return hasFailedForLong(since, now) ? 'FAILING' : undefined;
}

/** Stores an outcome with what it says of the endpoint; answers why that is to be disabled, if it is. */
export async function recordWebhook(
  pool: Pool,
  claim: Claim,
  now: Instant,
  outcome: Outcome,
): Promise<DisabledReason | undefined> {
  const session = await pool.begin('write');
  return committed(session, () => recordIn(session.db, claim, now, outcome));
}

/** Gives back what was taken and not tried to the end, as if nobody had taken it. */
export async function releaseWebhook(pool: Pool, claim: Claim, now: Instant): Promise<void> {
  await pool.db
    .update(webhookDeliveries)
    .set({ nextAttemptAt: now, leasedUntil: null, attemptCount: claim.attemptCount - 1 })
    .where(heldDelivery(claim));
}
