import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, instant } from '../../src/core/clock.js';
import type { Shop } from '../support/fixtures.js';
import { Processes } from '../support/processes.js';
import {
  openRenewalShop,
  payingCustomer,
  renewingLicense,
  standing,
  writesOwners,
} from '../support/renewing.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { type StripeBehaviour, StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let processes: Processes;
let shop: Shop;
beforeAll(async () => {
  stripe = await StripeServer.open();
  server = await startTestServer({ environment: { ...stripe.environment, LG_STRIPE_SECONDS: '2' } });
  writesOwners(stripe, server.sql);
  // The workers' clock is the system's.
  server.now = instant(Date.now());
  // Who is to be killed while it waits for the processor waits long enough.
  processes = await Processes.open(server, { ...stripe.environment, LG_STRIPE_SECONDS: '30' });
  shop = await openRenewalShop(server, { method: null });
});
afterAll(async () => {
  await processes?.end();
  await server.stop();
  await stripe.stop();
});

async function due(): Promise<string> {
  const customerId = await payingCustomer(server, shop);
  return renewingLicense(server, { ...shop, customerId });
}

/** The job is due again at once, for whoever runs it. */
const again = () => server.sql`delete from scheduled_jobs where name = 'license.renew'`;

/** A worker that is killed as soon as this has happened. */
async function killedWhen(happened: () => Promise<boolean>): Promise<void> {
  await again();
  const worker = await processes.work();
  await expect.poll(happened, { interval: 1 }).toBe(true);
  await worker.kill();
}

/** A peer comes after it, once what the dead one held is up for others. */
async function finish(licenseId: string): Promise<void> {
  server.now = addDays(instant(Date.now()), 1);
  await server.jobs.run('license.renew');
  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  const [row] =
    await server.sql`select (select count(*)::int from license_event_logs where license_id = ${licenseId}
      and event_type = 'license.renewed') as renewed,
    (select id from invoices where license_id = ${licenseId}) as invoice`;
  expect(row?.renewed).toBe(1);
  expect(stripe.intents.filter(({ metadata }) => metadata.invoice_id === row?.invoice)).toHaveLength(1);
  server.now = instant(Date.now());
}

/** Holds the transaction that would write something, until the worker that waits for it is dead. */
async function heldAt(table: string, when: string): Promise<() => Promise<void>> {
  const { sql } = server;
  await sql.unsafe(`create or replace function waits() returns trigger language plpgsql as $$ begin
    perform pg_sleep(30); return new; end $$`);
  await sql.unsafe(
    `create trigger waits before insert or update on ${table} for each row when (${when}) execute function waits()`,
  );
  return async () => {
    await sql.unsafe(`drop trigger waits on ${table}`);
  };
}

/** Triggers bind roles as they are: whoever was cut off at the server's side is ended first. */
const endSleepers = () =>
  server.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event = 'PgSleep'`;
const isHeld = async (): Promise<boolean> =>
  (
    await server.sql`select 1 from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
  ).length > 0;

test('killed between the commit of what is to be charged and the request: one charge, one renewal', async () => {
  const licenseId = await due();
  const release = await heldAt('charges', 'new.asks = 1');

  await killedWhen(isHeld);
  await endSleepers();
  await release();
  const [charge] = await server.sql`select asks, status from charges c join invoices i on i.id = c.invoice_id
    where i.license_id = ${licenseId}`;

  expect({ ...charge }).toEqual({ asks: 0, status: 'ASKING' });
  expect(stripe.intents).toEqual([]);
  await finish(licenseId);
});

const behaviours: readonly (readonly [string, StripeBehaviour])[] = [
  ['the money was taken', 'TAKE_AND_HANG'],
  ['nothing was taken', 'HANG'],
];
test.each(behaviours)(
  'killed between the request and its answer, when %s: one charge, one renewal',
  async (_, behaviour) => {
    const licenseId = await due();
    const before = stripe.asked.length;
    stripe.behaviour = () => behaviour;

    await killedWhen(async () => stripe.asked.slice(before).some(({ method }) => method === 'POST'));
    stripe.behaviour = () => 'TAKE';

    expect(await standing(server, licenseId)).toEqual(['OPEN, attempts 1, PENDING 0']);
    await finish(licenseId);
  },
  60_000,
);

test('killed between the answer and the commit of what follows from it: one charge, one renewal', async () => {
  const licenseId = await due();
  const before = stripe.taken().length;
  const release = await heldAt('renewals', "new.status = 'RENEWED'");

  await killedWhen(async () => stripe.taken().length > before && (await isHeld()));
  await endSleepers();
  await release();

  expect(await standing(server, licenseId)).toEqual(['OPEN, attempts 1, PENDING 0']);
  await finish(licenseId);
});

test('two workers at once charge each of many licenses once', async () => {
  const ids = [await due(), await due(), await due(), await due()];
  await again();

  await Promise.all([processes.work(), processes.work()]);
  await expect
    .poll(async () => (await Promise.all(ids.map((id) => standing(server, id)))).flat())
    .toEqual(ids.map(() => 'RENEWED, attempts 1, PAID 100'));

  const invoices = stripe.taken().map(({ metadata }) => metadata.invoice_id);
  expect(new Set(invoices).size).toBe(invoices.length);
});
