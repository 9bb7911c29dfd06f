import { isZero } from '../../core/money.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import { chargePending, invoicePaid } from '../model/refusals.js';
import { type RenewalId, renewalNotFound } from '../model/renewals.js';
import { amountKeptOf } from '../model/standing.js';
import { hasOpenCharge, lockRenewalOf, renewalById } from '../queries/charges.js';
import { lockInvoice } from '../queries.js';
import type { CancelRenewalInput } from '../schema/renewals.js';
import type { Renewal } from '../table/charges.js';
import type { Invoice } from '../table.js';
import { changeRenewal } from './chargeRenewal.js';
import { voidUnpaid } from './voidUnpaid.js';

interface Cancelling {
  readonly renewal: Renewal;
  /** Absent where nothing was billed. */
  readonly invoice: Invoice | undefined;
}

/** The renewal with its invoice, locked as by whoever brings money, if the caller sees the license and who pays for it. */
async function renewalToCancel(work: Work, id: RenewalId): Promise<Cancelling> {
  const found = await renewalById(work, id);
  if (found === undefined) throw renewalNotFound(id);
  const { invoiceId, licenseId } = found;
  const invoice = invoiceId === null ? undefined : await lockInvoice(work, invoiceId);
  const license = await lockLicense(work, licenseId);
  if (license === undefined || (invoiceId !== null && invoice === undefined)) throw renewalNotFound(id);
  const renewal = invoice === undefined ? found : await lockRenewalOf(work, invoice.id);
  if (renewal === undefined) throw renewalNotFound(id);
  return { renewal, invoice };
}

function requireRequested({ status, way }: Renewal): void {
  const step = { from: status, to: 'CANCELLED' };
  if (status !== 'OPEN')
    throw new Refusal(
      'INVALID_TRANSITION',
      `The renewal is ${status}: only an OPEN one is called off.`,
      step,
    );
  if (way === 'BY_HAND') return;
  const message =
    'The license renews itself: nobody asked for this renewal. Switch its automatic renewal off, or have the invoice voided.';
  throw new Refusal('INVALID_TRANSITION', message, step);
}

/**
 * Calls off a renewal that was asked for and is not paid: its invoice is voided, and a license that renews itself does so
 * again. Twice is the same as once.
 */
export async function cancelRenewal(work: Work, { renewalId, reason }: CancelRenewalInput): Promise<Renewal> {
  const { renewal, invoice } = await renewalToCancel(work, renewalId);
  if (renewal.status === 'CANCELLED' && renewal.way === 'BY_HAND') return renewal;
  requireRequested(renewal);
  if (invoice === undefined) throw new Error('a renewal that is open was not billed');
  const kept = amountKeptOf(invoice);
  if (!isZero(kept)) throw invoicePaid(invoice.number, kept, invoice.currency);
  if (await hasOpenCharge(work, invoice.id)) throw chargePending(invoice.number);
  await changeRenewal(work, renewal, { status: 'CANCELLED', nextAttemptAt: null, finishedAt: work.now });
  await voidUnpaid(work, invoice, reason ?? 'The renewal was called off');
  return (await renewalById(work, renewal.id)) ?? renewal;
}
