import { addMillis } from '../../core/clock.js';
import type { JobContext } from '../../core/job.js';
import { chargingWith } from '../gateway/accounts.js';
import type { ChargeAnswer, Charging } from '../gateway/charging.js';
import { secretBinding } from '../model/inbound.js';
import { DEPLOYMENT } from '../model/renewals.js';
import { billedCustomer, endpointKey, takeCharge } from '../queries/charges.js';
import { answerCharge } from '../service/answerCharge.js';
import { confirmCharge } from '../service/chargeRenewal.js';
import type { Charge } from '../table/charges.js';

/** Requests of one process at a time: each waits for a bank, and holds no connection to the database meanwhile. */
const LANES = 8;
/** What was asked before, whose payer it is, and the charge itself. */
const REQUESTS = 3;
/** A minute more than the requests may take: until then a charge is left to whoever asks for it. */
const SPARE_MILLIS = 60_000;

const unknown = (reason: Extract<ChargeAnswer, { outcome: 'UNKNOWN' }>['reason']): ChargeAnswer => ({
  outcome: 'UNKNOWN',
  reason,
  retryAfterSeconds: 0,
});

/** A tenant's own account is charged with its own key, for as long as there is one. */
async function secretKeyOf({ pool, keys, config }: JobContext, charge: Charge): Promise<string | undefined> {
  const { tenantId, account } = charge;
  if (account === DEPLOYMENT) return config.LG_STRIPE_SECRET_KEY;
  const apiKey = await endpointKey(pool.db, tenantId, account);
  return apiKey === undefined ? undefined : keys.decrypt(apiKey, secretBinding(tenantId, account));
}

async function chargingOf(context: JobContext, charge: Charge): Promise<Charging | undefined> {
  return chargingWith(await secretKeyOf(context, charge), context.config, context.signal);
}

/** The same words each time, whenever and by whomever it is asked. */
function requestOf({ id, invoiceId, amount, currency, payer, method }: Charge) {
  return {
    ...{ idempotencyKey: id, chargeId: id, invoiceId, amount, currency },
    ...{ customer: payer ?? '', method, payment: method },
  };
}

/**
 * What was asked before is looked for first: a processor forgets a key after a day, and may answer its own failure under
 * it for as long. Only what never arrived there goes out again, under the key that it had.
 */
async function outcomeOf(context: JobContext, charge: Charge): Promise<ChargeAnswer | undefined> {
  const charging = await chargingOf(context, charge);
  if (charging === undefined) return unknown('REFUSED');
  const request = requestOf(charge);
  const isRefund = charge.kind === 'REFUND';
  if (charge.asks > 1) {
    const found = await (isRefund ? charging.findRefund(request) : charging.findCharge(request));
    if (found !== undefined) return found;
    if (charge.status === 'PENDING') return unknown('INVALID_RESPONSE');
  }
  if (isRefund) return charging.refund(request);
  const refusal = await refusalOf(context, charging, charge);
  if (refusal !== undefined) return refusal;
  const isWanted = await context.act(charge.tenantId, (work) => confirmCharge(work, charge.invoiceId));
  return isWanted ? charging.charge(request) : undefined;
}

/**
 * Tenants that share the deployment's account could name each other's payers: it is charged only for whom its operator has
 * written down there. In an account of its own a tenant charges whom it names.
 */
async function refusalOf(
  { pool }: JobContext,
  charging: Charging,
  { tenantId, invoiceId, account, payer }: Charge,
): Promise<ChargeAnswer | undefined> {
  if (account !== DEPLOYMENT) return undefined;
  const customerId = await billedCustomer(pool.db, tenantId, invoiceId);
  return charging.refusalOf(payer ?? '', { tenantId, customerId: customerId ?? '' });
}

/** Asks for one charge, outside of any transaction, and writes down what became of it; false when none is due. */
async function askOne(context: JobContext): Promise<ChargeAnswer['outcome'] | 'OVERTAKEN' | undefined> {
  const { pool, clock, config, log } = context;
  const now = clock();
  const until = addMillis(now, REQUESTS * config.LG_STRIPE_SECONDS * 1000 + SPARE_MILLIS);
  const charge = await takeCharge(pool.db, now, until);
  if (charge === undefined) return undefined;
  const answer = await outcomeOf(context, charge);
  if (answer === undefined) return 'OVERTAKEN';
  if (answer.outcome === 'UNKNOWN') {
    const { tenantId, id: chargeId, asks } = charge;
    log.warn({ tenantId, chargeId, asks, reason: answer.reason }, 'what became of a charge is not known');
  }
  await context.act(charge.tenantId, (work) => answerCharge(work, charge.id, answer));
  return answer.outcome;
}

export interface Asked {
  readonly charged: number;
  readonly declined: number;
  readonly unanswered: number;
}

/** Asks for every charge that is due. A defect with one of them ends the run once the others were asked for. */
export async function askCharges(context: JobContext): Promise<Asked> {
  const asked = { charged: 0, declined: 0, unanswered: 0 };
  const lane = async (): Promise<void> => {
    for (;;) {
      context.signal.throwIfAborted();
      const outcome = await askOne(context);
      if (outcome === undefined) return;
      if (outcome === 'SUCCEEDED') asked.charged += 1;
      else if (outcome === 'DECLINED') asked.declined += 1;
      else if (outcome !== 'OVERTAKEN') asked.unanswered += 1;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = lanes.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return asked;
}
