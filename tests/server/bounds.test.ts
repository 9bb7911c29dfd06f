import { parse } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireNarrow, requireUnfoldable } from '../../src/server/bounds.js';
import { activate, issueLicense, openShop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

function doubling(levels: number): string {
  const fragments = Array.from({ length: levels }, (_, at) => {
    const next = at + 1 < levels ? `...F${at + 1}` : 'id';
    return `fragment F${at} on License { a: customer { licenses { nodes { ${next} } } } b: customer { licenses { nodes { ${next} } } } }`;
  });
  return `{ license(id: "x") { ...F0 } } ${fragments.join(' ')}`;
}

test('a document that unfolds beyond the limit is refused before anything compares its fields', () => {
  expect(() => requireUnfoldable(parse(doubling(5)))).not.toThrow();
  expect(() => requireUnfoldable(parse(doubling(60)))).toThrow('unfolds to more than 20000 selections');
});

test('a cycle of fragments is left to validation, and ends', () => {
  const document = parse('{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }');

  expect(() => requireUnfoldable(document)).not.toThrow();
});

test('a variable that is wider than any input is refused, and one that is as wide passes', () => {
  const wide = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 0]));

  expect(() => requireNarrow({ input: wide(600) })).not.toThrow();
  expect(() => requireNarrow({ input: { metrics: wide(601) } })).toThrow('more than 600 members');
  expect(() => requireNarrow({ list: Array(1001).fill(1) })).toThrow('a list of more than 1000');
});

test('over HTTP too', async () => {
  const metrics = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`k${at}`, 0]));

  const answer = await server.graphql(
    'mutation ($i: SendHeartbeatInput!) { sendHeartbeat(input: $i) { status } }',
    { i: { activationToken: 'x', metrics } },
  );

  expect([answer.status, answer.code]).toEqual([400, 'BAD_REQUEST']);
});

test('a subscription over HTTP is told where to go', async () => {
  const admin = await server.tenant();

  const answer = await server.graphql('subscription { licenseChanged { type } }', {}, admin);

  expect([answer.status, answer.code]).toEqual([400, 'BAD_REQUEST']);
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
    'UNAUTHENTICATED',
    401,
    'UNAUTHENTICATED',
  ]);
});

test('a verdict on a key that nobody knows is an answer and no error', async () => {
  const data = await server.ok(
    '{ validateLicenseKey(licenseKey: "AAAA-AAAA-AAAA-AAAA-AAAA") { valid code license { status } activation { id } } }',
  );

  expect(data.validateLicenseKey).toEqual({
    valid: false,
    code: 'NOT_FOUND',
    license: null,
    activation: null,
  });
});

test('the first activation of any license is remembered', async () => {
  const shop = await openShop(server);
  const { id, licenseKey } = await issueLicense(server, shop);
  await activate(server, licenseKey, 'first');
  const begun = server.now;
  server.pass(60_000);
  await activate(server, licenseKey, 'second');

  const data = await server.ok(
    'query ($id: ID!) { license(id: $id) { activationDate } }',
    { id },
    shop.admin,
  );

  expect(data.license?.activationDate).toBe(begun);
});

test('lists within lists end at the rows that one operation may ask for', async () => {
  const shop = await openShop(server);
  for (let made = 0; made < 11; made += 1) await issueLicense(server, shop);
  const nested = (levels: number): string =>
    levels === 0 ? 'id' : `customer { licenses { nodes { ${nested(levels - 1)} } } }`;

  const fair = await server.graphql(`{ licenses { nodes { ${nested(2)} } } }`, {}, shop.admin);
  const greedy = await server.graphql(`{ licenses { nodes { ${nested(8)} } } }`, {}, shop.admin);
  const after = await server.ok('{ viewer { subject } }', {}, shop.admin);

  expect(fair.errors).toEqual([]);
  expect(new Set(greedy.errors.map(({ extensions }) => extensions.code))).toEqual(
    new Set(['OPERATION_TOO_COSTLY']),
  );
  expect(after.viewer?.subject).toBe('tester');
});
