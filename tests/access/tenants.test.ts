import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { rootFields } from '../support/everyRootField.js';
import { grantToTenant } from '../support/fixtures.js';
import { requestOf } from '../support/offline.js';
import { asksApart, cases, namesNothing } from '../support/rootFields.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, NOBODYS_KEY, nobodysWorld, openWorld, type World } from '../support/world.js';

let server: TestServer;
let own: World;
let foreign: World;
let nobodys: World;
beforeAll(async () => {
  server = await startTestServer();
  own = await openWorld(server);
  foreign = await openWorld(server);
  nobodys = nobodysWorld(own.admin, (await requestOf(server, NOBODYS_KEY)).requestCode);
});
afterAll(() => server.stop());

/** Where the answer repeats the name that it was asked for, the name is left out of the comparison. */
function unnamed(answer: Answer, there: World): unknown {
  const { admin: _, ...names } = there;
  let text = JSON.stringify(answer);
  for (const [name, value] of Object.entries(names)) text = text.replaceAll(String(value), name);
  return JSON.parse(text);
}

test('every root field is asked for what belongs to another tenant, or names nothing', () => {
  const asked = [cases, namesNothing, asksApart].flatMap((table) => Object.keys(table));

  expect(asked.toSorted()).toEqual(rootFields());
});

const table = Object.entries(cases).flatMap(([field, asked]) =>
  asked.map(([what, ask]) => [field, what, ask] as const),
);

describe('what another tenant has', () => {
  test.each(table)('%s, %s: answers as for what does not exist, and writes nothing', async (_f, _w, ask) => {
    const before = await contentOf(server);
    const [theirs, none] = [ask(foreign, own), ask(nobodys, own)];

    const forTheirs = await server.graphql(theirs.query, theirs.variables, own.admin);
    const forNone = await server.graphql(none.query, none.variables, own.admin);

    expect(unnamed(forTheirs, foreign)).toEqual(unnamed(forNone, nobodys));
    expect(await contentOf(server)).toBe(before);
  });

  test.each(table)('%s, %s: what is the own is answered otherwise', async (_field, _what, ask) => {
    const world = await openWorld(server);
    const [mine, none] = [ask(world, world), ask(nobodys, world)];

    const forNone = await server.graphql(none.query, none.variables, world.admin);
    const forMine = await server.graphql(mine.query, mine.variables, world.admin);

    expect(unnamed(forMine, world)).not.toEqual(unnamed(forNone, nobodys));
  });

  test('no list shows it', async () => {
    const lists = [
      'customers',
      'resellers',
      'products',
      'templates',
      'licenses',
      'activations',
      'orders',
      'invoices',
    ];
    const query = `{ ${lists.map((field) => `${field}(first: 100) { totalCount nodes { id } }`).join(' ')}
      events { nodes { id subjectId data } } entitlements { licenseIds } featureFlags { name }
      viewer { tenant { id } } }`;

    const answer = JSON.stringify(await server.ok(query, {}, own.admin));

    const { admin, ...names } = foreign;
    for (const name of [admin.tenant_id, ...Object.values(names)]) expect(answer).not.toContain(name);
    for (const name of [own.admin.tenant_id, own.licenseId, own.orderId]) expect(answer).toContain(name);
  });

  test('an export of a customer of another tenant is empty', async () => {
    const world = await openWorld(server);
    await grantToTenant(server, world, [{ featureId: 'bulk_export', limitValue: 10 }]);
    const exported = async (customerId: string): Promise<unknown> => {
      const input = { filter: { customerId }, format: 'JSON' };
      return (await server.ok(mutation('exportLicenses', 'count content truncated'), { input }, world.admin))
        .exportLicenses;
    };

    expect(await exported(foreign.customerId)).toEqual({ count: 0, content: '[]', truncated: false });
    expect(await exported(world.customerId)).toMatchObject({ count: 1 });
  });

  test('a product code is free although another tenant uses it', async () => {
    const { admin } = await openWorld(server);
    const input = { productId: foreign.productId, name: 'Radar', version: '1' };

    const data = await server.ok(mutation('createProduct', 'product { id name }'), { input }, admin);

    expect(data.createProduct?.product).toEqual({ id: foreign.productId, name: 'Radar' });
  });
});
