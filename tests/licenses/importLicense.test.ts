import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let manager: Claims;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  manager = { tenant_id: shop.admin.tenant_id, roles: ['manager'] };
});
afterAll(() => server.stop());

const basics = () => ({
  productId: shop.productId,
  licenseType: 'SUBSCRIPTION',
  licenseModel: 'PER_DEVICE',
  issuedTo: 'Ada Okafor',
});

async function create(as: Claims, input: object): Promise<{ licenseKey: string; license: Json }> {
  const query = mutation('createLicense', 'licenseKey license { status issuedDate expiryDate }');
  const { createLicense: made } = await server.ok(query, { input: { ...basics(), ...input } }, as);
  if (made?.license === undefined) throw new Error('no license was made');
  return { licenseKey: String(made.licenseKey), license: made.license };
}

const wrongFields = (input: object) =>
  refusedFields(server, shop.admin, 'createLicense', { ...basics(), ...input });
const newKey = (): string =>
  (randomUUID().replaceAll('-', '').toUpperCase().slice(0, 20).match(/.{4}/g) ?? []).join('-');

test('key, status and issue date are obeyed for who may import', async () => {
  const key = newKey();

  const { license, licenseKey } = await create(shop.admin, {
    licenseType: 'TRIAL',
    trialPeriodDays: 30,
    licenseKey: ` ${key.toLowerCase().replaceAll('-', ' ')} `,
    status: 'ACTIVE',
    issuedDate: '2026-02-15T00:00:00Z',
    expiryDate: '2026-03-20T00:00:00Z',
  });

  expect(licenseKey).toBe(key);
  expect(license).toMatchObject({
    status: 'ACTIVE',
    issuedDate: '2026-02-15T00:00:00.000Z',
    expiryDate: '2026-03-20T00:00:00.000Z',
  });
});

test('an imported trial that has begun ends with its length when no expiry is given', async () => {
  const input = {
    licenseType: 'TRIAL',
    trialPeriodDays: 30,
    status: 'ACTIVE',
    issuedDate: '2026-02-15T00:00:00Z',
  };

  const { license } = await create(shop.admin, input);

  expect(license).toMatchObject({ status: 'ACTIVE', expiryDate: '2026-03-17T00:00:00.000Z' });
});

test('letters beyond hexadecimal are taken in an imported key', async () => {
  const licenseKey = 'ZZZZ-YYYY-XXXX-0000-9999';

  expect((await create(shop.admin, { licenseKey })).licenseKey).toBe(licenseKey);
});

test('a license that expired before it was imported reads so from the first answer on', async () => {
  const { license } = await create(shop.admin, {
    issuedDate: '2024-01-01T00:00:00Z',
    expiryDate: '2025-01-01T00:00:00Z',
  });

  expect(license.status).toBe('SUSPENDED');
});

test('who may not import has them ignored', async () => {
  const key = newKey();
  const input = { licenseKey: key, status: 'PENDING', issuedDate: '2020-01-01T00:00:00Z' };

  const { license, licenseKey } = await create(manager, input);

  expect(licenseKey).not.toBe(key);
  expect(license).toMatchObject({ status: 'ACTIVE', issuedDate: START });
});

test.each([
  ['of the form of no key', { licenseKey: 'ABCD-EFGH' }, ['input.licenseKey']],
  ['with letters that no key has', { licenseKey: 'ÄBCD-EFGH-IJKL-MNOP-QRST' }, ['input.licenseKey']],
  ['as REVOKED', { status: 'REVOKED' }, ['input.status']],
  ['as EXPIRED', { status: 'EXPIRED' }, ['input.status']],
  ['as PENDING though it is no trial', { status: 'PENDING' }, ['input.status']],
  ['issued in the future', { issuedDate: '2026-03-01T12:00:00.001Z' }, ['input.issuedDate']],
  [
    'with a bad key and a bad status at once',
    { licenseKey: '1', status: 'SUSPENDED' },
    ['input.licenseKey', 'input.status'],
  ],
])('a license %s is refused', async (_, input, fields) => {
  expect(await wrongFields(input)).toEqual(fields);
});

test('a key is taken by one license only, in whatever spelling', async () => {
  const { licenseKey } = await createLicense(server, shop);

  const input = { ...basics(), licenseKey: licenseKey.toLowerCase().replaceAll('-', '') };
  const error = await refusedAct(server, shop.admin, 'createLicense', input, 'ALREADY_EXISTS');

  expect(error.extensions.fields?.map((problem) => problem.field)).toEqual(['input.licenseKey']);
  expect(error.message).not.toContain(licenseKey);
});

test('a key of another tenant is taken as well', async () => {
  const other = await openShop(server);
  const { licenseKey } = await createLicense(server, other);

  await refusedAct(server, shop.admin, 'createLicense', { ...basics(), licenseKey }, 'ALREADY_EXISTS');
});

test('of two imports of one key at once exactly one succeeds', async () => {
  const input = { ...basics(), licenseKey: newKey() };
  const send = () => server.graphql(mutation('createLicense', 'licenseKey'), { input }, shop.admin);

  const answers = await Promise.all([send(), send(), send()]);

  expect(answers.map((answer) => answer.code).toSorted()).toEqual([
    'ALREADY_EXISTS',
    'ALREADY_EXISTS',
    undefined,
  ]);
});
