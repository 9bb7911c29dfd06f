import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { untilHeld } from '../support/rowLocks.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { RawSocket } from '../support/sockets.js';

let server: TestServer;
let shop: Shop;
let token: string;
let processes: Processes;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const now = instant(Date.now());
  token = (await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, now, 600)) ?? '';
  processes = await Processes.open(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const socketTo = ({ address }: ServerProcess) =>
  RawSocket.greeted(`${address.replace('http', 'ws')}/graphql`, token);
const update = mutation('updateLicense', 'license { id }');

function rename(at: ServerProcess, { id }: Issued, issuedTo: string) {
  return at.graphql(update, { input: { licenseId: id, issuedTo } }, token);
}

/** The numbers of the license's changes in the log, once all have one. */
async function numbered({ id }: Issued): Promise<number[]> {
  // What the dead server sent last, the database may still be committing.
  await untilHeld(server, { open: 0, waiting: 0 });
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  const rows = await server.sql`select s.sequence::int from license_event_logs e
    join audit_seals s on s.tenant_id = e.tenant_id and s.event_id = e.id
    where e.license_id = ${id} and e.event_type = 'license.updated' order by 1`;
  return rows.map(({ sequence }) => Number(sequence));
}

test('a server that is killed at any moment takes no change from the subscribers of another, also of those that it committed last', async () => {
  const license = await createLicense(server, shop, { licenseType: 'PERPETUAL' });
  const [stays, victim] = await Promise.all([processes.start(), processes.start()]);
  const [raw, lost] = await Promise.all([socketTo(stays), socketTo(victim)]);
  const changed = `subscription { licenseChanged(licenseId: "${license.id}") { sequence type } }`;
  for (const each of [raw, lost]) each.ask('1', changed);
  await expect
    .poll(async () => {
      await rename(stays, license, 'to find out');
      return Math.min(raw.of('1').length, lost.of('1').length);
    })
    .toBeGreaterThan(0);
  let left = randomInt(5, 40);

  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      await rename(index % 2 === 0 ? victim : stays, license, `name ${index}`).catch(() => undefined);
      left -= 1;
      if (left === 0) await victim.kill();
    }),
  );
  const committed = await numbered(license);
  const told = () => raw.of('1').map(({ payload }) => Number(payload?.data?.licenseChanged?.sequence));
  await expect.poll(() => told().at(-1)).toBe(committed.at(-1));

  // The license's own issue may be numbered behind the beginning of the stream.
  const updates = raw
    .of('1')
    .filter(({ payload }) => String(payload?.data?.licenseChanged?.type) === 'license.updated')
    .map(({ payload }) => Number(payload?.data?.licenseChanged?.sequence));
  expect(updates).toEqual(committed.slice(committed.indexOf(updates[0] ?? 0)));
  expect((await lost.closed).code).toBe(1006);
  await raw.hangUp();
});

test('what a server committed and could not number before it was killed, another numbers and tells', async () => {
  const license = await createLicense(server, shop, { licenseType: 'PERPETUAL' });
  const sealer = await server.sql.reserve();
  await sealer`begin`;
  await sealer`select pg_advisory_xact_lock(7461200520)`;
  const victim = await processes.start();
  expect((await rename(victim, license, 'unnumbered')).errors).toEqual([]);
  await victim.kill();
  const stays = await processes.start();
  const raw = await socketTo(stays);
  raw.ask('1', `subscription { licenseChanged(licenseId: "${license.id}") { license { issuedTo } } }`);
  // The stream began before these, and asks for less.
  for (const id of ['2', '3', '4'])
    await raw.answer(id, '{ licenses { totalCount nodes { events { totalCount } } } }');

  await sealer`rollback`;
  sealer.release();

  await raw.until((message) => JSON.stringify(message).includes('unnumbered'));
  await raw.hangUp();
});
