import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, inRole, listIn, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createProduct, createTemplate, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const idsIn = (list: Json | undefined): string[] =>
  listIn<{ id: string }>(list?.nodes).map((node) => node.id);
const listing = (
  list: 'products' | 'templates',
  type: string,
) => `query ($first: Int! = 100, $after: String, $filter: ${type}) {
  ${list}(first: $first, after: $after, filter: $filter) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }`;
const lists = {
  products: listing('products', 'ProductFilter'),
  templates: listing('templates', 'TemplateFilter'),
};

async function everyPage(list: keyof typeof lists, as: Claims, filter: object = {}): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const data = await server.ok(lists[list], { first: 2, after, filter }, as);
    ids.push(...idsIn(data[list]));
    const more = String(data[list]?.pageInfo?.hasNextPage) === 'true';
    after = more ? String(data[list]?.pageInfo?.endCursor) : null;
    if (!more) expect(data[list]?.totalCount).toBe(ids.length);
  } while (after !== null);
  return ids;
}

describe('templates', () => {
  let shop: Shop;
  const ids: Record<string, string> = {};
  let otherProduct = '';

  beforeAll(async () => {
    shop = await openShop(server, { templateName: 'Starter 100%' });
    otherProduct = await createProduct(server, shop.admin);
    ids.starter = shop.templateId;
    ids.trial = await createTemplate(server, shop.admin, shop.productId, {
      templateName: 'Taster',
      licenseType: 'TRIAL',
    });
    ids.other = await createTemplate(server, shop.admin, otherProduct, { templateName: 'Sonar' });
    ids.off = await createTemplate(server, shop.admin, shop.productId, { templateName: 'Old starter' });
    const off = { input: { templateId: ids.off, active: false } };
    await server.ok(mutation('updateTemplate', 'template { id }'), off, shop.admin);
  });

  test.each<[string, () => object, string[]]>([
    ['all of them, the newest first', () => ({}), ['off', 'other', 'trial', 'starter']],
    ['a product', () => ({ productId: otherProduct }), ['other']],
    ['a type', () => ({ licenseType: 'TRIAL' }), ['trial']],
    ['being switched on', () => ({ active: true }), ['other', 'trial', 'starter']],
    ['being switched off', () => ({ active: false }), ['off']],
    ['part of the name', () => ({ search: 'STARTER' }), ['off', 'starter']],
    ['a per cent sign as it stands', () => ({ search: '%' }), ['starter']],
    ['several at once', () => ({ search: 'starter', active: true }), ['starter']],
  ])('are listed by %s', async (_, filter, names) => {
    expect(await everyPage('templates', shop.admin, filter())).toEqual(names.map((name) => ids[name]));
  });

  test('of another tenant are neither listed nor found', async () => {
    const other = await openShop(server);

    const found = await server.ok(
      'query ($id: ID!) { template(id: $id) { id } }',
      { id: ids.starter },
      other.admin,
    );

    expect(await everyPage('templates', other.admin)).toEqual([other.templateId]);
    expect(found.template).toBeNull();
  });

  test.each(['auditor', 'support', 'reseller', 'customer'] as const)('are read by %s', async (role) => {
    const as: Claims = inRole(shop.admin, role);

    expect(await everyPage('templates', as)).toHaveLength(4);
  });

  test('tell their product, their licenses and what happened to them', async () => {
    const query = `query ($id: ID!) { template(id: $id) {
      product { id } licenses { totalCount } events { nodes { type actor } } } }`;

    const { template } = await server.ok(query, { id: ids.off }, shop.admin);

    expect(template).toEqual({
      product: { id: shop.productId },
      licenses: { totalCount: 0 },
      events: {
        nodes: [
          { type: 'template.updated', actor: 'tester' },
          { type: 'template.created', actor: 'tester' },
        ],
      },
    });
  });
});

describe('products', () => {
  const selection = 'product { id name description version active }';

  test('a product is added, changed and switched off, each in one event', async () => {
    const shop = await openShop(server);
    const as = { ...shop.admin, sub: 'ada' };
    const input = { productId: 'Radar.v2_X-1', name: 'Radar', version: '2.0' };

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      await server.ok(mutation('createProduct', selection), { input }, as);
      const update = { productId: input.productId, description: 'Sees far', version: '2.1', active: false };
      const { updateProduct } = await server.ok(mutation('updateProduct', selection), { input: update }, as);
      expect(updateProduct?.product).toEqual({
        id: 'Radar.v2_X-1',
        name: 'Radar',
        description: 'Sees far',
        version: '2.1',
        active: false,
      });
    });

    const about = { subjectId: input.productId, licenseId: null, actor: 'ada' };
    expect(events).toEqual([
      { ...about, type: 'product.created', data: {} },
      { ...about, type: 'product.updated', data: { changed: ['description', 'version', 'active'] } },
    ]);
  });

  test('a code is taken once in its tenant, and free in every other', async () => {
    const shop = await openShop(server);
    const other = await openShop(server);
    const input = { productId: shop.productId, name: 'Another', version: '1' };

    const error = await refusedAct(server, shop.admin, 'createProduct', input, 'ALREADY_EXISTS');
    const made = await server.ok(mutation('createProduct', selection), { input }, other.admin);

    expect(error.extensions.fields?.map((problem) => problem.field)).toEqual(['input.productId']);
    expect(made.createProduct?.product?.name).toBe('Another');
  });

  test('a change of a product that is not there, or is another tenant’s, is refused by its code', async () => {
    const shop = await openShop(server);
    const other = await openShop(server);

    for (const productId of ['NO-SUCH', other.productId]) {
      const input = { productId, name: 'Mine now' };
      const error = await refusedAct(server, shop.admin, 'updateProduct', input, 'PRODUCT_NOT_FOUND');
      expect(error.message).toBe(`There is no product ${productId}.`);
    }
  });

  test.each<[string, string, object, string[]]>([
    [
      'a code with a blank',
      'createProduct',
      { productId: 'a b', name: 'A', version: '1' },
      ['input.productId'],
    ],
    [
      'a code of 51 characters',
      'createProduct',
      { productId: 'a'.repeat(51), name: 'A', version: '1' },
      ['input.productId'],
    ],
    [
      'an empty name and version',
      'createProduct',
      { productId: 'a', name: '', version: ' ' },
      ['input.name', 'input.version'],
    ],
    [
      'a NUL in the description',
      'createProduct',
      { productId: 'a', name: 'A', version: '1', description: '\0' },
      ['input.description'],
    ],
    ['nothing to change', 'updateProduct', { productId: 'a' }, ['input']],
    ['nulls', 'updateProduct', { productId: 'a', name: null, active: null }, ['input.name', 'input.active']],
  ])('%s is refused by %s, every field named', async (_, act, input, fields) => {
    const { admin } = await openShop(server);

    expect(await refusedFields(server, admin, act, input)).toEqual(fields);
  });

  test('products are listed by code, filtered, and none of another tenant', async () => {
    const { admin } = await openShop(server);
    const own = await everyPage('products', admin);
    for (const productId of ['C-1', 'A-1', 'B-1']) await createProduct(server, admin, productId);
    const off = { input: { productId: 'B-1', active: false, name: 'Sonar_x' } };
    await server.ok(mutation('updateProduct', selection), off, admin);

    expect(await everyPage('products', admin)).toEqual(['A-1', 'B-1', 'C-1', ...own]);
    expect(await everyPage('products', admin, { active: false })).toEqual(['B-1']);
    expect(await everyPage('products', admin, { search: 'R_X' })).toEqual(['B-1']);
    expect(await everyPage('products', admin, { search: 'o_ar' })).toEqual([]);
  });

  test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
    '%s changes none',
    async (role) => {
      const shop = await openShop(server);
      const as: Claims = inRole(shop.admin, role);

      await refusedAct(server, as, 'createProduct', { productId: 'a', name: 'A', version: '1' }, 'FORBIDDEN');
      await refusedAct(server, as, 'updateProduct', { productId: shop.productId, name: 'A' }, 'FORBIDDEN');
    },
  );
});
