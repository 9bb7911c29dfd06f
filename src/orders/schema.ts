import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { PaymentStatus } from '../billing/model/invoice.js';
import { PaymentStatusEnum } from '../billing/schema/enums.js';
import { listOf, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId } from '../core/id.js';
import { Checked } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime, DecimalAmount } from '../graph/scalars.js';
import type { FulfillmentMethod, OrderStatus } from './model.js';

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

  @Field(() => Int, { description: 'How many licenses.' })
  declare readonly quantity: number;

  @Field(() => Int, { nullable: true, description: "Days instead of the template's." })
  declare readonly durationOverride: number | null;

  @Field(() => String, { nullable: true, description: 'What else the buyer asked for.' })
  declare readonly specialInstructions: string | null;

  @Field(() => OrderStatusEnum, { description: 'How far it is.' })
  declare readonly status: OrderStatus;

  @Field(() => DecimalAmount, { description: 'What it costs in all.' })
  declare readonly totalAmount: string;

  @Field(() => DecimalAmount, { nullable: true, description: 'What was taken off.' })
  declare readonly discountApplied: string | null;

  @Field(() => String, { description: 'The ISO 4217 code of its amounts.' })
  declare readonly currency: string;

  @Field(() => PaymentStatusEnum, { description: 'How far its payment is.' })
  declare readonly paymentStatus: PaymentStatus;

  @Field(() => FulfillmentMethodEnum, { description: 'How its licenses are made.' })
  declare readonly fulfillmentMethod: FulfillmentMethod;

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

  @Checked(listOf(4))
  @Field(() => [OrderStatusEnum], { nullable: true, description: 'Only those of these statuses.' })
  declare readonly status?: readonly OrderStatus[] | null;

  @Checked(listOf(5))
  @Field(() => [PaymentStatusEnum], { nullable: true, description: 'Only those of these payment statuses.' })
  declare readonly paymentStatus?: readonly PaymentStatus[] | null;
}
