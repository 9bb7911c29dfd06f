import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Role, roles } from '../../src/access/permissions.js';
import { addMillis } from '../../src/core/clock.js';
import {
  eventsDuring,
  inRole,
  type LoggedEvent,
  listIn,
  mutation,
  readLicense,
  refusedAct,
} from '../support/acts.js';
import {
  activate,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

interface Act {
  readonly act: string;
  readonly permission: string;
  readonly type: string;
  readonly input: object;
  readonly data: object;
  /** What has to be done before. */
  readonly first?: { readonly act: string; readonly input: object };
}

const reason = 'Invoice 7 is open';
const acts: readonly Act[] = [
  {
    act: 'updateLicense',
    permission: 'license.update',
    type: 'license.updated',
    input: { issuedTo: 'Bo', metadata: { note: 'private' } },
    data: { changed: ['issuedTo', 'metadata'] },
  },
  {
    act: 'renewLicense',
    permission: 'license.renew',
    type: 'license.renewed',
    input: { durationMonths: 12 },
    data: {
      by: 'HAND',
      duration_months: 12,
      from: '2027-03-01T12:00:00.000Z',
      to: '2028-03-01T12:00:00.000Z',
      upgraded: [],
    },
  },
  {
    act: 'suspendLicense',
    permission: 'license.suspend',
    type: 'license.suspended',
    input: { reason },
    data: { reason, from: 'ACTIVE' },
  },
  {
    act: 'reinstateLicense',
    permission: 'license.reinstate',
    type: 'license.reinstated',
    input: {},
    data: { to: 'ACTIVE' },
    first: { act: 'suspendLicense', input: { reason } },
  },
  {
    act: 'revokeLicense',
    permission: 'license.revoke',
    type: 'license.revoked',
    input: { reason },
    data: { reason, from: 'ACTIVE' },
  },
  {
    act: 'revealLicenseKey',
    permission: 'license.reveal_key',
    type: 'license.key_revealed',
    input: {},
    data: {},
  },
];

const send = (as: Claims, act: string, id: string, input: object) =>
  server.ok(mutation(act, '__typename'), { input: { licenseId: id, ...input } }, as);

async function prepared({ first }: Act): Promise<Issued> {
  const license = await issueLicense(server, shop);
  if (first !== undefined) await send(shop.admin, first.act, license.id, first.input);
  return license;
}

const roleNames = Object.keys(roles) as Role[];
const may = (role: Role, permission: string): boolean =>
  roles[role].some((each: string) => each === permission);

describe.each(acts)('$act', (each) => {
  const { act, type, input, data, permission } = each;

  test('writes exactly one event, of whom, on what, and what changed', async () => {
    const { id } = await prepared(each);

    const events = await eventsDuring(server, shop.admin.tenant_id, () =>
      send({ ...shop.admin, sub: 'ada@example.com' }, act, id, input),
    );

    const expected: LoggedEvent = {
      type,
      subjectId: id,
      licenseId: id,
      actor: 'ada@example.com',
      data: { ...data },
    };
    expect(events).toEqual([expected]);
  });

  test(`needs ${permission}, which alone is enough`, async () => {
    const { id } = await prepared(each);
    const others = Object.keys(await everyPermissionBut(permission));
    const tenant_id = shop.admin.tenant_id;

    await refusedAct(
      server,
      { tenant_id, permissions: others },
      act,
      { licenseId: id, ...input },
      'FORBIDDEN',
    );
    const nobody = await server.graphql(mutation(act, '__typename'), { input: { licenseId: id, ...input } });
    await send({ tenant_id, permissions: [permission] }, act, id, input);

    expect(nobody.code).toBe('UNAUTHENTICATED');
  });

  test.each(roleNames.filter((role) => !may(role, permission)))('the role %s may not', async (role) => {
    const { id } = await prepared(each);
    const as = inRole(shop.admin, role);

    await refusedAct(server, as, act, { licenseId: id, ...input }, 'FORBIDDEN');
  });

  test('of a license that does not exist, or of another tenant, is refused alike', async () => {
    const { id } = await prepared(each);
    const other = await openShop(server);
    const nobody = '01930000-0000-7000-8000-000000000000';

    for (const licenseId of [id, nobody]) {
      const error = await refusedAct(server, other.admin, act, { licenseId, ...input }, 'LICENSE_NOT_FOUND');
      expect(error.message).toBe(`There is no license ${licenseId}.`);
    }
  });

  test('of an id that is none is refused by the name of the field', async () => {
    for (const licenseId of ['', 'x', "' or 1=1", '01930000-0000-7000-8000-00000000000G']) {
      const error = await refusedAct(server, shop.admin, act, { licenseId, ...input }, 'INVALID_INPUT');
      expect(error.extensions.fields?.map((problem) => problem.field)).toEqual(['input.licenseId']);
    }
  });
});

async function everyPermissionBut(permission: string): Promise<Record<string, true>> {
  const { permissions } = await import('../../src/access/permissions.js');
  return Object.fromEntries(
    Object.keys(permissions)
      .filter((each) => each !== permission)
      .map((each) => [each, true]),
  );
}

describe('License.events', () => {
  const selection =
    'events(first: 100) { totalCount nodes { type subjectId licenseId activationId actor data createdAt } }';

  test('lists what happened to a license and its devices, the newest first, and nothing of another', async () => {
    const license = await issueLicense(server, shop);
    await createLicense(server, shop);
    server.pass(1000);
    const { activation } = await activate(server, license.licenseKey, 'device-1');
    server.pass(1000);
    await send(shop.admin, 'suspendLicense', license.id, { reason });

    const { events } = await readLicense(server, shop.admin, license.id, selection);

    const about = { subjectId: license.id, licenseId: license.id, activationId: null, actor: 'tester' };
    expect(events?.totalCount).toBe(3);
    expect(events?.nodes).toEqual([
      {
        ...about,
        type: 'license.suspended',
        data: { reason, from: 'ACTIVE' },
        createdAt: addMillis(START, 2000),
      },
      {
        type: 'activation.created',
        subjectId: activation?.id,
        licenseId: license.id,
        activationId: activation?.id,
        actor: `license:${license.id}`,
        data: { activation_type: 'ONLINE' },
        createdAt: addMillis(START, 1000),
      },
      expect.objectContaining({ ...about, type: 'license.created', createdAt: START }),
    ]);
  });

  test('events of one instant are listed in the order in which they happened, newest first', async () => {
    const { id } = await issueLicense(server, shop);
    await send(shop.admin, 'suspendLicense', id, { reason });
    await send(shop.admin, 'reinstateLicense', id, {});
    await send(shop.admin, 'revokeLicense', id, { reason });

    const { events } = await readLicense(server, shop.admin, id, 'events { nodes { type } }');

    expect(listIn<{ type: string }>(events?.nodes).map((event) => event.type)).toEqual([
      'license.revoked',
      'license.reinstated',
      'license.suspended',
      'license.created',
    ]);
  });

  test('pages of events reach the first one without gaps or repeats', async () => {
    const { id } = await issueLicense(server, shop);
    for (let turn = 0; turn < 4; turn += 1) {
      await send(shop.admin, 'suspendLicense', id, { reason });
      await send(shop.admin, 'reinstateLicense', id, {});
    }
    const query = `query ($id: ID!, $after: String) { license(id: $id) {
      events(first: 4, after: $after) { nodes { id type } pageInfo { endCursor hasNextPage } } } }`;
    const types: string[] = [];
    let after: string | null = null;
    do {
      const { license } = await server.ok(query, { id, after }, shop.admin);
      types.push(...listIn<{ type: string }>(license?.events?.nodes).map((event) => event.type));
      after =
        String(license?.events?.pageInfo?.hasNextPage) === 'true'
          ? String(license?.events?.pageInfo?.endCursor)
          : null;
    } while (after !== null);

    const turn = ['license.reinstated', 'license.suspended'];
    expect(types).toEqual([...turn, ...turn, ...turn, ...turn, 'license.created']);
  });

  test('needs event.read', async () => {
    const { id } = await issueLicense(server, shop);
    const as: Claims = { tenant_id: shop.admin.tenant_id, roles: ['customer'], customer_id: shop.customerId };

    const query = 'query ($id: ID!) { license(id: $id) { id events { totalCount } } }';
    const answer = await server.graphql(query, { id }, as);

    expect(answer.code).toBe('FORBIDDEN');
  });
});

test('a mutation of several acts is one transaction each: what a later one is refused leaves the earlier ones', async () => {
  const { id } = await issueLicense(server, shop);
  const document = `mutation ($id: ID!) {
    off: updateLicense(input: { licenseId: $id, status: INACTIVE }) { license { status } }
    twice: reinstateLicense(input: { licenseId: $id }) { license { status } }
    renamed: updateLicense(input: { licenseId: $id, issuedTo: "Bo" }) { license { status issuedTo } } }`;

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    const answer = await server.graphql(document, { id }, shop.admin);

    expect(answer.data).toEqual({
      off: { license: { status: 'INACTIVE' } },
      twice: null,
      renamed: { license: { status: 'INACTIVE', issuedTo: 'Bo' } },
    });
    expect(answer.code).toBe('INVALID_TRANSITION');
  });

  expect(events.map((event) => event.type)).toEqual(['license.updated', 'license.updated']);
});
