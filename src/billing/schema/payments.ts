import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { Amount } from '../../core/money.js';
import { Checked } from '../../graph/checked.js';
import { DateTime, DecimalAmount } from '../../graph/scalars.js';
import { Invoice, Payment } from './invoice.js';

@InputType({ description: 'Money that came past every processor.' })
export class RecordPaymentInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'What it was paid for.' })
  declare readonly invoiceId: string;

  @Field(() => DecimalAmount, { description: 'How much; no more than is to be paid.' })
  declare readonly amount: Amount;

  @Checked(text(3, 3))
  @Field(() => String, {
    nullable: true,
    description: "The ISO 4217 code of the amount; the invoice's, and refused if it is another.",
  })
  declare readonly currency?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it came, if not now.' })
  declare readonly receivedAt?: Instant | null;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description:
      'What the bank calls it. The same one again is the same payment, and answered as it was recorded.',
  })
  declare readonly reference?: string | null;

  @Checked(text(1, 2000))
  @Field(() => String, { nullable: true, description: 'A note, which the payer sees too.' })
  declare readonly note?: string | null;
}

@ObjectType({ description: 'The answer of `recordPayment`.', simpleResolvers: true })
export class RecordPaymentPayload {
  @Field(() => Payment, { description: 'The payment.' })
  declare readonly payment: Payment;

  @Field(() => Invoice, { description: 'The invoice as it stands now.' })
  declare readonly invoice: Invoice;
}

@InputType({ description: 'An invoice of which nothing is to be paid any more.' })
export class VoidInvoiceInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'Which.' })
  declare readonly invoiceId: string;

  @Checked(text(1, 2000))
  @Field(() => String, { description: 'Why. The payer sees it too.' })
  declare readonly reason: string;
}

@ObjectType({ description: 'The answer of `voidInvoice`.', simpleResolvers: true })
export class VoidInvoicePayload {
  @Field(() => Invoice, { description: 'The invoice, voided. Its number stays.' })
  declare readonly invoice: Invoice;
}

@InputType({ description: 'A payment that is to be paid back.' })
export class RefundPaymentInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'Which.' })
  declare readonly paymentId: string;

  @Field(() => DecimalAmount, {
    nullable: true,
    description: 'How much of it; all that is left if left out.',
  })
  declare readonly amount?: Amount | null;

  @Checked(text(1, 2000))
  @Field(() => String, { description: 'Why. The payer sees it too.' })
  declare readonly reason: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description:
      'Whether the money has gone back already, past us: then it is recorded, and no processor is asked.',
  })
  declare readonly paidBack: boolean;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: 'What the bank or the processor calls it, where it has gone back already.',
  })
  declare readonly reference?: string | null;
}

@ObjectType({ description: 'The answer of `refundPayment`.', simpleResolvers: true })
export class RefundPaymentPayload {
  @Field(() => Payment, {
    description: 'The refund: SETTLED, or PENDING while its processor is asked.',
  })
  declare readonly refund: Payment;

  @Field(() => Invoice, { description: 'The invoice as it stands now.' })
  declare readonly invoice: Invoice;
}
