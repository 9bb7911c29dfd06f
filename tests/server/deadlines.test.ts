import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mutation, tablesOf } from '../support/acts.js';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { untilHeld } from '../support/rowLocks.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';
import { SocketDoor } from '../support/socketDoor.js';

let server: TestServer;
/** The same, with all the time there is. */
let patient: TestServer;
let shop: Shop;
let token: string;
let socket: SocketDoor;
beforeAll(async () => {
  // Time enough for what is to be answered, on a busy machine too.
  server = await startTestServer({ environment: { LG_OPERATION_SECONDS: '2', LG_DATABASE_POOL: '2' } });
  patient = await startTestServer({ environment: { LG_OPERATION_SECONDS: '60' }, beside: server });
  shop = await openShop(patient);
  // The driver never answers whoever reserves the first connection of a pool.
  await server.count('tenants');
  token = await server.token(shop.admin);
  for (const each of [server, patient]) await each.app.listen({ host: '127.0.0.1', port: 0 });
});
beforeEach(async () => {
  socket = await SocketDoor.open(patient, token);
  return () => socket.close();
});
afterAll(async () => {
  await patient.stop();
  await server.stop();
});

const RENAME = mutation('updateLicense', 'license { issuedTo }');
const LIST = '{ licenses(first: 1) { nodes { id } } }';

/** Nobody reads or writes licenses until it is let go. */
async function lockLicenses(): Promise<() => Promise<void>> {
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table licenses in access exclusive mode`;
  return async () => {
    await connection`rollback`;
    connection.release();
  };
}

const free = { open: 0, waiting: 0 };

describe('an operation that takes too long', () => {
  const ways: readonly [string, (at: TestServer, body: object) => Promise<Answer>][] = [
    [
      'HTTP',
      (at, { query, variables }: { query?: string; variables?: object }) =>
        at.graphql(query ?? '', variables, token),
    ],
    [
      'a socket',
      async (at, body) => {
        const door = await SocketDoor.open(at, token);
        return door.ask(JSON.stringify(body)).finally(() => door.close());
      },
    ],
  ];

  test.each(ways)('is told so over %s, and ends in the database', async (_way, ask) => {
    const unlock = await lockLicenses();
    const logged = server.logged.length;

    const answer = await ask(server, { query: LIST }).finally(async () => {
      // The lock is still held: nothing but the end of the operation ends its statement.
      await untilHeld(server, free);
      await unlock();
    });

    expect(answer.errors.map(({ extensions, path }) => [extensions.code, path])).toEqual([
      ['OPERATION_TIMEOUT', ['licenses']],
    ]);
    expect(server.logged.slice(logged).filter((line) => line.includes('"level":50'))).toEqual([]);
    await server.ok(LIST, {}, token);
  });

  test.each(ways)('is rolled back whole over %s if it is a mutation', async (_way, ask) => {
    const { id } = await issueLicense(patient, shop);
    const before = await tablesOf(server, shop.admin.tenant_id);
    const unlock = await lockLicenses();

    const answer = await ask(server, {
      query: RENAME,
      variables: { input: { licenseId: id, issuedTo: 'Somebody' } },
    }).finally(async () => {
      await untilHeld(server, free);
      await unlock();
    });

    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(['OPERATION_TIMEOUT']);
    expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
  });

  test('gives its connection back: a pool of two survives ten of them', async () => {
    const { id } = await issueLicense(patient, shop);
    const unlock = await lockLicenses();
    const input = { licenseId: id, issuedTo: 'Somebody' };

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        at % 2 === 0 ? server.graphql(LIST, {}, token) : server.graphql(RENAME, { input }, token),
      ),
    ).finally(unlock);

    expect(answers.map(({ code }) => code)).toEqual(Array(10).fill('OPERATION_TIMEOUT'));
    for (let at = 0; at < 4; at += 1) await server.ok(RENAME, { input }, token);
    await untilHeld(server, free);
  });

  test('leaves what its earlier root fields have committed', async () => {
    const first = await issueLicense(patient, shop);
    const second = await issueLicense(patient, shop);
    const connection = await server.sql.reserve();
    await connection`begin`;
    await connection`select from licenses where id = ${second.id} for update`;

    const answer = await server
      .graphql(
        `mutation ($a: UpdateLicenseInput!, $b: UpdateLicenseInput!) {
          a: updateLicense(input: $a) { license { issuedTo } } b: updateLicense(input: $b) { license { issuedTo } } }`,
        {
          a: { licenseId: first.id, issuedTo: 'First' },
          b: { licenseId: second.id, issuedTo: 'Second' },
        },
        token,
      )
      .finally(async () => {
        await connection`rollback`;
        connection.release();
      });

    expect(answer.data).toEqual({ a: { license: { issuedTo: 'First' } }, b: null });
    expect(answer.errors.map(({ extensions, path }) => [extensions.code, path])).toEqual([
      ['OPERATION_TIMEOUT', ['b']],
    ]);
    expect(
      await server.sql`select issued_to from licenses where id in ${server.sql([first.id, second.id])} order by issued_to = 'First' desc`,
    ).toMatchObject([{ issued_to: 'First' }, { issued_to: 'Ada Okafor' }]);
  });
});

/** Sends a body and hangs up once the database has it. */
async function hangUp(body: object): Promise<void> {
  const { port } = patient.app.server.address() as AddressInfo;
  const sent = request({
    port,
    host: '127.0.0.1',
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  });
  sent.on('error', () => undefined);
  sent.end(JSON.stringify(body));
  await untilHeld(server, { open: 1, waiting: 1 });
  sent.destroy();
}

describe('whose caller hangs up', () => {
  test('a query ends in the database', async () => {
    const unlock = await lockLicenses();

    await hangUp({ query: LIST });

    await untilHeld(server, free).finally(unlock);
  });

  test('a mutation goes on', async () => {
    const { id } = await issueLicense(patient, shop);
    const unlock = await lockLicenses();

    await hangUp({ query: RENAME, variables: { input: { licenseId: id, issuedTo: 'Alone' } } });
    await unlock();

    await expect
      .poll(() => server.sql`select issued_to from licenses where id = ${id}`, { interval: 10 })
      .toEqual([{ issued_to: 'Alone' }]);
  });
});

describe('over a socket', () => {
  const start = async (body: object): Promise<string> => {
    const id = socket.start(JSON.stringify(body));
    await untilHeld(server, { open: 1, waiting: 1 });
    return id;
  };

  test('a query ends in the database when its caller completes it, and the socket goes on', async () => {
    const unlock = await lockLicenses();

    socket.complete(await start({ query: LIST }));

    await untilHeld(server, free).finally(unlock);
    const answer = await socket.ask(JSON.stringify({ query: LIST }));
    expect(answer.errors).toEqual([]);
  });

  test('a query ends in the database when the socket closes', async () => {
    const door = await SocketDoor.open(patient, token);
    const unlock = await lockLicenses();
    door.start(JSON.stringify({ query: LIST }));
    await untilHeld(server, { open: 1, waiting: 1 });

    door.socket.terminate();

    await untilHeld(server, free).finally(unlock);
  });

  test('a mutation goes on when its caller completes it', async () => {
    const { id } = await issueLicense(patient, shop);
    const unlock = await lockLicenses();

    socket.complete(
      await start({ query: RENAME, variables: { input: { licenseId: id, issuedTo: 'Alone' } } }),
    );
    await unlock();

    await expect
      .poll(() => server.sql`select issued_to from licenses where id = ${id}`, { interval: 10 })
      .toEqual([{ issued_to: 'Alone' }]);
  });
});

test('a caller who has gone is told of nowhere', async () => {
  await activate(server, (await issueLicense(patient, shop)).licenseKey, 'first');

  expect([...server.logged, ...patient.logged].filter((line) => line.includes('"level":50'))).toEqual([]);
});
