import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { activate, createCustomer, issueLicense } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, createReseller, insertOrder, openWorld, type World } from '../support/world.js';

/** What one of two customers, and the reseller through whom it came, have in a tenant. */
interface Part {
  readonly customerId: string;
  readonly resellerId: string;
  readonly licenseId: string;
  readonly licenseKey: string;
  readonly activationId: string;
  readonly activationToken: string;
  readonly orderId: string;
}

let server: TestServer;
let world: World;
let own: Part;
let others: Part;

async function openPart(): Promise<Part> {
  const { admin } = world;
  const customerId = await createCustomer(server, admin);
  const resellerId = await createReseller(server, admin);
  await server.sql`update customers set reseller_id = ${resellerId} where id = ${customerId}`;
  const { id: licenseId, licenseKey } = await issueLicense(server, { ...world, customerId });
  const activated = await activate(server, licenseKey, 'laptop');
  const orderId = await insertOrder(server, world, { customerId, resellerId });
  await server.sql`update licenses set order_id = ${orderId}, reseller_id = ${resellerId} where id = ${licenseId}`;
  return {
    customerId,
    resellerId,
    licenseId,
    licenseKey,
    orderId,
    activationId: String(activated.activation?.id),
    activationToken: String(activated.activationToken),
  };
}

beforeAll(async () => {
  server = await startTestServer();
  world = await openWorld(server);
  own = await openPart();
  others = await openPart();
});
afterAll(() => server.stop());

/** Every permission, so that nothing but the part of the tenant bounds what is seen. */
const bindings: readonly (readonly [who: string, claims: () => Claims])[] = [
  ['a customer', () => ({ ...world.admin, customer_id: own.customerId })],
  ['a reseller', () => ({ ...world.admin, reseller_id: own.resellerId })],
  [
    'a customer of a reseller, bound to both',
    () => ({ ...world.admin, customer_id: own.customerId, reseller_id: own.resellerId }),
  ],
];

const ids = (nodes: unknown): unknown[] =>
  Array.isArray(nodes) ? nodes.map(({ id }: { id: unknown }) => id) : [];

describe.each(bindings)('%s', (_who, claims) => {
  test.each([
    ['licenses', () => [own.licenseId]],
    ['activations', () => [own.activationId]],
    ['orders', () => [own.orderId]],
    ['customers', () => [own.customerId]],
    ['resellers', () => [own.resellerId]],
  ] as const)('sees its own %s and counts no others', async (field, expected) => {
    const data = await server.ok(`{ ${field} { totalCount nodes { id } } }`, {}, claims());

    expect(ids(data[field]?.nodes)).toEqual(expected());
    expect(data[field]?.totalCount).toBe(1);
  });

  test.each([
    ['license', () => others.licenseId],
    ['activation', () => others.activationId],
    ['order', () => others.orderId],
    ['customer', () => others.customerId],
    ['reseller', () => others.resellerId],
  ] as const)('finds no %s of others', async (field, id) => {
    const data = await server.ok(`query ($id: ID!) { ${field}(id: $id) { id } }`, { id: id() }, claims());

    expect(data[field]).toBe(null);
  });

  test('reaches no license of others through what the tenant shares', async () => {
    const data = await server.ok(
      `query ($template: ID!, $product: ID!) {
        template(id: $template) { licenses { totalCount nodes { id } } }
        product(id: $product) { licenses { totalCount nodes { id } } }
        events { nodes { licenseId } }
        licenses(first: 15) { nodes { template { licenses { nodes { id } } } customer { licenses { nodes { id } } orders { nodes { id } } }
          order { licenses { nodes { id } } } reseller { licenses { nodes { id } } customers { nodes { id } } } } } }`,
      { template: world.templateId, product: world.productId },
      claims(),
    );

    const answer = JSON.stringify(data);
    expect(data.template?.licenses).toEqual({ totalCount: 1, nodes: [{ id: own.licenseId }] });
    expect(data.product?.licenses).toEqual({ totalCount: 1, nodes: [{ id: own.licenseId }] });
    for (const id of [...Object.values(others), world.licenseId, world.orderId])
      expect(answer).not.toContain(id);
  });

  test('finds nothing by the key or the token of others', async () => {
    const data = await server.ok(
      `query ($key: String!, $token: String!) {
        licenseByKey(licenseKey: $key) { id }
        validateLicenseKey(licenseKey: $key) { code license { id } }
        validateActivation(activationToken: $token) { code license { id } activation { id } } }`,
      { key: others.licenseKey, token: others.activationToken },
      claims(),
    );

    expect(data).toEqual({
      licenseByKey: null,
      validateLicenseKey: { code: 'NOT_FOUND', license: null },
      validateActivation: { code: 'NOT_FOUND', license: null, activation: null },
    });
  });

  test.each([
    ['updateLicense', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId, issuedTo: 'Mallory' })],
    ['renewLicense', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId, durationMonths: 1 })],
    ['suspendLicense', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId, reason: 'x' })],
    ['reinstateLicense', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId })],
    ['revokeLicense', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId, reason: 'x' })],
    ['revealLicenseKey', 'LICENSE_NOT_FOUND', () => ({ licenseId: others.licenseId })],
    [
      'transferLicense',
      'LICENSE_NOT_FOUND',
      () => ({ licenseId: others.licenseId, newIssuedTo: 'Mallory', transferReason: 'x' }),
    ],
    [
      'activateLicense',
      'LICENSE_NOT_FOUND',
      () => ({ licenseKey: others.licenseKey, deviceFingerprint: 'x' }),
    ],
    ['sendHeartbeat', 'ACTIVATION_NOT_FOUND', () => ({ activationToken: others.activationToken })],
    ['deactivateActivation', 'ACTIVATION_NOT_FOUND', () => ({ activationId: others.activationId })],
    ['deactivateActivation', 'ACTIVATION_NOT_FOUND', () => ({ activationToken: others.activationToken })],
    [
      'issueLicense',
      'CUSTOMER_NOT_FOUND',
      () => ({ customerId: others.customerId, templateId: world.templateId }),
    ],
  ] as const)('cannot %s what is not its own, and writes nothing', async (name, code, input) => {
    const before = await contentOf(server);

    const answer = await server.graphql(mutation(name, '__typename'), { input: input() }, claims());

    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual([code]);
    expect(await contentOf(server)).toBe(before);
  });

  test('moves no license of its own to somebody it does not see', async () => {
    const before = await contentOf(server);
    const input = {
      licenseId: own.licenseId,
      newCustomerId: others.customerId,
      newIssuedTo: 'Mallory',
      transferReason: 'x',
    };

    const answer = await server.graphql(mutation('transferLicense', '__typename'), { input }, claims());

    expect(answer.code).toBe('CUSTOMER_NOT_FOUND');
    expect(await contentOf(server)).toBe(before);
  });
});

describe('an application in the field', () => {
  test('sees the license whose key it shows', async () => {
    const query = `{ validateLicenseKey(licenseKey: "${own.licenseKey}") { code
      license { id customerId currentActivations } } }`;

    const data = await server.ok(query);

    expect(data.validateLicenseKey).toEqual({
      code: 'VALID',
      license: { id: own.licenseId, customerId: own.customerId, currentActivations: 1 },
    });
  });

  test('is refused who holds it, what was ordered, what happened and who else uses it', async () => {
    for (const field of [
      'customer { id }',
      'order { id }',
      'events { totalCount }',
      'template { id }',
      'activations { totalCount }',
    ]) {
      const query = `{ validateLicenseKey(licenseKey: "${own.licenseKey}") { license { ${field} } } }`;

      expect([field, (await server.graphql(query)).code]).toEqual([field, 'FORBIDDEN']);
    }
  });

  test('that shows keys of two licenses in one query is refused the second, in one tenant or in two', async () => {
    const foreign = await openWorld(server);
    for (const second of [others.licenseKey, foreign.licenseKey]) {
      const query = `{ first: validateLicenseKey(licenseKey: "${own.licenseKey}") { code license { id } }
        second: validateLicenseKey(licenseKey: "${second}") { code license { id } } }`;

      const answer = await server.graphql(query);

      expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(['ONE_LICENSE_PER_OPERATION']);
      expect(JSON.stringify(answer.data)).not.toContain(foreign.licenseId);
    }
  });

  test('becomes nobody again with the next root of a mutation', async () => {
    const query = `mutation ($first: ActivateLicenseInput!, $second: ActivateLicenseInput!) {
      first: activateLicense(input: $first) { license { id } }
      second: activateLicense(input: $second) { license { id } } }`;
    const [one, other] = [await openPart(), await openPart()];
    const device = { deviceFingerprint: 'phone' };

    const data = await server.ok(query, {
      first: { licenseKey: one.licenseKey, ...device },
      second: { licenseKey: other.licenseKey, ...device },
    });

    expect(data.first?.license?.id).toBe(one.licenseId);
    expect(data.second?.license?.id).toBe(other.licenseId);
  });
});
