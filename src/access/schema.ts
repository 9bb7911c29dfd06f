import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { mailAddress, text, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { ApiKeyId, CustomerId, ResellerId } from '../core/id.js';
import { Checked, NotNull } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime } from '../graph/scalars.js';
import { type Language, language, line, postalAddress, timeZone } from './model/settings.js';
import type { PartyStatus } from './model.js';

export const PartyStatusEnum = enumOf<PartyStatus>(
  'PartyStatus',
  'Whether a customer or reseller takes part.',
  {
    ACTIVE: 'Takes part.',
    INACTIVE: 'Is switched off: keeps what it has and receives nothing new.',
  },
);

@ObjectType({ description: 'An isolated workspace of a vendor.', simpleResolvers: true })
export class Tenant {
  @Field(() => ID, { description: "The tenant's code." })
  declare readonly id: string;

  @Field(() => String, { description: "The tenant's name." })
  declare readonly name: string;

  @Field(() => DateTime, { description: 'When the tenant was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When the tenant was last changed.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({ description: 'Who is asking, as the server understood the token.', simpleResolvers: true })
export class Viewer {
  @Field(() => String, { description: 'What kind of caller it is: `user` or `service`.' })
  declare readonly kind: string;

  @Field(() => String, { description: "The token's subject; for an API key `api_key:` and its id." })
  declare readonly subject: string;

  @Field(() => ID, { nullable: true, description: 'The API key that the caller came with, if it was one.' })
  declare readonly apiKeyId: ApiKeyId | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When the token or API key ends, and every socket that was opened with it; null if it does not.',
  })
  declare readonly expiresAt: Instant | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The customer whose part of the tenant the caller sees, if bound to one.',
  })
  declare readonly customerId: CustomerId | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The reseller whose sales the caller sees, if bound to one.',
  })
  declare readonly resellerId: ResellerId | null;

  @Field(() => [String], { description: 'What the caller may do, in alphabetical order.' })
  declare readonly permissions: readonly string[];
}

@ObjectType({ description: 'Somebody who holds licenses.', simpleResolvers: true })
export class Customer {
  @Field(() => ID, { description: "The customer's id." })
  declare readonly id: string;

  @Field(() => String, {
    description: "The customer's name; licenses are issued to it unless another is given.",
  })
  declare readonly name: string;

  @Field(() => String, { nullable: true, description: 'Where mail about licenses goes.' })
  declare readonly email: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The customer's number in the vendor's other systems.",
  })
  declare readonly externalId: string | null;

  @Field(() => PartyStatusEnum, { description: 'Whether the customer takes part.' })
  declare readonly status: PartyStatus;

  @Field(() => String, {
    nullable: true,
    description: "The language in which it is written to: en, de, fr or es; null is the tenant's.",
  })
  declare readonly language: Language | null;

  @Field(() => String, {
    nullable: true,
    description: "The IANA time zone of the dates it is told; null is the tenant's.",
  })
  declare readonly timeZone: string | null;

  @Field(() => Boolean, { description: 'Whether it is reminded by mail of licenses that expire.' })
  declare readonly receivesReminders: boolean;

  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress: string | null;

  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId: string | null;

  @Field(() => DateTime, { description: 'When the customer was added.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When the customer was last changed.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({ description: 'Somebody who sells licenses for the vendor.', simpleResolvers: true })
export class Reseller {
  @Field(() => ID, { description: "The reseller's id." })
  declare readonly id: string;

  @Field(() => String, { description: "The reseller's name." })
  declare readonly name: string;

  @Field(() => String, { nullable: true, description: "The reseller's mail address." })
  declare readonly email: string | null;

  @Field(() => PartyStatusEnum, { description: 'Whether the reseller takes part.' })
  declare readonly status: PartyStatus;

  @Field(() => String, {
    nullable: true,
    description:
      "The language that it reads: en, de, fr or es; null is the tenant's. For whoever writes to it: mail about licenses goes to customers.",
  })
  declare readonly language: Language | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The IANA time zone that it lives by; null is the tenant's. For whoever writes to it: mail about licenses goes to customers.",
  })
  declare readonly timeZone: string | null;

  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress: string | null;

  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId: string | null;

  @Field(() => DateTime, { description: 'When the reseller was added.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When the reseller was last changed.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: TenantConnection, ConnectionResolver: TenantConnectionResolver } = connectionOf(
  () => Tenant,
  'Tenant',
  'tenants',
);
export const { Connection: CustomerConnection, ConnectionResolver: CustomerConnectionResolver } =
  connectionOf(() => Customer, 'Customer', 'customers');
export const { Connection: ResellerConnection, ConnectionResolver: ResellerConnectionResolver } =
  connectionOf(() => Reseller, 'Reseller', 'resellers');

@InputType({ description: 'Which customers or resellers to list.' })
export class PartyFilter {
  @Field(() => PartyStatusEnum, { nullable: true, description: 'Only those of this status.' })
  declare readonly status?: PartyStatus | null;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: 'Only those whose name, or mail address, contains this text.',
  })
  declare readonly search?: string | null;
}

@InputType({ description: 'Which tenants to list.' })
export class TenantFilter {
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those whose name or code contains this text.' })
  declare readonly search?: string | null;
}

@InputType({ description: 'A new customer.' })
export class CreateCustomerInput {
  @Checked(text(1, 255))
  @Field(() => String, { description: "The customer's name." })
  declare readonly name: string;

  @Checked(mailAddress)
  @Field(() => String, { nullable: true, description: 'Where mail about licenses goes.' })
  declare readonly email?: string | null;

  @Checked(language)
  @Field(() => String, {
    nullable: true,
    description: "The language in which it is written to: en, de, fr or es; null is the tenant's.",
  })
  declare readonly language?: Language | null;

  @Checked(timeZone)
  @Field(() => String, {
    nullable: true,
    description: "The IANA time zone of the dates it is told, as Europe/Berlin; null is the tenant's.",
  })
  declare readonly timeZone?: string | null;

  @Checked(postalAddress)
  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress?: string | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId?: string | null;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it is reminded by mail of licenses that expire.',
  })
  declare readonly receivesReminders?: boolean;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: "The customer's number in the vendor's other systems; unique.",
  })
  declare readonly externalId?: string | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'The reseller through whom the customer came.' })
  declare readonly resellerId?: ResellerId | null;
}

@InputType({ description: 'Changes to a customer; what is left out stays as it is.' })
export class UpdateCustomerInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The customer to change.' })
  declare readonly customerId: CustomerId;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'A new name.' })
  declare readonly name?: string;

  @Checked(mailAddress)
  @Field(() => String, { nullable: true, description: 'A new mail address; null removes it.' })
  declare readonly email?: string | null;

  @Checked(language)
  @Field(() => String, {
    nullable: true,
    description: "The language in which it is written to: en, de, fr or es; null is the tenant's.",
  })
  declare readonly language?: Language | null;

  @Checked(timeZone)
  @Field(() => String, {
    nullable: true,
    description: "The IANA time zone of the dates it is told, as Europe/Berlin; null is the tenant's.",
  })
  declare readonly timeZone?: string | null;

  @Checked(postalAddress)
  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress?: string | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId?: string | null;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it is reminded by mail of licenses that expire.',
  })
  declare readonly receivesReminders?: boolean;

  @NotNull()
  @Field(() => PartyStatusEnum, { nullable: true, description: 'Switches the customer off or on.' })
  declare readonly status?: PartyStatus;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Another reseller; null removes it.' })
  declare readonly resellerId?: ResellerId | null;
}

@InputType({ description: 'A new reseller.' })
export class CreateResellerInput {
  @Checked(text(1, 255))
  @Field(() => String, { description: "The reseller's name." })
  declare readonly name: string;

  @Checked(mailAddress)
  @Field(() => String, { nullable: true, description: "The reseller's mail address." })
  declare readonly email?: string | null;

  @Checked(language)
  @Field(() => String, {
    nullable: true,
    description:
      "The language that it reads: en, de, fr or es; null is the tenant's. For whoever writes to it: mail about licenses goes to customers.",
  })
  declare readonly language?: Language | null;

  @Checked(timeZone)
  @Field(() => String, {
    nullable: true,
    description: "The IANA time zone that it lives by, as Europe/Berlin; null is the tenant's.",
  })
  declare readonly timeZone?: string | null;

  @Checked(postalAddress)
  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress?: string | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId?: string | null;
}

@InputType({ description: 'Changes to a reseller; what is left out stays as it is.' })
export class UpdateResellerInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The reseller to change.' })
  declare readonly resellerId: ResellerId;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'A new name.' })
  declare readonly name?: string;

  @Checked(mailAddress)
  @Field(() => String, { nullable: true, description: 'A new mail address; null removes it.' })
  declare readonly email?: string | null;

  @Checked(language)
  @Field(() => String, {
    nullable: true,
    description:
      "The language that it reads: en, de, fr or es; null is the tenant's. For whoever writes to it: mail about licenses goes to customers.",
  })
  declare readonly language?: Language | null;

  @Checked(timeZone)
  @Field(() => String, {
    nullable: true,
    description: "The IANA time zone that it lives by, as Europe/Berlin; null is the tenant's.",
  })
  declare readonly timeZone?: string | null;

  @Checked(postalAddress)
  @Field(() => String, { nullable: true, description: 'Its address on invoices, in some lines.' })
  declare readonly billingAddress?: string | null;

  @Checked(line(50))
  @Field(() => String, { nullable: true, description: 'Its tax number, as on invoices.' })
  declare readonly taxId?: string | null;

  @NotNull()
  @Field(() => PartyStatusEnum, { nullable: true, description: 'Switches the reseller off or on.' })
  declare readonly status?: PartyStatus;
}

@ObjectType({ description: 'The answer of `createCustomer`.', simpleResolvers: true })
export class CreateCustomerPayload {
  @Field(() => Customer, { description: 'The new customer.' })
  declare readonly customer: Customer;
}

@ObjectType({ description: 'The answer of `updateCustomer`.', simpleResolvers: true })
export class UpdateCustomerPayload {
  @Field(() => Customer, { description: 'The customer after the change.' })
  declare readonly customer: Customer;
}

@ObjectType({ description: 'The answer of `createReseller`.', simpleResolvers: true })
export class CreateResellerPayload {
  @Field(() => Reseller, { description: 'The new reseller.' })
  declare readonly reseller: Reseller;
}

@ObjectType({ description: 'The answer of `updateReseller`.', simpleResolvers: true })
export class UpdateResellerPayload {
  @Field(() => Reseller, { description: 'The reseller after the change.' })
  declare readonly reseller: Reseller;
}
