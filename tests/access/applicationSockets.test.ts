import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { activate, type Issued, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen, RawSocket } from '../support/sockets.js';
import { followed, sealed } from '../support/streams.js';

let server: TestServer;
let shop: Shop;
let url: string;
beforeAll(async () => {
  server = await startTestServer({ events: true, environment: { LG_SOCKET_PING_SECONDS: '1' } });
  shop = await openShop(server);
  url = await listen(server);
});
afterAll(() => server.stop());

async function device(): Promise<Issued & { readonly token: string }> {
  const issued = await issueLicense(server, shop);
  const { activationToken } = await activate(server, issued.licenseKey, 'laptop');
  return { ...issued, token: String(activationToken) };
}

const open = async (authorization: string): Promise<RawSocket> => {
  const raw = await RawSocket.open(url);
  raw.send({ type: 'connection_init', payload: { authorization } });
  return raw;
};
const acknowledged = ({ type }: { type: string }): boolean => type === 'connection_ack';

test('an application asks and follows what its role may, of its own license alone', async () => {
  const [own, other] = [await device(), await device()];
  const raw = await open(`License ${own.licenseKey}`);
  await raw.until(acknowledged);

  const asked = await raw.answer('1', `{ license(id: "${own.id}") { id } }`);
  const refused = await raw.answer('2', 'subscription { activationChanged { type } }');
  // What is numbered later than a stream begins is told to it, though it was committed before.
  await sealed(server);
  raw.ask('3', 'subscription { licenseChanged { type license { id } } }');
  await followed(server, 1);
  for (const licenseId of [other.id, own.id])
    await server.ok(
      mutation('updateLicense', 'license { id }'),
      { input: { licenseId, issuedTo: 'Eve' } },
      shop.admin,
    );
  const heard = await raw.until(({ id, type }) => id === '3' && type === 'next');
  await raw.hangUp();

  expect(asked[0]?.payload?.data).toEqual({ license: { id: own.id } });
  expect(JSON.stringify(refused)).toContain('FORBIDDEN');
  expect(heard.payload?.data).toEqual({
    licenseChanged: { type: 'license.updated', license: { id: own.id } },
  });
  expect(raw.of('3')).toHaveLength(1);
});

test.each([
  ['License 0000-0000-0000-0000-0000', 'APPLICATION_UNKNOWN'],
  ['Activation act_x', 'APPLICATION_UNKNOWN'],
  ['License', 'TOKEN_INVALID'],
])('`%s` is told why it is not let in', async (authorization, code) => {
  const raw = await open(authorization);

  const closed = await raw.closed;

  expect([closed.code, closed.reason.split(':')[0]]).toEqual([4401, code]);
});

test('an application is limited as over HTTP: what is too much is refused by itself, and recorded on its license', async () => {
  const limited = await startTestServer({
    beside: server,
    environment: { LG_RATE_LICENSE_PER_MINUTE: '3' },
  });
  const { licenseKey, id } = await issueLicense(server, shop);
  const raw = await RawSocket.open(await listen(limited));
  raw.send({ type: 'connection_init', payload: { authorization: `License ${licenseKey}` } });
  await raw.until(acknowledged);

  const first = await raw.answer('1', '{ a: __typename b: __typename }');
  const tooMany = await raw.answer('2', '{ a: __typename b: __typename }');
  const last = await raw.answer('3', '{ __typename }');
  await raw.hangUp();
  await limited.stop();
  await server.sql`delete from rate_limits`;

  expect([first, last].map(([answer]) => answer?.payload?.data)).toEqual([
    { a: 'Query', b: 'Query' },
    { __typename: 'Query' },
  ]);
  expect(JSON.stringify(tooMany)).toMatch(/"code":"RATE_LIMITED","retryAfterSeconds":\d+/);
  const [event] = await server.sql`select event_data from license_event_logs
    where license_id = ${id} and event_type = 'access.refused'`;
  expect(event?.event_data).toEqual({ code: 'RATE_LIMITED', field: 'query' });
});

test('an application is hung up on when its token serves no more', async () => {
  const { licenseKey, token } = await device();
  const raw = await open(`Activation ${token}`);
  await raw.until(acknowledged);
  const renewed = String((await activate(server, licenseKey, 'laptop')).activationToken);

  await server.ok('{ __typename }', {}, undefined, { authorization: `Activation ${renewed}` });
  const closed = await raw.closed;

  expect([closed.code, closed.reason.split(':')[0]]).toEqual([4401, 'APPLICATION_UNKNOWN']);
});

test('also when its address has used up its requests, and being looked at uses up none', async () => {
  const limited = await startTestServer({
    beside: server,
    environment: { LG_SOCKET_PING_SECONDS: '1', LG_RATE_ADDRESS_PER_MINUTE: '1' },
  });
  const { licenseKey, token } = await device();
  const raw = await RawSocket.open(await listen(limited));
  raw.send({ type: 'connection_init', payload: { authorization: `Activation ${token}` } });
  await raw.until(acknowledged);
  const renewed = String((await activate(server, licenseKey, 'laptop')).activationToken);
  const wrong = await limited.graphql('{ __typename }', {}, undefined, { authorization: 'License 1234' });
  const spent = await limited.graphql('{ __typename }', {}, undefined, { authorization: 'License 1234' });

  await server.ok('{ __typename }', {}, undefined, { authorization: `Activation ${renewed}` });
  const closed = await raw.closed;
  const [counted] = await server.sql`select hits from rate_limits where bucket like 'address:%'`;
  await limited.stop();
  await server.sql`delete from rate_limits`;

  expect([wrong.code, spent.code]).toEqual(['APPLICATION_UNKNOWN', 'RATE_LIMITED']);
  expect([closed.code, closed.reason.split(':')[0]]).toEqual([4401, 'APPLICATION_UNKNOWN']);
  expect(counted?.hits).toBe(1);
});
