import { and, eq } from 'drizzle-orm';
import { changesOf, requireWholeTenant } from '../access/service.js';
import { newId } from '../core/id.js';
import { type FieldProblem, invalidInput } from '../core/refusal.js';
import type { Work } from '../core/work.js';
import {
  codeTaken,
  featureProblems,
  type Pricing,
  pricingProblems,
  productInactive,
  productNotFound,
  restrictionProblems,
  type TemplateFeature,
  type TemplateRestriction,
  templateNotFound,
} from './model.js';
import { lockTemplate, productsById, shareProduct, templatesById } from './queries.js';
import type {
  CreateProductInput,
  CreateTemplateInput,
  DuplicateTemplateInput,
  UpdateProductInput,
  UpdateTemplateInput,
} from './schema/inputs.js';
import { licenseTemplates, type Product, products, type Template } from './table.js';

export async function createProduct(work: Work, input: CreateProductInput): Promise<Product> {
  requireWholeTenant(work, 'product.create');
  const [row] = await work.db
    .insert(products)
    .values({
      tenantId: work.tenantId,
      id: input.productId,
      name: input.name,
      description: input.description ?? '',
      version: input.version,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .onConflictDoNothing()
    .returning();
  if (row === undefined) throw codeTaken('input.productId', input.productId);
  await work.emit({ type: 'product.created', subjectId: row.id });
  return row;
}

export async function updateProduct(work: Work, input: UpdateProductInput): Promise<Product> {
  requireWholeTenant(work, 'product.update');
  const changes = changesOf(input, ['name', 'description', 'version', 'active']);
  const [row] = await work.db
    .update(products)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(products.tenantId, work.tenantId), eq(products.id, input.productId)))
    .returning();
  if (row === undefined) throw productNotFound(input.productId);
  await work.emit({ type: 'product.updated', subjectId: row.id, data: { changed: Object.keys(changes) } });
  return row;
}

interface TemplateParts {
  readonly features?: readonly TemplateFeature[];
  readonly restrictions?: readonly TemplateRestriction[];
  readonly pricing?: Pricing;
}

function requireSound(parts: TemplateParts): void {
  const restrictions = (parts.restrictions ?? []).map(({ restrictionType, defaultValues }) => ({
    restrictionType,
    values: defaultValues,
  }));
  const problems: FieldProblem[] = [
    ...featureProblems(parts.features ?? [], 'input.features'),
    ...restrictionProblems(restrictions, 'input.restrictions', 'defaultValues'),
    ...(parts.pricing === undefined ? [] : pricingProblems(parts.pricing, 'input.pricing')),
  ];
  if (problems.length > 0) throw invalidInput(problems);
}

/** A product of which a license is about to be made: it stays on sale until that is done. */
export async function requireOnSale(work: Work, id: string): Promise<Product> {
  const product = await shareProduct(work, id);
  if (product === undefined) throw productNotFound(id);
  if (!product.active) throw productInactive(id);
  return product;
}

async function requireProduct(work: Work, id: string): Promise<Product> {
  const product = (await productsById(work, [id])).get(id);
  if (product === undefined) throw productNotFound(id);
  return product;
}

type NewTemplate = Omit<
  typeof licenseTemplates.$inferInsert,
  'tenantId' | 'id' | 'createdAt' | 'updatedAt' | 'version'
>;

async function insertTemplate(work: Work, values: NewTemplate): Promise<Template> {
  const [row] = await work.db
    .insert(licenseTemplates)
    .values({
      ...values,
      tenantId: work.tenantId,
      id: newId<'Template'>(work.now),
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  await work.emit({ type: 'template.created', subjectId: row.id, data: { productId: row.productId } });
  return row;
}

export async function createTemplate(work: Work, input: CreateTemplateInput): Promise<Template> {
  requireWholeTenant(work, 'template.create');
  requireSound(input);
  await requireProduct(work, input.productId);
  return insertTemplate(work, { ...input });
}

/** Licenses copied what they were issued with, so that a change reaches none of them; `version` counts it. */
export async function updateTemplate(work: Work, input: UpdateTemplateInput): Promise<Template> {
  requireWholeTenant(work, 'template.update');
  const template = await lockTemplate(work, input.templateId);
  if (template === undefined) throw templateNotFound(input.templateId);
  const changes = changesOf(input, [
    'templateName',
    'description',
    'defaultDuration',
    'maxActivations',
    'features',
    'restrictions',
    'pricing',
    'autoRenewalEnabled',
    'trialAllowed',
    'trialDurationDays',
    'gracePeriodDays',
    'active',
  ]);
  requireSound(changes);
  const [row] = await work.db
    .update(licenseTemplates)
    .set({ ...changes, version: template.version + 1, updatedAt: work.now })
    .where(and(eq(licenseTemplates.tenantId, work.tenantId), eq(licenseTemplates.id, template.id)))
    .returning();
  if (row === undefined) throw templateNotFound(input.templateId);
  const data = { changed: Object.keys(changes), version: row.version };
  await work.emit({ type: 'template.updated', subjectId: row.id, data });
  return row;
}

export async function duplicateTemplate(work: Work, input: DuplicateTemplateInput): Promise<Template> {
  requireWholeTenant(work, 'template.create');
  const template = (await templatesById(work, [input.templateId])).get(input.templateId);
  if (template === undefined) throw templateNotFound(input.templateId);
  const {
    tenantId: _tenant,
    id: _id,
    version: _version,
    createdAt: _created,
    updatedAt: _updated,
    ...copied
  } = template;
  return insertTemplate(work, { ...copied, templateName: input.newName });
}
