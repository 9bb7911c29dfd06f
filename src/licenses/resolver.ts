import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { customersById, resellersById } from '../access/queries.js';
import { Customer, Reseller } from '../access/schema.js';
import type { Customer as CustomerRow, Reseller as ResellerRow } from '../access/table.js';
import { eventsByLicense } from '../audit/queries.js';
import { EventConnection } from '../audit/schema.js';
import type { Instant } from '../core/clock.js';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { DateTime } from '../graph/scalars.js';
import { productsById, templatesById, templateVersionsByKey, versionKey } from '../templates/queries.js';
import { LicenseTemplate, Product } from '../templates/schema/types.js';
import type { Product as ProductRow, Template } from '../templates/table.js';
import { graceEnd, standingAt } from './model.js';
import {
  findLicenseByKey,
  licensesByCustomer,
  licensesById,
  licensesByProduct,
  licensesByReseller,
  licensesByTemplate,
  licensesPage,
} from './queries.js';
import * as inputs from './schema/inputs.js';
import * as payloads from './schema/payloads.js';
import * as shapes from './schema/types.js';
import { createLicense } from './service/createLicense.js';
import { issueLicense } from './service/issueLicense.js';
import { reinstateLicense } from './service/reinstateLicense.js';
import { renewLicense } from './service/renewLicense.js';
import { revealLicenseKey } from './service/revealLicenseKey.js';
import { revokeLicense } from './service/revokeLicense.js';
import { suspendLicense } from './service/suspendLicense.js';
import { transferLicense } from './service/transferLicense.js';
import { updateLicense } from './service/updateLicense.js';

import type { License } from './table.js';

@Edge(
  'customer',
  () => Customer,
  customersById,
  (license: License) => license.customerId,
  {
    permission: 'customer.read',
    nullable: true,
    description: 'The customer who holds it; null for a license of the whole tenant.',
  },
)
@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (license: License) => license.resellerId,
  {
    permission: 'reseller.read',
    nullable: true,
    description: 'The reseller who sold it.',
  },
)
@Edge(
  'template',
  () => LicenseTemplate,
  templatesById,
  (license: License) => license.templateId,
  {
    permission: 'template.read',
    nullable: true,
    description: 'The template that it was made from.',
  },
)
@Edge(
  'templateAsIssued',
  () => LicenseTemplate,
  templateVersionsByKey,
  ({ templateId, templateVersion }: License) =>
    templateId === null || templateVersion === null ? null : versionKey(templateId, templateVersion),
  {
    permission: 'template.read',
    nullable: true,
    description:
      'What the template said when the license was made from it or upgraded to it; null where that is not on record.',
  },
)
@Edge(
  'product',
  () => Product,
  productsById,
  (license: License) => license.productId,
  {
    permission: 'product.read',
    description: 'The product that is licensed.',
  },
)
@ListEdge(
  'events',
  () => EventConnection,
  eventsByLicense,
  (license: License) => license.id,
  {
    permission: 'event.read',
    description: 'What happened to it and to its activations, the newest first.',
  },
)
@Resolver(() => shapes.License)
export class LicenseEdges {
  @FieldResolver(() => shapes.LicenseStatusEnum, {
    description: 'What it is at this moment, computed from its dates.',
  })
  status(@Root() license: License, @Ctx() ctx: Context) {
    return standingAt(license, ctx.now).status;
  }

  @FieldResolver(() => Boolean, { description: 'Whether it has expired and is honoured all the same.' })
  inGrace(@Root() license: License, @Ctx() ctx: Context): boolean {
    return standingAt(license, ctx.now).inGrace;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'When it stops being honoured after its expiry.',
  })
  graceEndsAt(@Root() license: License): Instant | null {
    return graceEnd(license);
  }

  @FieldResolver(() => String, { nullable: true, description: 'Why it is suspended.' })
  suspensionReason(@Root() license: License, @Ctx() ctx: Context): string | null {
    return standingAt(license, ctx.now).suspensionReason;
  }
}

const licensesEdge = { permission: 'license.read' } as const;

@ListEdge(
  'licenses',
  () => shapes.LicenseConnection,
  licensesByCustomer,
  (customer: CustomerRow) => customer.id,
  {
    ...licensesEdge,
    description: 'The licenses that it holds, the newest first.',
  },
)
@Resolver(() => Customer)
export class CustomerLicenseEdges {}

@ListEdge(
  'licenses',
  () => shapes.LicenseConnection,
  licensesByReseller,
  (reseller: ResellerRow) => reseller.id,
  {
    ...licensesEdge,
    description: 'The licenses that it sold, the newest first.',
  },
)
@Resolver(() => Reseller)
export class ResellerLicenseEdges {}

@ListEdge(
  'licenses',
  () => shapes.LicenseConnection,
  licensesByTemplate,
  (template: Template) => template.id,
  {
    ...licensesEdge,
    description: 'The licenses made from it, the newest first.',
  },
)
@Resolver(() => LicenseTemplate)
export class TemplateLicenseEdges {}

@ListEdge(
  'licenses',
  () => shapes.LicenseConnection,
  licensesByProduct,
  (product: ProductRow) => product.id,
  {
    ...licensesEdge,
    description: 'The licenses of it, the newest first.',
  },
)
@Resolver(() => Product)
export class ProductLicenseEdges {}

@Resolver()
export class LicenseQueries {
  @Authorized('license.read')
  @Query(() => shapes.License, {
    nullable: true,
    description: 'One license; null if there is none with this id.',
  })
  license(@Arg('id', () => ID, { description: "The license's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(licensesById, id);
  }

  @Authorized('license.read')
  @Query(() => shapes.License, {
    nullable: true,
    description: 'The license with this key; null if the caller sees none.',
  })
  async licenseByKey(
    @Arg('licenseKey', () => String, { description: 'The full key, in any case, with or without dashes.' })
    input: string,
    @Ctx() ctx: Context,
  ) {
    return findLicenseByKey(await ctx.reading(), input);
  }

  @Authorized('license.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.LicenseConnection, {
    description: 'Licenses, the newest first unless sorted otherwise.',
  })
  async licenses(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => inputs.LicenseFilter, { nullable: true, description: 'Which ones.' })
    filter: inputs.LicenseFilter | null,
    @Arg('sort', () => inputs.LicenseSort, { nullable: true, description: 'In which order.' })
    sort: inputs.LicenseSort | null,
    @Ctx() ctx: Context,
  ): Promise<Page<License>> {
    return licensesPage(await ctx.reading(), filter ?? {}, sort ?? null, page);
  }
}

@Resolver()
export class LicenseMutations {
  @Authorized('license.create')
  @Mutation(() => payloads.CreateLicensePayload, {
    nullable: true,
    description: 'Creates a license without a template.',
  })
  createLicense(
    @Arg('input', () => inputs.CreateLicenseInput, { description: 'The license.' })
    input: inputs.CreateLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return createLicense(work, input);
  }

  @Authorized('license.issue')
  @Mutation(() => payloads.IssueLicensePayload, {
    nullable: true,
    description: 'Issues a license from a template.',
  })
  async issueLicense(
    @Arg('input', () => inputs.IssueLicenseInput, { description: 'From what and to whom.' })
    input: inputs.IssueLicenseInput,
    @CurrentWork() work: Work,
  ) {
    const { license, licenseKey } = await issueLicense(work, input);
    return { ...license, licenseId: license.id, licenseKey, license };
  }

  @Authorized('license.update')
  @Mutation(() => payloads.UpdateLicensePayload, {
    nullable: true,
    description: 'Changes a license, switches it off or on.',
  })
  async updateLicense(
    @Arg('input', () => inputs.UpdateLicenseInput, { description: 'The changes.' })
    input: inputs.UpdateLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await updateLicense(work, input) };
  }

  @Authorized('license.renew')
  @Mutation(() => payloads.RenewLicensePayload, {
    nullable: true,
    description:
      'Adds calendar months to the expiry while the license runs or is in grace, otherwise to now. A perpetual license has its maintenance renewed.',
  })
  async renewLicense(
    @Arg('input', () => inputs.RenewLicenseInput, { description: 'For how long.' })
    input: inputs.RenewLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await renewLicense(work, input) };
  }

  @Authorized('license.suspend')
  @Mutation(() => payloads.SuspendLicensePayload, {
    nullable: true,
    description: 'Suspends a license. Its devices keep their seats and come back with reinstatement.',
  })
  async suspendLicense(
    @Arg('input', () => inputs.SuspendLicenseInput, { description: 'Which and why.' })
    input: inputs.SuspendLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await suspendLicense(work, input) };
  }

  @Authorized('license.reinstate')
  @Mutation(() => payloads.ReinstateLicensePayload, {
    nullable: true,
    description: 'Takes a license back to what it was before its suspension.',
  })
  async reinstateLicense(
    @Arg('input', () => inputs.ReinstateLicenseInput, { description: 'Which.' })
    input: inputs.ReinstateLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await reinstateLicense(work, input) };
  }

  @Authorized('license.revoke')
  @Mutation(() => payloads.RevokeLicensePayload, {
    nullable: true,
    description: 'Revokes a license for good and deactivates its devices.',
  })
  async revokeLicense(
    @Arg('input', () => inputs.RevokeLicenseInput, { description: 'Which and why.' })
    input: inputs.RevokeLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await revokeLicense(work, input) };
  }

  @Authorized('license.transfer')
  @Mutation(() => payloads.TransferLicensePayload, {
    nullable: true,
    description: 'Moves a license to another customer, with its history.',
  })
  async transferLicense(
    @Arg('input', () => inputs.TransferLicenseInput, { description: 'To whom.' })
    input: inputs.TransferLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await transferLicense(work, input) };
  }

  @Authorized('license.reveal_key')
  @Mutation(() => payloads.RevealLicenseKeyPayload, {
    nullable: true,
    description: 'Shows a full license key. Every look is recorded in the audit trail.',
  })
  revealLicenseKey(
    @Arg('input', () => inputs.RevealLicenseKeyInput, { description: 'Which.' })
    input: inputs.RevealLicenseKeyInput,
    @CurrentWork() work: Work,
  ) {
    return revealLicenseKey(work, input.licenseId);
  }
}
