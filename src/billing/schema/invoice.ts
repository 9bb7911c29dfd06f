import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { CustomerId, LicenseId, ResellerId } from '../../core/id.js';
import type { Amount } from '../../core/money.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { DateTime, DecimalAmount } from '../../graph/scalars.js';
import { SortDirectionEnum } from '../../graph/sort.js';
import type {
  InvoicePurpose,
  PaymentKind,
  PaymentState,
  PaymentStatus,
  Processor,
} from '../model/invoice.js';
import type { PriceLineKind } from '../model/price.js';
import type { InvoiceSortField } from '../queries.js';
import {
  InvoicePurposeEnum,
  InvoiceSortFieldEnum,
  PaymentKindEnum,
  PaymentStateEnum,
  PaymentStatusEnum,
  PriceLineKindEnum,
  ProcessorEnum,
} from './enums.js';

@ObjectType({ description: 'One line of a price.', simpleResolvers: true })
export class PriceLine {
  @Field(() => PriceLineKindEnum, { description: 'What is paid for, or taken off.' })
  declare readonly kind: PriceLineKind;

  @Field(() => String, { description: 'In words.' })
  declare readonly description: string;

  @Field(() => Int, { description: 'How many of it.' })
  declare readonly quantity: number;

  @Field(() => DecimalAmount, { description: 'What one of it costs.' })
  declare readonly unitAmount: Amount;

  @Field(() => DecimalAmount, { description: 'What all of it costs; negative where it is taken off.' })
  declare readonly amount: Amount;
}

@ObjectType({ description: 'Who sells, as it was when the invoice was made.', simpleResolvers: true })
export class InvoiceSeller {
  @Field(() => String, { description: "The company's name." })
  declare readonly name: string;

  @Field(() => String, { nullable: true, description: 'Its address, in some lines.' })
  declare readonly address: string | null;

  @Field(() => String, { nullable: true, description: 'Its tax number.' })
  declare readonly taxId: string | null;
}

@ObjectType({
  description: 'What is to be paid, and how far it is paid. It is never changed, only paid or voided.',
  simpleResolvers: true,
})
export class Invoice {
  @Field(() => ID, { description: "The invoice's id." })
  declare readonly id: string;

  @Field(() => String, { description: 'Its number: INV-2026-000001, without gaps in a year.' })
  declare readonly number: string;

  @Field(() => InvoicePurposeEnum, { description: 'What it was made for.' })
  declare readonly purpose: InvoicePurpose;

  @Field(() => ID, { nullable: true, description: 'The customer who pays.' })
  declare readonly customerId: string | null;

  @Field(() => ID, { nullable: true, description: 'The reseller who sold.' })
  declare readonly resellerId: string | null;

  @Field(() => ID, { nullable: true, description: 'The license that is renewed or upgraded.' })
  declare readonly licenseId: string | null;

  @Field(() => String, { description: "The payer's name, as it was when the invoice was made." })
  declare readonly billTo: string;

  @Field(() => String, { nullable: true, description: "The payer's address, as it was." })
  declare readonly billToAddress: string | null;

  @Field(() => String, { nullable: true, description: "The payer's tax number, as it was." })
  declare readonly billToTaxId: string | null;

  @Field(() => InvoiceSeller, { description: 'Who sells.' })
  declare readonly seller: InvoiceSeller;

  @Field(() => String, { description: 'The ISO 4217 code of its amounts.' })
  declare readonly currency: string;

  @Field(() => [PriceLine], { description: 'What is paid for; the sum of their amounts is the total.' })
  declare readonly lines: readonly PriceLine[];

  @Field(() => DecimalAmount, {
    description: 'What the licenses cost, before anything is taken off or added.',
  })
  declare readonly subtotal: Amount;

  @Field(() => DecimalAmount, { description: 'What is taken off.' })
  declare readonly discount: Amount;

  @Field(() => DecimalAmount, { description: 'What of it is tax.' })
  declare readonly tax: Amount;

  @Field(() => DecimalAmount, { description: 'What is to be paid in all.' })
  declare readonly total: Amount;

  @Field(() => DecimalAmount, { description: 'What was paid; what was paid back is not taken off.' })
  declare readonly amountPaid: Amount;

  @Field(() => DecimalAmount, { description: 'What was paid back.' })
  declare readonly amountRefunded: Amount;

  @Field(() => PaymentStatusEnum, {
    description: 'How far its payment is. It stays PAID while only a part was paid back.',
  })
  declare readonly paymentStatus: PaymentStatus;

  @Field(() => String, { nullable: true, description: 'Why the last payment that failed did so.' })
  declare readonly failureReason: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Until when it is to be paid.' })
  declare readonly dueAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When what was received came to its total.' })
  declare readonly paidAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was voided: nothing is to be paid any more.',
  })
  declare readonly voidedAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'Why it was voided.' })
  declare readonly voidReason: string | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When something of it changed last.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({ description: 'Money that came, was asked for in vain, or went back.', simpleResolvers: true })
export class Payment {
  @Field(() => ID, { description: "The payment's id." })
  declare readonly id: string;

  @Field(() => PaymentKindEnum, { description: 'Whether money came or went back.' })
  declare readonly kind: PaymentKind;

  @Field(() => PaymentStateEnum, { description: 'Whether it is done; only then it counts.' })
  declare readonly state: PaymentState;

  @Field(() => ProcessorEnum, { description: 'Through whom.' })
  declare readonly processor: Processor;

  @Field(() => String, {
    nullable: true,
    description: "The processor's own name of it, or the number that whoever recorded it gave.",
  })
  declare readonly reference: string | null;

  @Field(() => DecimalAmount, { description: 'How much.' })
  declare readonly amount: Amount;

  @Field(() => String, { description: 'The ISO 4217 code of its amount.' })
  declare readonly currency: string;

  @Field(() => DateTime, { description: 'When it came or went, by whoever told of it.' })
  declare readonly receivedAt: Instant;

  @Field(() => String, {
    nullable: true,
    description: 'What was noted with it, or why it failed or was paid back. The payer sees it too.',
  })
  declare readonly note: string | null;

  @Field(() => ID, { nullable: true, description: 'Of a refund: the payment that goes back.' })
  declare readonly refundOf: string | null;

  @Field(() => DateTime, { description: 'When it was recorded.' })
  declare readonly createdAt: Instant;
}

export const { Connection: InvoiceConnection, ConnectionResolver: InvoiceConnectionResolver } = connectionOf(
  () => Invoice,
  'Invoice',
  'invoices',
);

export const { Connection: PaymentConnection, ConnectionResolver: PaymentConnectionResolver } = connectionOf(
  () => Payment,
  'Payment',
  'payments',
);

@InputType({ description: 'Which invoices to list.' })
export class InvoiceFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this customer.' })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of what this reseller sold.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this license.' })
  declare readonly licenseId?: LicenseId | null;

  @Checked(listOf(5))
  @Field(() => [PaymentStatusEnum], { nullable: true, description: 'Only those whose payment is so far.' })
  declare readonly paymentStatus?: readonly PaymentStatus[] | null;

  @Checked(listOf(3))
  @Field(() => [InvoicePurposeEnum], { nullable: true, description: 'Only those that were made for this.' })
  declare readonly purpose?: readonly InvoicePurpose[] | null;

  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: 'Only those whose number contains this text.' })
  declare readonly number?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Only those that are still to be paid, and were to be before this moment.',
  })
  declare readonly dueBefore?: Instant | null;

  @Field(() => Boolean, { nullable: true, description: 'Only those that were voided, or not.' })
  declare readonly voided?: boolean | null;
}

@InputType({ description: 'The order of a list of invoices.' })
export class InvoiceSort {
  @Field(() => InvoiceSortFieldEnum, { description: 'What to order by.' })
  declare readonly field: InvoiceSortField;

  @Field(() => SortDirectionEnum, { defaultValue: 'ASC', description: 'Which end comes first.' })
  declare readonly direction: 'ASC' | 'DESC';
}
