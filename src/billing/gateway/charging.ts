import type { Amount } from '../../core/money.js';

/** What is to be charged. It is kept as it was before the first request, so that each later one says the same. */
export interface ChargeRequest {
  /** The processor does once whatever comes under one key. */
  readonly idempotencyKey: string;
  /** Our own id of the charge, and what it is for: both stand at the processor with the payment. */
  readonly chargeId: string;
  readonly invoiceId: string;
  readonly amount: Amount;
  readonly currency: string;
  /** The processor's own ids of who pays, and with what. */
  readonly customer: string;
  readonly method: string;
}

export interface RefundRequest {
  readonly idempotencyKey: string;
  /** Our own id of the refund. */
  readonly chargeId: string;
  readonly invoiceId: string;
  /** The processor's reference of the payment, of which this amount is to go back. */
  readonly payment: string;
  readonly amount: Amount;
  readonly currency: string;
}

/** Why nobody can say what became of a request. */
export const unknownReasons = [
  'TIMEOUT',
  'CONNECTION',
  'INVALID_RESPONSE',
  'FAILED',
  'BUSY',
  'IN_USE',
  'KEY_REUSED',
  'REFUSED',
] as const;
export type UnknownReason = (typeof unknownReasons)[number];

/**
 * What became of it. UNKNOWN is no answer: the money may have moved. Whoever gets it asks again, in the same words and under
 * the same key, and charges nothing else meanwhile.
 */
export type ChargeAnswer =
  | { readonly outcome: 'SUCCEEDED'; readonly reference: string }
  | {
      readonly outcome: 'DECLINED';
      readonly reference: string | null;
      /** The processor's own name of this try, where the bank was asked. */
      readonly attempt: string | null;
      /** Both may be told to whoever pays. */
      readonly code: string;
      readonly words: string;
    }
  | { readonly outcome: 'PENDING'; readonly reference: string }
  | {
      readonly outcome: 'UNKNOWN';
      readonly reason: UnknownReason;
      /** Not before so many seconds; 0 says nothing. */
      readonly retryAfterSeconds: number;
    };

/** For whom a payer is charged. */
export interface PayerOwner {
  readonly tenantId: string;
  readonly customerId: string;
}

/** Somebody who takes money, and gives it back. It never throws: whatever goes wrong is an answer. */
export interface Charging {
  charge(request: ChargeRequest): Promise<ChargeAnswer>;
  /** Undefined where whoever runs the account says that the payer is this owner's; else why nothing is charged. */
  refusalOf(payer: string, owner: PayerOwner): Promise<ChargeAnswer | undefined>;
  refund(request: RefundRequest): Promise<ChargeAnswer>;
  /** What became of a request that was made; undefined when it never arrived. */
  findCharge(request: ChargeRequest): Promise<ChargeAnswer | undefined>;
  findRefund(request: RefundRequest): Promise<ChargeAnswer | undefined>;
}
