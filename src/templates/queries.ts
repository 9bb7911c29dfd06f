import { and, desc, eq, ilike, or, type SQL, sql } from 'drizzle-orm';
import { containing } from '../access/queries.js';
import type { Instant } from '../core/clock.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import type { LicenseType } from './model.js';
import {
  licenseTemplates,
  licenseTemplateVersions,
  type Product,
  type ProductVersion,
  products,
  productVersions,
  type Template,
} from './table.js';

const ownProducts = (reading: Reading): SQL => eq(products.tenantId, reading.tenantId);
const ownTemplates = (reading: Reading): SQL => eq(licenseTemplates.tenantId, reading.tenantId);

export async function productsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Product>> {
  const rows = await reading.db
    .select()
    .from(products)
    .where(and(ownProducts(reading), anyOf(products.id, ids)));
  return byKey(rows, (row) => row.id);
}

export async function templatesById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Template>> {
  const rows = await reading.db
    .select()
    .from(licenseTemplates)
    .where(and(ownTemplates(reading), anyOf(licenseTemplates.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** Names a version of a template, for whoever looks up many of them at once. */
export const versionKey = (templateId: string, version: number): string => `${templateId} ${version}`;

function versionOfKey(key: string): readonly [string, number] {
  const [templateId = '', version] = key.split(' ');
  return [templateId, Number(version)];
}

/**
 * What versions of templates said, by their keys: rows as the template's own, changed last when the version was made. Versions
 * from before they were kept are not on record.
 */
export async function templateVersionsByKey(
  reading: Reading,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Template>> {
  const asked = keys.map(versionOfKey);
  const ids = sql.param(asked.map(([templateId]) => templateId));
  const versions = sql.param(asked.map(([, version]) => String(version)));
  const { templateId, version, content, createdAt } = licenseTemplateVersions;
  const rows = await reading.db
    .select({ templateId, version, content, updatedAt: createdAt, createdAt: licenseTemplates.createdAt })
    .from(licenseTemplateVersions)
    .innerJoin(licenseTemplates, and(ownTemplates(reading), eq(licenseTemplates.id, templateId)))
    .where(
      and(
        eq(licenseTemplateVersions.tenantId, reading.tenantId),
        sql`(${templateId}, ${version}) in (
          select id, version::int from unnest(${ids}::text[], ${versions}::text[]) as asked (id, version))`,
      ),
    );
  const { tenantId } = reading;
  return new Map(
    rows.map((row) => {
      const { content: said, templateId: id, ...others } = row;
      return [versionKey(id, row.version), { ...said, tenantId, id, ...others }];
    }),
  );
}

export interface ProductFilter {
  readonly active?: boolean | null;
  readonly search?: string | null;
}

export function productsPage(
  reading: Reading,
  filter: ProductFilter,
  page: PageArguments,
): Promise<Page<Product>> {
  const { active, search } = filter;
  const where = and(
    ownProducts(reading),
    typeof active === 'boolean' ? eq(products.active, active) : undefined,
    search ? ilike(products.name, containing(search)) : undefined,
  );
  const sorting: Sorting = { name: 'CODE', by: products.id, type: 'text', direction: 'ASC' };
  return pageOf(reading.db, products, { where, sorting, page });
}

export interface TemplateFilter extends ProductFilter {
  readonly productId?: string | null;
  readonly licenseType?: LicenseType | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: licenseTemplates.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function templatesPage(
  reading: Reading,
  filter: TemplateFilter,
  page: PageArguments,
): Promise<Page<Template>> {
  const { active, search, productId, licenseType } = filter;
  const where = and(
    ownTemplates(reading),
    typeof active === 'boolean' ? eq(licenseTemplates.active, active) : undefined,
    search ? ilike(licenseTemplates.templateName, containing(search)) : undefined,
    productId ? eq(licenseTemplates.productId, productId as Product['id']) : undefined,
    licenseType ? eq(licenseTemplates.licenseType, licenseType) : undefined,
  );
  return pageOf(reading.db, licenseTemplates, { where, sorting: newestFirst, page });
}

/** The versions of each product whose release is on record, the newest first. */
export async function versionsByProduct(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly ProductVersion[]>> {
  const rows = await reading.db
    .select()
    .from(productVersions)
    .where(and(eq(productVersions.tenantId, reading.tenantId), anyOf(productVersions.productId, ids)))
    .orderBy(desc(productVersions.releasedAt), productVersions.version);
  const versions = new Map<string, ProductVersion[]>(ids.map((id) => [id, []]));
  for (const row of rows) versions.get(row.productId)?.push(row);
  return versions;
}

/** When a version came out; null if that is not on record. */
export async function releaseOf(
  reading: Reading,
  productId: ProductVersion['productId'],
  version: string,
): Promise<Instant | null> {
  const [row] = await reading.db
    .select({ releasedAt: productVersions.releasedAt })
    .from(productVersions)
    .where(
      and(
        eq(productVersions.tenantId, reading.tenantId),
        eq(productVersions.productId, productId),
        eq(productVersions.version, version),
      ),
    );
  return row?.releasedAt ?? null;
}

/** The templates of each product. */
export function templatesByProduct(reading: Reading, owners: readonly string[], page: PageArguments) {
  const list = { where: ownTemplates(reading), sorting: newestFirst, page };
  const request = { ...list, owner: licenseTemplates.productId, owners };
  return pagesByOwner(reading.db, licenseTemplates, request, (row) => row.productId);
}

/** Reads a row that has to stay as it is until the transaction ends: who changes it waits, who reads it too does not. */
export async function shareProduct(reading: Reading, id: string): Promise<Product | undefined> {
  const [row] = await reading.db
    .select()
    .from(products)
    .where(and(ownProducts(reading), eq(products.id, id as Product['id'])))
    .for('share');
  return row;
}

export async function shareTemplate(reading: Reading, id: string): Promise<Template | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseTemplates)
    .where(and(ownTemplates(reading), eq(licenseTemplates.id, id as Template['id'])))
    .for('share');
  return row;
}

export function shareProducts(reading: Reading, ids: readonly string[]): Promise<Product[]> {
  return reading.db
    .select()
    .from(products)
    .where(and(ownProducts(reading), anyOf(products.id, ids)))
    .orderBy(products.id)
    .for('share');
}

/** The templates that a list names by id or by name; several may have one name. */
export function shareTemplatesNamed(
  reading: Reading,
  { ids, names }: { readonly ids: readonly string[]; readonly names: readonly string[] },
): Promise<Template[]> {
  return reading.db
    .select()
    .from(licenseTemplates)
    .where(
      and(
        ownTemplates(reading),
        or(anyOf(licenseTemplates.id, ids), anyOf(licenseTemplates.templateName, names)),
      ),
    )
    .orderBy(licenseTemplates.id)
    .for('share');
}

export async function lockProduct(reading: Reading, id: string): Promise<Product | undefined> {
  const [row] = await reading.db
    .select()
    .from(products)
    .where(and(eq(products.tenantId, reading.tenantId), eq(products.id, id as Product['id'])))
    .for('no key update');
  return row;
}

export async function lockTemplate(reading: Reading, id: string): Promise<Template | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseTemplates)
    .where(and(ownTemplates(reading), eq(licenseTemplates.id, id as Template['id'])))
    .for('no key update');
  return row;
}
