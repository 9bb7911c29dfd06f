import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { line, MOST_TAXES } from '../../access/model/settings.js';
import { integer, listOf, text, uuid } from '../../core/check.js';
import type { Amount } from '../../core/money.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { DecimalAmount } from '../../graph/scalars.js';
import { LicenseFeature, LicenseRestriction } from '../../licenses/schema/types.js';
import type { BillingCycle } from '../../templates/model.js';
import { BillingCycleEnum, VolumeDiscount } from '../../templates/schema/types.js';
import { type FulfillmentMethod, MOST_LICENSES, MOST_RENEWALS } from '../model.js';
import { FulfillmentMethodEnum, LicenseOrder } from '../schema.js';

@InputType({ description: "What an order costs otherwise; what is left out is the template's." })
export class PricingOverrideInput {
  @NotNull()
  @Field(() => DecimalAmount, {
    nullable: true,
    description: 'The price of one license for one billing cycle.',
  })
  declare readonly basePrice?: Amount;

  @NotNull()
  @Field(() => String, { nullable: true, description: 'The ISO 4217 code: USD.' })
  declare readonly currency?: string;

  @NotNull()
  @Field(() => BillingCycleEnum, { nullable: true, description: 'How often the price is due.' })
  declare readonly billingCycle?: BillingCycle;

  @Field(() => DecimalAmount, {
    nullable: true,
    description: 'The price of each seat on top; null for none.',
  })
  declare readonly perSeatPrice?: Amount | null;

  @Field(() => DecimalAmount, { nullable: true, description: 'What is due once an order; null for none.' })
  declare readonly setupFee?: Amount | null;

  @Field(() => DecimalAmount, {
    nullable: true,
    description: 'Maintenance of a perpetual license in per cent of its price; null for none.',
  })
  declare readonly maintenancePercentage?: Amount | null;

  @NotNull()
  @Checked(listOf(50))
  @Field(() => [VolumeDiscount], { nullable: true, description: 'All the discounts by quantity anew.' })
  declare readonly volumeDiscounts?: readonly VolumeDiscount[];
}

@InputType({ description: 'A tax on what is bought.' })
export class TaxRateInput {
  @Checked(line(50))
  @Field(() => String, { description: 'What it is called on the invoice: VAT.' })
  declare readonly name: string;

  @Field(() => DecimalAmount, { description: 'Per cent, 0 to 100.' })
  declare readonly percentage: Amount;
}

@InputType({ description: 'An order.' })
export class CreateOrderInput {
  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description:
      'Who buys; a customer orders for itself, a reseller names one of its own. Left out by the vendor, the licenses are of the whole tenant.',
  })
  declare readonly customerId?: string | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: "Who sells; if none is named, the customer's own reseller while that one is switched on.",
  })
  declare readonly resellerId?: string | null;

  @Checked(uuid)
  @Field(() => ID, { description: 'What is bought.' })
  declare readonly templateId: string;

  @Checked(integer(1, MOST_LICENSES))
  @Field(() => Int, {
    nullable: true,
    description: `How many licenses, 1 to ${MOST_LICENSES}: one unless said otherwise. Of an order that renews, as many as it names.`,
  })
  declare readonly quantity?: number | null;

  @Checked(listOf(200))
  @Field(() => [LicenseFeature], {
    nullable: true,
    description:
      "Features that the licenses are to have otherwise than the template says: whether, how much, until when. Only configurable ones, unless the caller may override prices. Name, unit and period stay the template's.",
  })
  declare readonly customFeatures?: readonly LicenseFeature[] | null;

  @Checked(listOf(50))
  @Field(() => [LicenseRestriction], {
    nullable: true,
    description:
      'Restrictions that stand in place of those of their type and operator in the template. Only configurable ones, unless the caller may override prices.',
  })
  declare readonly customRestrictions?: readonly LicenseRestriction[] | null;

  @Checked(integer(1, 36_500))
  @Field(() => Int, { nullable: true, description: "For how many days, instead of the template's." })
  declare readonly durationOverride?: number | null;

  @Checked(integer(1, 60))
  @Field(() => Int, {
    nullable: true,
    description: "For how many calendar months, 1 to 60, instead of the template's days.",
  })
  declare readonly durationMonths?: number | null;

  @Field(() => PricingOverrideInput, {
    nullable: true,
    description: 'Another price than the template has. Needs the permission `order.override_price`.',
  })
  declare readonly pricingOverride?: PricingOverrideInput | null;

  @Checked(listOf(MOST_TAXES))
  @Field(() => [TaxRateInput], {
    nullable: true,
    description: `Taxes on it, ${MOST_TAXES} at the most, instead of those that the tenant has set; an empty list is none. Needs the permission \`order.override_price\`.`,
  })
  declare readonly taxes?: readonly TaxRateInput[] | null;

  @Checked(text(1, 5000))
  @Field(() => String, { nullable: true, description: 'What else the buyer asks for.' })
  declare readonly specialInstructions?: string | null;

  @Field(() => FulfillmentMethodEnum, { defaultValue: 'AUTO', description: 'How its licenses are made.' })
  declare readonly fulfillmentMethod: FulfillmentMethod;

  @Checked(listOf(MOST_RENEWALS))
  @Field(() => [ID], {
    nullable: true,
    description: `Licenses of this customer and template, at most ${MOST_RENEWALS}, that the order renews instead of making new ones.`,
  })
  declare readonly renewLicenseIds?: readonly string[] | null;
}

const notes = text(1, 2000);

@InputType({ description: 'The approval of an order.' })
export class ApproveOrderInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The order.' })
  declare readonly orderId: string;

  @Checked(notes)
  @Field(() => String, {
    nullable: true,
    description: 'What there is to say about it; the buyer is not told.',
  })
  declare readonly notes?: string | null;
}

@InputType({ description: 'That the licenses of an order be made.' })
export class FulfillOrderInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The order.' })
  declare readonly orderId: string;
}

@InputType({ description: 'The end of an order that has no licenses yet.' })
export class CancelOrderInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The order.' })
  declare readonly orderId: string;

  @Checked(notes)
  @Field(() => String, { description: 'Why; the buyer is told.' })
  declare readonly reason: string;
}

function orderPayload(act: string) {
  const name = `${act.charAt(0).toUpperCase()}${act.slice(1)}Payload`;
  @ObjectType(name, { description: `The answer of \`${act}\`.`, simpleResolvers: true })
  class OrderPayload {
    @Field(() => LicenseOrder, { description: 'The order after the act.' })
    declare readonly order: LicenseOrder;
  }
  return OrderPayload;
}

export const CreateOrderPayload = orderPayload('createOrder');
export const ApproveOrderPayload = orderPayload('approveOrder');
export const FulfillOrderPayload = orderPayload('fulfillOrder');
export const CancelOrderPayload = orderPayload('cancelOrder');
