import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addMillis } from '../../src/core/clock.js';
import { eventsDuring, listIn, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const customer = 'id name email billingAddress taxId externalId status reseller { id } createdAt updatedAt';
const reseller = 'id name email billingAddress taxId status createdAt updatedAt';
const nobody = '01930000-0000-7000-8000-000000000000';

async function act(name: string, input: object, as: Claims = shop.admin): Promise<Json> {
  const noun = name.endsWith('Customer') ? 'customer' : 'reseller';
  const selection = noun === 'customer' ? customer : reseller;
  const data = await server.ok(mutation(name, `${noun} { ${selection} }`), { input }, as);
  const party = data[name]?.[noun];
  if (party === undefined) throw new Error(`${name} answered nobody`);
  return party;
}

const makeReseller = async (name = 'North'): Promise<string> =>
  String((await act('createReseller', { name })).id);
const bound = (to: object, ...permissions: string[]): Claims => ({
  tenant_id: shop.admin.tenant_id,
  permissions: ['customer.read', 'reseller.read', ...permissions],
  ...to,
});

describe('customers', () => {
  test('are kept as they are given, and begin ACTIVE', async () => {
    const resellerId = await makeReseller();
    const onInvoices = { billingAddress: '2 Side Street\n54321 Town', taxId: 'DE 987' };
    const given = { name: 'Ada Ökafor 😀', email: 'ada@example.com', externalId: 'CRM-7', ...onInvoices };

    expect(await act('createCustomer', { ...given, resellerId })).toEqual({
      ...given,
      id: expect.any(String),
      status: 'ACTIVE',
      reseller: { id: resellerId },
      createdAt: START,
      updatedAt: START,
    });
  });

  test.each([
    ['name', 'Bo'],
    ['email', 'bo@example.com'],
    ['email', null],
    ['billingAddress', '3 Back Street'],
    ['billingAddress', null],
    ['taxId', 'DE 1'],
    ['status', 'INACTIVE'],
    ['resellerId', null],
  ])('change by %s alone, in one event that names no value', async (field, value) => {
    const resellerId = await makeReseller();
    const whole = { name: 'Ada', email: 'ada@example.com', billingAddress: '2 Side Street', taxId: 'DE 987' };
    const before = await act('createCustomer', { ...whole, resellerId });
    server.pass(1000);

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const changed = field === 'resellerId' ? { reseller: null } : { [field]: value };
      expect(await act('updateCustomer', { customerId: before.id, [field]: value })).toEqual({
        ...before,
        ...changed,
        updatedAt: addMillis(START, 1000),
      });
    });
    server.now = START;

    expect(events).toEqual([
      {
        type: 'customer.updated',
        subjectId: before.id,
        licenseId: null,
        actor: 'tester',
        data: { changed: [field] },
      },
    ]);
  });

  test('a number of another system is taken once in a tenant, and free in every other', async () => {
    const input = { name: 'Ada', externalId: 'CRM-1' };
    await act('createCustomer', input);
    const other = await openShop(server);

    const error = await refusedAct(server, shop.admin, 'createCustomer', input, 'ALREADY_EXISTS');
    const elsewhere = await act('createCustomer', input, other.admin);

    expect(error.extensions.fields?.map((problem) => problem.field)).toEqual(['input.externalId']);
    expect(elsewhere.externalId).toBe('CRM-1');
  });

  test.each<[string, string, object, string[]]>([
    ['a blank name', 'createCustomer', { name: ' ' }, ['input.name']],
    ['a name of 256 characters', 'createCustomer', { name: 'x'.repeat(256) }, ['input.name']],
    ['half of a surrogate pair', 'createCustomer', { name: '\ud83d' }, ['input.name']],
    ['an address that is none', 'createCustomer', { name: 'A', email: 'a@b' }, ['input.email']],
    ['an id that is none', 'createCustomer', { name: 'A', resellerId: 'x' }, ['input.resellerId']],
    [
      'an address of a house and a tax number that are too long',
      'createCustomer',
      { name: 'A', billingAddress: 'x'.repeat(501), taxId: 'x'.repeat(51) },
      ['input.billingAddress', 'input.taxId'],
    ],
    [
      'an address of a house with what is not seen',
      'updateCustomer',
      { billingAddress: '1 Street\u202e', taxId: 'DE 1\nDE 2' },
      ['input.billingAddress', 'input.taxId'],
    ],
    [
      'several faults',
      'createCustomer',
      { name: '', email: '@', externalId: '' },
      ['input.name', 'input.email', 'input.externalId'],
    ],
    ['nothing to change', 'updateCustomer', { customerId: nobody }, ['input']],
    [
      'nulls',
      'updateCustomer',
      { customerId: nobody, name: null, status: null },
      ['input.name', 'input.status'],
    ],
  ])('%s is refused by %s, every field named', async (_, name, input, fields) => {
    const given = name === 'updateCustomer' ? { ...input, customerId: shop.customerId } : input;

    expect(await refusedFields(server, shop.admin, name, given)).toEqual(fields);
  });

  test("another tenant's customer or reseller answers as one that does not exist", async () => {
    const other = await openShop(server);
    const theirs = String((await act('createReseller', { name: 'South' }, other.admin)).id);

    for (const customerId of [other.customerId, nobody]) {
      const input = { customerId, name: 'Mine' };
      const error = await refusedAct(server, shop.admin, 'updateCustomer', input, 'CUSTOMER_NOT_FOUND');
      expect(error.message).toBe(`There is no customer ${customerId}.`);
    }
    for (const resellerId of [theirs, nobody]) {
      const update = { customerId: shop.customerId, resellerId };
      await refusedAct(server, shop.admin, 'createCustomer', { name: 'A', resellerId }, 'RESELLER_NOT_FOUND');
      await refusedAct(server, shop.admin, 'updateCustomer', update, 'RESELLER_NOT_FOUND');
    }
  });

  test('are listed by name, filtered, to the end of every page', async () => {
    const { admin } = await openShop(server);
    for (const name of ['Cy', 'Bo 50%', 'Bo 50%', 'Di']) await createCustomer(server, admin, name);
    const off = {
      customerId: await createCustomer(server, admin, 'Zo'),
      status: 'INACTIVE',
      email: 'zo_1@example.com',
    };
    await act('updateCustomer', off, admin);
    const list = async (filter: object) => {
      const names: string[] = [];
      for (let after: string | null = null; ; ) {
        const { customers } = await server.ok(
          `query ($after: String, $filter: PartyFilter) { customers(first: 2, after: $after, filter: $filter) {
            nodes { id name } pageInfo { hasNextPage endCursor } } }`,
          { after, filter },
          admin,
        );
        names.push(...listIn<{ name: string }>(customers?.nodes).map((node) => node.name));
        if (String(customers?.pageInfo?.hasNextPage) === 'false') return names;
        after = String(customers?.pageInfo?.endCursor);
      }
    };

    expect(await list({})).toEqual(['Ada Okafor', 'Bo 50%', 'Bo 50%', 'Cy', 'Di', 'Zo']);
    expect(await list({ status: 'INACTIVE' })).toEqual(['Zo']);
    expect(await list({ search: 'bo 50%' })).toEqual(['Bo 50%', 'Bo 50%']);
    expect(await list({ search: 'ZO_' })).toEqual(['Zo']);
    expect(await list({ search: 'C_' })).toEqual([]);
  });
});

describe('resellers', () => {
  test('are added, changed and switched off, each in one event', async () => {
    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const onInvoices = { billingAddress: '4 High Street', taxId: 'DE 4' };
      const added = await act('createReseller', { name: 'North', email: 'n@example.com', ...onInvoices });
      expect(added).toMatchObject(onInvoices);
      const changes = { name: 'North & Sons', email: null, taxId: null, status: 'INACTIVE' };
      const update = { resellerId: added.id, ...changes };
      expect(await act('updateReseller', update)).toMatchObject({ ...onInvoices, ...changes });
    });

    expect(events.map((event) => [event.type, event.data])).toEqual([
      ['reseller.created', {}],
      ['reseller.updated', { changed: ['name', 'email', 'taxId', 'status'] }],
    ]);
  });

  test("another tenant's reseller answers as one that does not exist", async () => {
    const resellerId = await makeReseller();
    const other = await openShop(server);

    await refusedAct(
      server,
      other.admin,
      'updateReseller',
      { resellerId, name: 'Mine' },
      'RESELLER_NOT_FOUND',
    );
  });

  test('what does not fit is refused, every field named', async () => {
    const input = { name: '', email: 'x'.repeat(400) };

    expect(await refusedFields(server, shop.admin, 'createReseller', input)).toEqual([
      'input.name',
      'input.email',
    ]);
  });
});

describe('who is bound to a part of the tenant', () => {
  test('a reseller adds customers of its own, and sees and changes those alone', async () => {
    const resellerId = await makeReseller();
    const as = bound({ reseller_id: resellerId }, 'customer.create', 'customer.update');

    const made = await act('createCustomer', { name: 'Cy' }, as);
    const { customers } = await server.ok('{ customers { nodes { id } } }', {}, as);

    expect(made.reseller).toEqual({ id: resellerId });
    expect(customers?.nodes).toEqual([{ id: made.id }]);
    const foreign = { customerId: shop.customerId, name: 'Mine' };
    await refusedAct(server, as, 'updateCustomer', foreign, 'CUSTOMER_NOT_FOUND');
    const named = { name: 'Di', resellerId: await makeReseller('South') };
    await refusedAct(server, as, 'createCustomer', named, 'RESELLER_NOT_FOUND');
  });

  test.each(['customer_id', 'reseller_id'])(
    'whoever has a %s renames a customer, and neither switches it nor moves it to another reseller',
    async (claim) => {
      const resellerId = await makeReseller();
      const { id: customerId } = await act('createCustomer', { name: 'Cy', resellerId });
      const as = bound({ [claim]: claim === 'customer_id' ? customerId : resellerId }, 'customer.update');

      for (const change of [
        { status: 'INACTIVE' },
        { status: 'ACTIVE' },
        { resellerId: null },
        { resellerId },
      ])
        await refusedAct(server, as, 'updateCustomer', { customerId, name: 'Di', ...change }, 'FORBIDDEN');

      expect((await act('updateCustomer', { customerId, name: 'Di' }, as)).name).toBe('Di');
    },
  );

  test('a reseller adds no other reseller, and changes itself alone', async () => {
    const resellerId = await makeReseller();
    const other = await makeReseller('South');
    const as = bound({ reseller_id: resellerId }, 'reseller.create', 'reseller.update');

    await refusedAct(server, as, 'createReseller', { name: 'East' }, 'FORBIDDEN');
    await refusedAct(server, as, 'updateReseller', { resellerId: other, name: 'Mine' }, 'RESELLER_NOT_FOUND');

    expect((await act('updateReseller', { resellerId, name: 'Northern' }, as)).name).toBe('Northern');
  });

  test('a customer adds nobody, and sees but does not change the reseller that it came through', async () => {
    const resellerId = await makeReseller();
    const other = await makeReseller('South');
    const { id } = await act('createCustomer', { name: 'Cy', resellerId });
    const all = ['customer.create', 'customer.update', 'reseller.create', 'reseller.update'];
    const as = bound({ customer_id: id }, ...all);

    const seen = await server.ok(
      'query ($own: ID!, $other: ID!) { own: reseller(id: $own) { id } other: reseller(id: $other) { id } customers { nodes { id } } }',
      { own: resellerId, other },
      as,
    );

    expect(seen).toEqual({ own: { id: resellerId }, other: null, customers: { nodes: [{ id }] } });
    await refusedAct(server, as, 'createCustomer', { name: 'Di' }, 'FORBIDDEN');
    await refusedAct(server, as, 'createReseller', { name: 'East' }, 'FORBIDDEN');
    await refusedAct(server, as, 'updateReseller', { resellerId, name: 'Mine' }, 'FORBIDDEN');
    const foreign = { customerId: shop.customerId, name: 'Mine' };
    await refusedAct(server, as, 'updateCustomer', foreign, 'CUSTOMER_NOT_FOUND');
  });
});

describe.each([
  ['createCustomer', () => ({ name: 'A' })],
  ['updateCustomer', () => ({ customerId: shop.customerId, name: 'A' })],
  ['createReseller', () => ({ name: 'A' })],
  ['updateReseller', () => ({ resellerId: nobody, name: 'A' })],
])('%s', (name, input) => {
  test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
    'the role %s may not',
    async (role) => {
      const bound = { customer_id: randomUUID(), reseller_id: randomUUID() };
      const as = { tenant_id: shop.admin.tenant_id, roles: [role], ...bound };

      await refusedAct(server, as, name, input(), 'FORBIDDEN');
    },
  );

  test('nobody may without a token', async () => {
    const answer = await server.graphql(mutation(name, '__typename'), { input: input() });

    expect(answer.code).toBe('UNAUTHENTICATED');
  });
});

test('a role of one party without that party is nobody', async () => {
  const { tenant_id } = await server.tenant();

  const customer = await server.graphql(
    '{ licenses { totalCount } }',
    {},
    { tenant_id, roles: ['customer'] },
  );
  const reseller = await server.graphql(
    '{ licenses { totalCount } }',
    {},
    { tenant_id, roles: ['reseller'] },
  );

  expect([customer.status, customer.code, reseller.status, reseller.code]).toEqual([
    401,
    'TOKEN_CLAIM_INVALID',
    401,
    'TOKEN_CLAIM_INVALID',
  ]);
});
