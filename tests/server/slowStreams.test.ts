import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { actOn } from '../support/acts.js';
import { createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

/** As many as may wait for one subscriber. */
const QUEUE = 5_000;
/** A few answers: the next one is made when the last is on its way. */
const HELD_BYTES = 100_000;

let server: TestServer;
let url: string;
let shop: Shop;

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
  shop = await openShop(server);
});
afterEach(() => nothingLeft(server));
afterAll(() => server.stop());

/** So many changes of a license, written as its act writes them. */
async function tell(licenseId: string, count: number): Promise<void> {
  await server.sql`with made as (
    insert into license_event_logs (tenant_id, id, event_type, subject_id, license_id, metadata, created_at)
    select ${shop.admin.tenant_id}, gen_random_uuid()::text, 'license.updated', ${licenseId}, ${licenseId}, '{}', ${server.now}
    from generate_series(1, ${count}) returning tenant_id, id)
    insert into unsealed_events (tenant_id, event_id) select tenant_id, id from made`;
}

/** An answer of some ten thousand bytes an event. */
const wide = `subscription ($id: ID) { licenseChanged(licenseId: $id) { sequence license {
  ${Array.from({ length: 40 }, (_, index) => `n${index}: issuedTo`).join(' ')} } } }`;

test('who does not read ends with TOO_SLOW, holds little meanwhile, and delays nobody', async () => {
  const busy = await createLicense(server, shop, { issuedTo: 'x'.repeat(255) });
  const calm = await issueLicense(server, shop);
  const slow = await RawSocket.as(server, url, shop.admin);
  const [mine] = [...server.app.websocketServer.clients];
  const quick = await RawSocket.as(server, url, shop.admin);
  slow.ask('1', wide, { variables: { id: busy.id } });
  quick.ask('1', 'subscription ($id: ID) { licenseChanged(licenseId: $id) { license { issuedTo } } }', {
    variables: { id: calm.id },
  });
  await expect.poll(() => server.machinery.feed?.readers).toBe(2);

  slow.socket.pause();
  await tell(busy.id, 3_000 + QUEUE);
  await actOn(server, shop.admin, 'updateLicense', { licenseId: calm.id, issuedTo: 'promptly' });
  await quick.until((message) => JSON.stringify(message).includes('promptly'));
  await expect.poll(() => server.machinery.feed?.readers).toBe(1);
  const held = mine?.bufferedAmount ?? 0;
  slow.socket.resume();
  const end = await slow.end('1');

  expect(held).toBeLessThan(HELD_BYTES);
  expect(end).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'TOO_SLOW' } }] });
  expect((await slow.answer('2', '{ viewer { subject } }')).map(({ type }) => type)).toEqual([
    'next',
    'complete',
  ]);
  await Promise.all([slow.hangUp(), quick.hangUp()]);
});

test('who reads slowly and keeps within the bound is told everything, in order', async () => {
  const { id } = await createLicense(server, shop, { issuedTo: 'x'.repeat(255) });
  const raw = await RawSocket.as(server, url, shop.admin);
  raw.ask('1', wide, { variables: { id } });
  await expect.poll(() => server.machinery.feed?.readers).toBe(1);
  await expect.poll(() => server.count('unsealed_events')).toBe(0);

  raw.socket.pause();
  await tell(id, 1_500);
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  raw.socket.resume();
  const numbers = (): number[] =>
    raw.of('1').map(({ payload }) => Number(payload?.data?.licenseChanged?.sequence));
  await expect.poll(() => numbers().length).toBeGreaterThanOrEqual(1_500);

  // Its issue is told before them where it was sealed after the subscription began. Between them stand the tenant's own events.
  const stored = await server.sql`select s.sequence::int as sequence from audit_seals s
    join license_event_logs e on e.tenant_id = s.tenant_id and e.id = s.event_id
    where s.tenant_id = ${shop.admin.tenant_id} and e.license_id = ${id} and s.sequence >= ${Number(numbers()[0])}
    order by s.sequence`;
  await expect.poll(numbers).toEqual(stored.map(({ sequence }) => sequence));
  await raw.hangUp();
});
