import { Field, InputType, Int, ObjectType } from 'type-graphql';
import { integer, listOf, mailAddress } from '../../core/check.js';
import type { Amount } from '../../core/money.js';
import { Checked } from '../../graph/checked.js';
import { DecimalAmount } from '../../graph/scalars.js';
import {
  color,
  type Language,
  language,
  line,
  link,
  MOST_TAXES,
  postalAddress,
  taxPercentage,
  timeZone,
} from '../model/settings.js';

@ObjectType({
  description: 'How the tenant looks and is reached, in its mail and portal.',
  simpleResolvers: true,
})
export class Branding {
  @Field(() => String, {
    nullable: true,
    description: "The name under which people know the company; the tenant's name unless set.",
  })
  declare readonly companyName: string | null;

  @Field(() => String, { nullable: true, description: "The company's address, in some lines." })
  declare readonly companyAddress: string | null;

  @Field(() => String, { nullable: true, description: 'Where the logo is, as an image.' })
  declare readonly logoUrl: string | null;

  @Field(() => String, { nullable: true, description: 'The color of buttons and headings, as `#1f4e8c`.' })
  declare readonly primaryColor: string | null;

  @Field(() => String, { nullable: true, description: 'Where customers see their licenses.' })
  declare readonly portalUrl: string | null;

  @Field(() => String, { nullable: true, description: 'Where customers read how to activate.' })
  declare readonly activationUrl: string | null;

  @Field(() => String, { nullable: true, description: 'Where the terms are.' })
  declare readonly termsUrl: string | null;

  @Field(() => String, { nullable: true, description: "The support's mail address." })
  declare readonly supportEmail: string | null;

  @Field(() => String, { nullable: true, description: "The support's telephone number." })
  declare readonly supportPhone: string | null;
}

@InputType({
  description:
    'Changes: how the tenant looks and is reached, in its mail and portal. What is left out stays, null resets.',
})
export class BrandingInput {
  @Checked(line(255))
  @Field(() => String, {
    nullable: true,
    description: "The name under which people know the company; the tenant's name unless set.",
  })
  declare readonly companyName?: string | null;

  @Checked(postalAddress)
  @Field(() => String, { nullable: true, description: "The company's address, in some lines." })
  declare readonly companyAddress?: string | null;

  @Checked(link)
  @Field(() => String, { nullable: true, description: 'Where the logo is, as an image.' })
  declare readonly logoUrl?: string | null;

  @Checked(color)
  @Field(() => String, { nullable: true, description: 'The color of buttons and headings, as `#1f4e8c`.' })
  declare readonly primaryColor?: string | null;

  @Checked(link)
  @Field(() => String, { nullable: true, description: 'Where customers see their licenses.' })
  declare readonly portalUrl?: string | null;

  @Checked(link)
  @Field(() => String, { nullable: true, description: 'Where customers read how to activate.' })
  declare readonly activationUrl?: string | null;

  @Checked(link)
  @Field(() => String, { nullable: true, description: 'Where the terms are.' })
  declare readonly termsUrl?: string | null;

  @Checked(mailAddress)
  @Field(() => String, { nullable: true, description: "The support's mail address." })
  declare readonly supportEmail?: string | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: "The support's telephone number." })
  declare readonly supportPhone?: string | null;
}

@ObjectType({ description: 'From whom mail comes, and where answers go.', simpleResolvers: true })
export class MailSettings {
  @Field(() => String, {
    nullable: true,
    description: "The name that mail comes from; the company's name unless set.",
  })
  declare readonly fromName: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The address that mail comes from; the deployment's unless set. Its domain has to let the deployment's mail server send.",
  })
  declare readonly fromAddress: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where answers to mail go; the support address unless set.',
  })
  declare readonly replyTo: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Where mail goes that concerns the vendor's own people; the support address unless set.",
  })
  declare readonly staffAddress: string | null;

  @Field(() => Boolean, {
    description: 'Whether customers are reminded of licenses that expire; yes unless set.',
  })
  declare readonly sendsReminders: boolean;
}

@InputType({
  description: 'Changes: from whom mail comes, and where answers go. What is left out stays, null resets.',
})
export class MailSettingsInput {
  @Checked(line(100))
  @Field(() => String, {
    nullable: true,
    description: "The name that mail comes from; the company's name unless set.",
  })
  declare readonly fromName?: string | null;

  @Checked(mailAddress)
  @Field(() => String, {
    nullable: true,
    description:
      "The address that mail comes from; the deployment's unless set. Its domain has to let the deployment's mail server send.",
  })
  declare readonly fromAddress?: string | null;

  @Checked(mailAddress)
  @Field(() => String, {
    nullable: true,
    description: 'Where answers to mail go; the support address unless set.',
  })
  declare readonly replyTo?: string | null;

  @Checked(mailAddress)
  @Field(() => String, {
    nullable: true,
    description: "Where mail goes that concerns the vendor's own people; the support address unless set.",
  })
  declare readonly staffAddress?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether customers are reminded of licenses that expire; yes unless set.',
  })
  declare readonly sendsReminders?: boolean | null;
}

@ObjectType({ description: 'How long what is known is kept.', simpleResolvers: true })
export class Retention {
  @Field(() => Int, {
    nullable: true,
    description:
      "For how many days addresses and places of devices are kept; the deployment's number unless set.",
  })
  declare readonly personalDataDays: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'For how many days events of the audit trail are kept; for good unless set.',
  })
  declare readonly eventDays: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "For how many days deliveries of webhooks are kept; the deployment's number unless set.",
  })
  declare readonly webhookDeliveryDays: number | null;
}

@InputType({ description: 'Changes: how long what is known is kept. What is left out stays, null resets.' })
export class RetentionInput {
  @Checked(integer(1, 36_500))
  @Field(() => Int, {
    nullable: true,
    description:
      "For how many days addresses and places of devices are kept; the deployment's number unless set.",
  })
  declare readonly personalDataDays?: number | null;

  @Checked(integer(30, 36_500))
  @Field(() => Int, {
    nullable: true,
    description: 'For how many days events of the audit trail are kept; for good unless set.',
  })
  declare readonly eventDays?: number | null;

  @Checked(integer(1, 3_650))
  @Field(() => Int, {
    nullable: true,
    description: "For how many days deliveries of webhooks are kept; the deployment's number unless set.",
  })
  declare readonly webhookDeliveryDays?: number | null;
}

@ObjectType({ description: 'A tax that is added to what is sold.', simpleResolvers: true })
export class TaxSetting {
  @Field(() => String, { description: 'How it is called on an invoice: VAT.' })
  declare readonly name: string;

  @Field(() => DecimalAmount, { description: 'How much of the price it is, in per cent.' })
  declare readonly percentage: Amount;
}

@InputType({ description: 'A tax that is added to what is sold.' })
export class TaxSettingInput {
  @Checked(line(50))
  @Field(() => String, { description: 'How it is called on an invoice: VAT.' })
  declare readonly name: string;

  @Checked(taxPercentage)
  @Field(() => DecimalAmount, { description: 'How much of the price it is, in per cent, 0 to 100.' })
  declare readonly percentage: Amount;
}

@ObjectType({ description: 'What stands on invoices, and until when they are paid.', simpleResolvers: true })
export class InvoiceSettings {
  @Field(() => Int, { description: 'For how many days an invoice is open; 30 unless set.' })
  declare readonly dueDays: number;

  @Field(() => String, { nullable: true, description: "The seller's tax number." })
  declare readonly taxId: string | null;

  @Field(() => [TaxSetting], { description: 'The taxes of orders and renewals that name none of their own.' })
  declare readonly taxes: readonly TaxSetting[];
}

@InputType({
  description:
    'Changes: what stands on invoices, and until when they are paid. What is left out stays, null resets. Invoices that were made stay as they are.',
})
export class InvoiceSettingsInput {
  @Checked(integer(0, 365))
  @Field(() => Int, { nullable: true, description: 'For how many days an invoice is open; 30 unless set.' })
  declare readonly dueDays?: number | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: "The seller's tax number." })
  declare readonly taxId?: string | null;

  @Checked(listOf(MOST_TAXES))
  @Field(() => [TaxSettingInput], {
    nullable: true,
    description: `The taxes of orders and renewals that name none of their own, ${MOST_TAXES} at the most.`,
  })
  declare readonly taxes?: readonly TaxSettingInput[] | null;
}

@ObjectType({ description: 'What a tenant has set for itself.', simpleResolvers: true })
export class TenantSettings {
  @Field(() => Branding, { description: 'How the tenant looks and is reached.' })
  declare readonly branding: Branding;

  @Field(() => MailSettings, { description: 'From whom its mail comes.' })
  declare readonly mail: MailSettings;

  @Field(() => String, { description: 'The language of its mail: en, de, fr or es; en unless set.' })
  declare readonly language: Language;

  @Field(() => String, { description: 'The IANA time zone of its dates; UTC unless set.' })
  declare readonly timeZone: string;

  @Field(() => Retention, { description: 'How long what is known is kept.' })
  declare readonly retention: Retention;

  @Field(() => InvoiceSettings, { description: 'What stands on its invoices, and until when they are paid.' })
  declare readonly invoices: InvoiceSettings;

  @Field(() => Boolean, {
    description:
      'Whether an order has to be approved by another person than ordered it; no unless set. An API key is the person who made it.',
  })
  declare readonly fourEyes: boolean;
}

@InputType({
  description: 'Changes to the settings; what is left out stays as it is, null takes it back to its default.',
})
export class UpdateTenantSettingsInput {
  @Field(() => BrandingInput, {
    nullable: true,
    description: 'How the tenant looks and is reached; null resets all of it.',
  })
  declare readonly branding?: BrandingInput | null;

  @Field(() => MailSettingsInput, {
    nullable: true,
    description: 'From whom its mail comes; null resets all of it.',
  })
  declare readonly mail?: MailSettingsInput | null;

  @Checked(language)
  @Field(() => String, { nullable: true, description: 'The language of its mail: en, de, fr or es.' })
  declare readonly language?: Language | null;

  @Checked(timeZone)
  @Field(() => String, { nullable: true, description: 'The IANA time zone of its dates, as Europe/Berlin.' })
  declare readonly timeZone?: string | null;

  @Field(() => RetentionInput, {
    nullable: true,
    description: 'How long what is known is kept; null resets all of it.',
  })
  declare readonly retention?: RetentionInput | null;

  @Field(() => InvoiceSettingsInput, {
    nullable: true,
    description: 'What stands on its invoices, and until when they are paid; null resets all of it.',
  })
  declare readonly invoices?: InvoiceSettingsInput | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether an order has to be approved by another person than ordered it; orders that were made while it was on keep to it.',
  })
  declare readonly fourEyes?: boolean | null;
}

@ObjectType({ description: 'The answer of `updateTenantSettings`.', simpleResolvers: true })
export class UpdateTenantSettingsPayload {
  @Field(() => TenantSettings, { description: 'The settings after the change.' })
  declare readonly settings: TenantSettings;
}
