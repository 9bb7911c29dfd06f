import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { issueLicense, openShop } from '../support/fixtures.js';
import { Processes } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';

let server: TestServer;
let post: MailServer;
let processes: Processes;
beforeAll(async () => {
  server = await startTestServer();
  server.now = systemClock();
  post = await MailServer.open();
  processes = await Processes.open(server, { LG_SMTP_URL: post.url, LG_MAIL_FROM: 'mail@licenses.example' });
});
afterAll(async () => {
  await processes?.end();
  await post?.stop();
  await server?.stop();
});

const standing = async () => {
  const rows = await server.sql`select status, attempts, message_id from notifications`;
  return rows.map(({ status, attempts }) => [status, attempts]);
};

test('a mail that was taken when its server was killed is sent again by another, under the same Message-ID', {
  timeout: 90_000,
}, async () => {
  const shop = await openShop(server);
  const change = { customerId: shop.customerId, email: 'ada@example.com' };
  await server.ok(mutation('updateCustomer', '__typename'), { input: change }, shop.admin);
  const killed = await processes.start();
  let end: Promise<void> | undefined;
  post.behaviour = (stage) => {
    if (stage === 'DATA') end ??= killed.kill();
    return 250;
  };
  await issueLicense(server, shop);

  await expect.poll(() => post.arrived.length).toBe(1);
  await end;
  expect(await standing()).toEqual([['PENDING', 1]]);
  post.behaviour = () => 250;
  // What was its attempt is over.
  await server.sql`update notifications set next_attempt_at = now() - interval '1 second'`;
  const heir = await processes.start();
  // The minute of the schedule may have been looked at already.
  await server.sql`delete from scheduled_jobs where name = 'mail.deliver'`;

  await expect.poll(standing, { interval: 200 }).toEqual([['SENT', 2]]);
  const [first, second] = post.arrived;
  expect(post.arrived).toHaveLength(2);
  expect(second?.mail.messageId).toBe(first?.mail.messageId);
  expect(second?.mail.date).toBe(first?.mail.date);
  expect(heir.output.join('')).not.toContain(await keyOf(first?.mail.text));
});

/** The license key that a mail hands out. */
async function keyOf(text = ''): Promise<string> {
  const key = /License key: +(\S+)/.exec(text)?.[1];
  if (key === undefined) throw new Error('there is no key in the mail');
  return key;
}
