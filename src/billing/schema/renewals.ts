import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { integer, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { CustomerId, LicenseId } from '../../core/id.js';
import { Checked } from '../../graph/checked.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import { methodForm, methodLabel, payerForm } from '../model/paymentMethods.js';
import type { RenewalFailure, RenewalId, RenewalStatus, RenewalWay } from '../model/renewals.js';

export const RenewalWayEnum = enumOf<RenewalWay>('RenewalWay', 'How a renewal was begun.', {
  AUTOMATIC: 'By the clock: the license renews itself.',
  BY_HAND: 'Somebody asked for an invoice to renew the license by.',
});

export const RenewalStatusEnum = enumOf<RenewalStatus>('RenewalStatus', 'How far a renewal is.', {
  OPEN: 'Its invoice is to be paid, whether or not it is still charged for.',
  RENEWED: 'It was paid, and the license was renewed.',
  CANCELLED:
    'Something overtook it, as a renewal by hand, or whoever had asked for it called it off: its invoice is void, and a part that was paid is credit.',
  VOIDED:
    'The vendor voided its invoice, or a part that was paid went back: from this end of a term the clock bills it no more.',
  SKIPPED: 'It could not even be billed: `reason` says why.',
  UNSETTLED: 'It was paid, and the license could not be renewed any more: the money is to be paid back.',
  REFUNDED: 'It was paid back, and the term was taken back.',
});

export const RenewalFailureEnum = enumOf<RenewalFailure>('RenewalFailure', 'Why a renewal came to nothing.', {
  CARD_DECLINED: 'The payment was declined.',
  INSUFFICIENT_FUNDS: 'There was not enough money.',
  CARD_EXPIRED: 'The card has expired.',
  AUTHENTICATION_REQUIRED: 'The holder of the card has to confirm the payment.',
  NO_PAYMENT_METHOD: 'There is nothing that could be charged.',
  PAYER_UNVERIFIED: 'The payer is not known to be this customer at the processor: it was not charged.',
  NO_PRICE: 'The license has no template that says what it costs.',
  NOT_RENEWABLE: 'The license was suspended or revoked before it was paid for.',
  TRANSFERRED: 'The license belongs to another customer than the one who paid.',
  OVERTAKEN:
    'Something overtook it when a part of it was paid. The invoice is void; what was paid is credit.',
});

@ObjectType({ description: 'By what a customer is charged for renewals.', simpleResolvers: true })
export class PaymentMethod {
  @Field(() => ID, { description: 'Its id.' })
  declare readonly id: string;

  @Field(() => String, { description: 'What people know it by, as `Visa 4242`.' })
  declare readonly label: string;

  @Field(() => DateTime, { nullable: true, description: 'Until when it can be charged, if that is known.' })
  declare readonly expiresAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was set.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({ description: 'A renewal of a license that is paid for by an invoice.', simpleResolvers: true })
export class Renewal {
  @Field(() => ID, { description: 'Its id.' })
  declare readonly id: string;

  @Field(() => RenewalWayEnum, { description: 'How it was begun.' })
  declare readonly way: RenewalWay;

  @Field(() => RenewalStatusEnum, { description: 'How far it is.' })
  declare readonly status: RenewalStatus;

  @Field(() => RenewalFailureEnum, {
    nullable: true,
    description: 'Why it could not be billed, or given though it was paid, in part or in full.',
  })
  declare readonly reason: RenewalFailure | null;

  @Field(() => DateTime, { nullable: true, description: 'The end of the term that it goes on from.' })
  declare readonly expiryDate: Instant | null;

  @Field(() => Int, { description: 'For how many calendar months.' })
  declare readonly durationMonths: number;

  @Field(() => Int, { description: 'How often it was charged for.' })
  declare readonly attempts: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it is charged for next; null when nobody is charged, or a charge is under way.',
  })
  declare readonly nextAttemptAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was begun.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it was done or given up by an act.' })
  declare readonly finishedAt: Instant | null;
}

@InputType({ description: 'By what a customer is to be charged: names of what was saved at Stripe before.' })
export class SetPaymentMethodInput {
  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: "Whose it is; left out by a customer's own people.",
  })
  declare readonly customerId?: CustomerId | null;

  @Checked(payerForm)
  @Field(() => String, {
    description:
      "The customer's id at Stripe, `cus_…`. The vendor enters it first; from then on it stands for this customer alone.",
  })
  declare readonly stripeCustomer: string;

  @Checked(methodForm)
  @Field(() => String, { description: 'The id of the payment method at Stripe, `pm_…`.' })
  declare readonly stripePaymentMethod: string;

  @Checked(methodLabel)
  @Field(() => String, { description: 'What people know it by, as `Visa 4242`; never a whole number.' })
  declare readonly label: string;

  @Field(() => DateTime, { nullable: true, description: 'Until when it can be charged.' })
  declare readonly expiresAt?: Instant | null;
}

@ObjectType({ description: 'The answer of `setPaymentMethod`.', simpleResolvers: true })
export class SetPaymentMethodPayload {
  @Field(() => PaymentMethod, { description: 'By what the customer is charged from now on.' })
  declare readonly paymentMethod: PaymentMethod;
}

@InputType({ description: 'By what a customer is to be charged no more.' })
export class RemovePaymentMethodInput {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: "Whose it is; left out by a customer's own people." })
  declare readonly customerId?: CustomerId | null;
}

@ObjectType({ description: 'The answer of `removePaymentMethod`.', simpleResolvers: true })
export class RemovePaymentMethodPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The payment method that was removed; null if there was none.',
  })
  declare readonly paymentMethodId: string | null;
}

@InputType({ description: 'A license that is to be renewed once its invoice is paid.' })
export class RequestRenewalInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: LicenseId;

  @Checked(integer(1, 60))
  @Field(() => Int, { description: 'For how many calendar months, from 1 to 60.' })
  declare readonly durationMonths: number;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether its maintenance is extended by as many months.',
  })
  declare readonly extendMaintenance: boolean;
}

@InputType({ description: 'A renewal that was asked for, and is called off.' })
export class CancelRenewalInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The renewal: one that is OPEN and BY_HAND.' })
  declare readonly renewalId: RenewalId;

  @Checked(text(1, 2000))
  @Field(() => String, { nullable: true, description: 'Why. It stands on the invoice that is voided.' })
  declare readonly reason?: string | null;
}

@ObjectType({ description: 'The answer of `cancelRenewal`.', simpleResolvers: true })
export class CancelRenewalPayload {
  @Field(() => Renewal, { description: 'The renewal, called off.' })
  declare readonly renewal: Renewal;
}

@ObjectType({ description: 'The answer of `requestRenewal`.', simpleResolvers: true })
export class RequestRenewalPayload {
  @Field(() => Renewal, { description: 'The renewal, with the invoice that is to be paid for it.' })
  declare readonly renewal: Renewal;
}
