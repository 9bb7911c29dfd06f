import { Arg, Args, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { eventsEdge } from '../audit/resolver.js';
import { code, integer } from '../core/check.js';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge, ListEdge } from '../graph/edge.js';
import {
  productsById,
  productsPage,
  templatesById,
  templatesByProduct,
  templatesPage,
  templateVersionsByKey,
  versionKey,
  versionsByProduct,
} from './queries.js';
import {
  CreateProductInput,
  CreateTemplateInput,
  DuplicateTemplateInput,
  ProductFilter,
  TemplateFilter,
  UpdateProductInput,
  UpdateTemplateInput,
} from './schema/inputs.js';
import {
  CreateProductPayload,
  CreateTemplatePayload,
  DuplicateTemplatePayload,
  UpdateProductPayload,
  UpdateTemplatePayload,
} from './schema/payloads.js';
import {
  LicenseTemplate,
  Product,
  ProductConnection,
  ProductRelease,
  TemplateConnection,
} from './schema/types.js';
import {
  createProduct,
  createTemplate,
  duplicateTemplate,
  updateProduct,
  updateTemplate,
} from './service.js';
import type { Product as ProductRow, Template } from './table.js';

@Edge(
  'product',
  () => Product,
  productsById,
  (template: Template) => template.productId,
  {
    permission: 'product.read',
    description: 'The product that is licensed.',
  },
)
@eventsEdge
@Resolver(() => LicenseTemplate)
export class TemplateEdges {}

@ListEdge(
  'templates',
  () => TemplateConnection,
  templatesByProduct,
  (product: ProductRow) => product.id,
  {
    permission: 'template.read',
    description: 'The templates that sell it, the newest first.',
  },
)
@eventsEdge
@Resolver(() => Product)
export class ProductEdges {
  @Authorized('product.read')
  @FieldResolver(() => [ProductRelease], {
    description: 'Versions whose release is on record, the newest first.',
  })
  releases(@Root() product: ProductRow, @Ctx() ctx: Context) {
    return ctx.load(versionsByProduct, product.id);
  }
}

@Resolver()
export class TemplateResolver {
  @Authorized('product.read')
  @CheckedArguments({ id: code })
  @Query(() => Product, { nullable: true, description: 'One product; null if there is none with this code.' })
  product(@Arg('id', () => ID, { description: "The product's code." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(productsById, id);
  }

  @Authorized('product.read')
  @CheckedArguments(pageChecks)
  @Query(() => ProductConnection, { description: 'Products by code.' })
  async products(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ProductFilter, { nullable: true, description: 'Which ones.' })
    filter: ProductFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<ProductRow>> {
    return productsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('template.read')
  @CheckedArguments({ version: integer(1, 2_147_483_647) })
  @Query(() => LicenseTemplate, {
    nullable: true,
    description: 'One template, as it is or as a version of it said; null if there is none.',
  })
  template(
    @Arg('id', () => ID, { description: "The template's id." }) id: string,
    @Arg('version', () => Int, { nullable: true, description: 'What this version said.' })
    version: number | null,
    @Ctx() ctx: Context,
  ) {
    return version ? ctx.load(templateVersionsByKey, versionKey(id, version)) : ctx.load(templatesById, id);
  }

  @Authorized('template.read')
  @CheckedArguments(pageChecks)
  @Query(() => TemplateConnection, { description: 'Templates, the newest first.' })
  async templates(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => TemplateFilter, { nullable: true, description: 'Which ones.' })
    filter: TemplateFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<Template>> {
    return templatesPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('product.create')
  @Mutation(() => CreateProductPayload, { nullable: true, description: 'Adds a product.' })
  async createProduct(
    @Arg('input', () => CreateProductInput, { description: 'The product.' }) input: CreateProductInput,
    @CurrentWork() work: Work,
  ): Promise<CreateProductPayload> {
    return { product: await createProduct(work, input) };
  }

  @Authorized('product.update')
  @Mutation(() => UpdateProductPayload, { nullable: true, description: 'Changes a product.' })
  async updateProduct(
    @Arg('input', () => UpdateProductInput, { description: 'The changes.' }) input: UpdateProductInput,
    @CurrentWork() work: Work,
  ): Promise<UpdateProductPayload> {
    return { product: await updateProduct(work, input) };
  }

  @Authorized('template.create')
  @Mutation(() => CreateTemplatePayload, { nullable: true, description: 'Adds a license template.' })
  async createTemplate(
    @Arg('input', () => CreateTemplateInput, { description: 'The template.' }) input: CreateTemplateInput,
    @CurrentWork() work: Work,
  ): Promise<CreateTemplatePayload> {
    return { template: await createTemplate(work, input) };
  }

  @Authorized('template.update')
  @Mutation(() => UpdateTemplatePayload, {
    nullable: true,
    description: 'Changes a template, or switches it off. Licenses that were made from it stay as they are.',
  })
  async updateTemplate(
    @Arg('input', () => UpdateTemplateInput, { description: 'The changes.' }) input: UpdateTemplateInput,
    @CurrentWork() work: Work,
  ): Promise<UpdateTemplatePayload> {
    return { template: await updateTemplate(work, input) };
  }

  @Authorized('template.create')
  @Mutation(() => DuplicateTemplatePayload, {
    nullable: true,
    description: 'Copies a template under a new name.',
  })
  async duplicateTemplate(
    @Arg('input', () => DuplicateTemplateInput, { description: 'What to copy.' })
    input: DuplicateTemplateInput,
    @CurrentWork() work: Work,
  ): Promise<DuplicateTemplatePayload> {
    return { template: await duplicateTemplate(work, input) };
  }
}
