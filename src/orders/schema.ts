import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { PaymentStatus } from '../billing/model/invoice.js';
import { PaymentStatusEnum } from '../billing/schema/enums.js';
import { PriceLine } from '../billing/schema/invoice.js';
import { listOf, text, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId, ResellerId, TemplateId } from '../core/id.js';
import { Authorized } from '../graph/authorized.js';
import { Checked } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime, DecimalAmount } from '../graph/scalars.js';
import { SortDirectionEnum } from '../graph/sort.js';
import { LicenseFeature, LicenseRestriction } from '../licenses/schema/types.js';
import type { LicenseModel, LicenseType } from '../templates/model.js';
import { LicenseModelEnum, LicensePricing, LicenseTypeEnum } from '../templates/schema/types.js';
import type { FulfillmentMethod, OrderStatus } from './model.js';
import type { OrderSortField } from './queries.js';

export const OrderStatusEnum = enumOf<OrderStatus>('OrderStatus', 'How far an order is.', {
  PENDING: 'Waits for approval.',
  APPROVED: 'Is approved, and fulfilled once it is paid.',
  FULFILLED: 'Has its licenses.',
  CANCELLED: 'Was cancelled.',
});
export const FulfillmentMethodEnum = enumOf<FulfillmentMethod>(
  'FulfillmentMethod',
  'How licenses are made for an order.',
  {
    AUTO: 'By themselves, once approved and paid.',
    MANUAL: 'When a person says so.',
    BATCH: 'In the background, in chunks.',
  },
);

@ObjectType({ description: 'What each license of an order has.', simpleResolvers: true })
export class OrderTerms {
  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: string;

  @Field(() => String, { description: "The product's name when it was ordered." })
  declare readonly productName: string;

  @Field(() => String, { description: "The product's version when it was ordered." })
  declare readonly productVersion: string;

  @Field(() => LicenseTypeEnum, { description: 'How long they last and how they are used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: 'What their limit counts.' })
  declare readonly licenseModel: LicenseModel;

  @Field(() => Int, { description: 'For how many days they last, where it is not for months.' })
  declare readonly durationDays: number;

  @Field(() => Int, { nullable: true, description: 'For how many calendar months they last.' })
  declare readonly durationMonths: number | null;

  @Field(() => Int, { description: 'Their activation limit.' })
  declare readonly maxActivations: number;

  @Field(() => [LicenseFeature], { description: 'Their features.' })
  declare readonly features: readonly LicenseFeature[];

  @Field(() => [LicenseRestriction], { description: 'Their restrictions.' })
  declare readonly restrictions: readonly LicenseRestriction[];

  @Field(() => Int, { description: 'For how many days after their expiry they are honoured.' })
  declare readonly gracePeriodDays: number;

  @Field(() => Boolean, { description: 'Whether they renew themselves.' })
  declare readonly autoRenewal: boolean;

  @Field(() => LicensePricing, { description: 'By which prices the order was computed.' })
  declare readonly pricing: LicensePricing;
}

@ObjectType({ description: 'A purchase of licenses.', simpleResolvers: true })
export class LicenseOrder {
  @Field(() => ID, { description: "The order's id." })
  declare readonly id: string;

  @Field(() => String, { description: 'Its number: ORD-2026-000001.' })
  declare readonly orderNumber: string;

  @Field(() => ID, { nullable: true, description: 'Who buys.' })
  declare readonly customerId: string | null;

  @Field(() => ID, { nullable: true, description: 'Who sells.' })
  declare readonly resellerId: string | null;

  @Field(() => ID, { description: 'What is bought.' })
  declare readonly templateId: string;

  @Field(() => Int, { description: "The template's version when it was ordered." })
  declare readonly templateVersion: number;

  @Field(() => Int, { description: 'How many licenses.' })
  declare readonly quantity: number;

  @Field(() => Boolean, { description: 'Whether it renews licenses instead of making new ones.' })
  declare readonly isRenewal: boolean;

  @Field(() => OrderTerms, {
    description: 'What each of its licenses has: nothing of the template is asked again.',
  })
  declare readonly terms: OrderTerms;

  @Field(() => [LicenseFeature], {
    nullable: true,
    description: 'Features that were asked for otherwise than the template says.',
  })
  declare readonly customFeatures: readonly LicenseFeature[] | null;

  @Field(() => [LicenseRestriction], {
    nullable: true,
    description: 'Restrictions that were asked for instead of those of the template.',
  })
  declare readonly customRestrictions: readonly LicenseRestriction[] | null;

  @Field(() => Int, { nullable: true, description: "Days instead of the template's." })
  declare readonly durationOverride: number | null;

  @Field(() => Int, { nullable: true, description: "Calendar months instead of the template's days." })
  declare readonly durationMonths: number | null;

  @Field(() => String, { nullable: true, description: 'What else the buyer asked for.' })
  declare readonly specialInstructions: string | null;

  @Field(() => OrderStatusEnum, { description: 'How far it is.' })
  declare readonly status: OrderStatus;

  @Field(() => [PriceLine], { description: 'What it costs, line by line; the sum of them is the total.' })
  declare readonly lines: readonly PriceLine[];

  @Field(() => DecimalAmount, {
    description: 'What the licenses cost, before anything is taken off or added.',
  })
  declare readonly subtotal: string;

  @Field(() => DecimalAmount, { description: 'What was taken off for the quantity.' })
  declare readonly discountApplied: string;

  @Field(() => DecimalAmount, { description: 'What all taxes come to.' })
  declare readonly tax: string;

  @Field(() => DecimalAmount, { description: 'What it costs in all.' })
  declare readonly totalAmount: string;

  @Field(() => String, { description: 'The ISO 4217 code of its amounts.' })
  declare readonly currency: string;

  @Field(() => PaymentStatusEnum, { description: 'How far its payment is.' })
  declare readonly paymentStatus: PaymentStatus;

  @Field(() => FulfillmentMethodEnum, { description: 'How its licenses are made.' })
  declare readonly fulfillmentMethod: FulfillmentMethod;

  @Field(() => DateTime, { nullable: true, description: 'When it was paid in full.' })
  declare readonly paidAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was paid back.' })
  declare readonly refundedAt: Instant | null;

  @Authorized('order.read_approval')
  @Field(() => String, { description: 'Who ordered, in the words of the audit trail.' })
  declare readonly orderedBy: string;

  @Authorized('order.read_approval')
  @Field(() => String, { nullable: true, description: 'Who approved it.' })
  declare readonly approvedBy: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was approved.' })
  declare readonly approvedAt: Instant | null;

  @Authorized('order.read_approval')
  @Field(() => String, { nullable: true, description: 'What was said when it was approved.' })
  declare readonly approvalNotes: string | null;

  @Authorized('order.read_approval')
  @Field(() => String, { nullable: true, description: 'Who cancelled it.' })
  declare readonly cancelledBy: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was cancelled.' })
  declare readonly cancelledAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'Why it was cancelled.' })
  declare readonly cancellationReason: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when its licenses are made in the background.',
  })
  declare readonly startedAt: Instant | null;

  @Authorized('order.read_approval')
  @Field(() => String, {
    nullable: true,
    description:
      'The refusal code on which fulfilment by itself stopped: a person has to mend it and fulfil.',
  })
  declare readonly fulfillmentError: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When making its licenses was given up, because it failed time and again. What is made stays; `fulfillOrder` goes on with the rest.',
  })
  declare readonly fulfillmentStoppedAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When its licenses were made.' })
  declare readonly fulfilledAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: OrderConnection, ConnectionResolver: OrderConnectionResolver } = connectionOf(
  () => LicenseOrder,
  'LicenseOrder',
  'orders',
);

@InputType({ description: 'Which orders to list.' })
export class OrderFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this customer.' })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that this reseller sold.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this template.' })
  declare readonly templateId?: TemplateId | null;

  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: 'Only those whose number contains this text.' })
  declare readonly number?: string | null;

  @Checked(listOf(4))
  @Field(() => [OrderStatusEnum], { nullable: true, description: 'Only those of these statuses.' })
  declare readonly status?: readonly OrderStatus[] | null;

  @Checked(listOf(5))
  @Field(() => [PaymentStatusEnum], { nullable: true, description: 'Only those of these payment statuses.' })
  declare readonly paymentStatus?: readonly PaymentStatus[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those made at this instant or later.' })
  declare readonly createdFrom?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those made before this instant.' })
  declare readonly createdTo?: Instant | null;
}

export const OrderSortFieldEnum = enumOf<OrderSortField>('OrderSortField', 'What orders are listed by.', {
  CREATED_AT: 'When they were made.',
  ORDER_NUMBER: 'Their number.',
});

@InputType({ description: 'The order of a list of orders.' })
export class OrderSort {
  @Field(() => OrderSortFieldEnum, { description: 'What to order by.' })
  declare readonly field: OrderSortField;

  @Field(() => SortDirectionEnum, { defaultValue: 'ASC', description: 'Which end comes first.' })
  declare readonly direction: 'ASC' | 'DESC';
}
