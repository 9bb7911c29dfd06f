import { and, eq, sql } from 'drizzle-orm';
import { changesOf, namesOf, requireWholeTenant } from '../access/service.js';
import { repeated } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import { changeTold } from '../core/event.js';
import { newId } from '../core/id.js';
import { type FieldProblem, invalidInput } from '../core/refusal.js';
import type { Work } from '../core/work.js';
import {
  codeTaken,
  isKeyedHash,
  MOST_RELEASES,
  type Pricing,
  parseMacAddress,
  pricingProblems,
  productInactive,
  productNotFound,
  type RestrictionType,
  type TemplateFeature,
  type TemplateRestriction,
  templateFeatureProblems,
  templateNotFound,
  templateRestrictionProblems,
} from './model.js';
import {
  lockProduct,
  lockTemplate,
  productsById,
  shareProduct,
  templatesById,
  versionsByProduct,
} from './queries.js';
import type {
  CreateProductInput,
  CreateTemplateInput,
  DuplicateTemplateInput,
  UpdateProductInput,
  UpdateTemplateInput,
} from './schema/inputs.js';
import {
  licenseTemplates,
  licenseTemplateVersions,
  type Product,
  products,
  productVersions,
  type Template,
} from './table.js';

interface Release {
  readonly version: string;
  readonly releasedAt: Instant;
}

/**
 * Under the product's row lock, which whoever calls holds. A version that is named for the first time without a day came
 * out now; one on record keeps its day until another is given.
 */
async function recordReleases(
  work: Work,
  { id: productId }: Product,
  given: readonly Release[],
  current: string | undefined,
): Promise<void> {
  const versions = given.map(({ version }) => version);
  const problems = repeated(versions, (index) => `input.releases.${index}.version`);
  if (problems.length > 0) throw invalidInput(problems);
  const stamps = { tenantId: work.tenantId, productId, createdAt: work.now, updatedAt: work.now };
  if (given.length > 0) {
    const days = given.map(({ releasedAt }) => releasedAt);
    await work.db.execute(sql`
      insert into ${productVersions} (tenant_id, product_id, version, released_at, created_at, updated_at)
      select ${work.tenantId}, ${productId}, version, released_at::timestamptz, ${work.now}::timestamptz, ${work.now}::timestamptz
      from unnest(${sql.param(versions)}::text[], ${sql.param(days)}::text[]) as given (version, released_at)
      on conflict (tenant_id, product_id, version)
      do update set released_at = excluded.released_at, updated_at = excluded.updated_at`);
  }
  if (current !== undefined && !versions.includes(current)) {
    const newest = { ...stamps, version: current, releasedAt: work.now };
    await work.db.insert(productVersions).values(newest).onConflictDoNothing();
  }
  const known = (await versionsByProduct(work, [productId])).get(productId) ?? [];
  if (known.length <= MOST_RELEASES) return;
  const message = `a product has at most ${MOST_RELEASES} versions on record`;
  throw invalidInput([{ field: 'input.releases', message }]);
}

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
  await recordReleases(work, row, input.releases ?? [], row.version);
  await work.emit({ type: 'product.created', subjectId: row.id });
  return row;
}

export async function updateProduct(work: Work, input: UpdateProductInput): Promise<Product> {
  requireWholeTenant(work, 'product.update');
  const { releases, ...changes } = changesOf(input, ['name', 'description', 'version', 'active', 'releases']);
  const product = await lockProduct(work, input.productId);
  if (product === undefined) throw productNotFound(input.productId);
  const [row] = await work.db
    .update(products)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(products.tenantId, work.tenantId), eq(products.id, input.productId)))
    .returning();
  if (row === undefined) throw productNotFound(input.productId);
  await recordReleases(work, row, releases ?? [], changes.version);
  const { before, after } = changeTold(product, row, namesOf(changes)).data;
  const listed = releases === undefined ? {} : { releases };
  const data = { changed: [...namesOf(changes), ...namesOf(listed)], before, after: { ...after, ...listed } };
  await work.emit({ type: 'product.updated', subjectId: row.id, data });
  return row;
}

/**
 * The values of a restriction as they are kept: what identifies a device as its keyed hash, which is what every answer
 * shows, and which is taken as it is when it comes back.
 */
export function keptValues(
  { keys, tenantId }: Work,
  type: RestrictionType,
  values: readonly string[],
): readonly string[] {
  const kinds: Partial<Record<RestrictionType, 'MAC_ADDRESS' | 'HARDWARE_ID'>> = {
    MAC_ADDRESS: 'MAC_ADDRESS',
    HARDWARE_ID: 'HARDWARE_ID',
  };
  const kind = kinds[type];
  if (kind === undefined) return type === 'GEOGRAPHIC' ? values.map((value) => value.toUpperCase()) : values;
  return values.map((value) => {
    if (isKeyedHash(value)) return value;
    return keys.hash(kind, kind === 'MAC_ADDRESS' ? (parseMacAddress(value) ?? value) : value, tenantId);
  });
}

function kept(work: Work, restrictions: readonly TemplateRestriction[]): TemplateRestriction[] {
  return restrictions.map((restriction) => ({
    ...restriction,
    defaultValues: keptValues(work, restriction.restrictionType, restriction.defaultValues),
  }));
}

interface TemplateParts {
  readonly features?: readonly TemplateFeature[];
  readonly restrictions?: readonly TemplateRestriction[];
  readonly pricing?: Pricing;
}

function requireSound({ features, restrictions, pricing }: TemplateParts): void {
  const problems: FieldProblem[] = [
    ...templateFeatureProblems(features ?? [], 'input.features'),
    ...templateRestrictionProblems(restrictions ?? [], 'input.restrictions'),
    ...(pricing === undefined ? [] : pricingProblems(pricing, 'input.pricing')),
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

/** What a version says stays known, however often the template is changed behind it. */
async function keepVersion(work: Work, template: Template): Promise<void> {
  const { tenantId, id: templateId, version, createdAt: _made, updatedAt: _changed, ...content } = template;
  const row = { tenantId, templateId, version, content, createdAt: work.now };
  await work.db.insert(licenseTemplateVersions).values(row);
}

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
  await keepVersion(work, row);
  await work.emit({ type: 'template.created', subjectId: row.id, data: { productId: row.productId } });
  return row;
}

export async function createTemplate(work: Work, input: CreateTemplateInput): Promise<Template> {
  requireWholeTenant(work, 'template.create');
  requireSound(input);
  await requireProduct(work, input.productId);
  return insertTemplate(work, { ...input, restrictions: kept(work, input.restrictions) });
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
    'leaseSeconds',
    'maxBorrowHours',
    'maxDeactivationsPerYear',
    'active',
  ]);
  requireSound(changes);
  const { restrictions } = changes;
  const keptChanges =
    restrictions === undefined ? changes : { ...changes, restrictions: kept(work, restrictions) };
  const [row] = await work.db
    .update(licenseTemplates)
    .set({ ...keptChanges, version: template.version + 1, updatedAt: work.now })
    .where(and(eq(licenseTemplates.tenantId, work.tenantId), eq(licenseTemplates.id, template.id)))
    .returning();
  if (row === undefined) throw templateNotFound(input.templateId);
  await keepVersion(work, row);
  const data = { ...changeTold(template, row, namesOf(changes)).data, version: row.version };
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
