import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';

let server: TestServer;
let post: MailServer;
beforeAll(async () => {
  post = await MailServer.open();
  const environment = { LG_SMTP_URL: post.url, LG_MAIL_FROM: 'mail@licenses.example' };
  server = await startTestServer({ environment });
});
afterAll(async () => {
  await server?.stop();
  await post?.stop();
});

async function customerOf(shop: Shop, input: object): Promise<void> {
  const change = { input: { customerId: shop.customerId, ...input } };
  await server.ok(mutation('updateCustomer', '__typename'), change, shop.admin);
}

test('from its issue to the end of its grace a customer is told of a license by the queue and the clock, each once', async () => {
  const shop = await openShop(server, { defaultDuration: 31 });
  await customerOf(shop, { email: 'ada@example.com', timeZone: 'Europe/Berlin' });
  await issueLicense(server, shop);
  await server.jobs.drain();

  for (let day = 1; day <= 70; day += 1) {
    server.now = new Date(Date.parse(START) + day * DAY_MILLIS).toISOString() as typeof START;
    await server.jobs.drain();
    if (day % 7 === 0) await server.jobs.drain();
  }

  expect(post.to('ada@example.com').map(({ mail }) => mail.subject)).toEqual([
    'Your license for Radar',
    'Your license for Radar expires in 30 days',
    'Your license for Radar expires in 14 days',
    'Your license for Radar expires in 7 days',
    // It would renew itself, and nobody is there to be charged.
    'The license for Radar could not be renewed',
    'Your license for Radar expires in 1 day',
    'Your license for Radar is suspended',
  ]);
  expect(await server.count('notifications', "status <> 'SENT'")).toBe(0);
});

test('a mail server that is down for an hour delays a mail, and loses and doubles none', async () => {
  const shop = await openShop(server);
  await customerOf(shop, { email: 'eve@example.com' });
  await post.stop();
  await issueLicense(server, shop);
  await server.jobs.drain();
  await post.start();

  for (let minute = 0; minute < 60; minute += 1) {
    server.pass(60_000);
    if (minute % 5 === 0) await server.jobs.drain();
  }

  expect(post.to('eve@example.com')).toHaveLength(1);
});
