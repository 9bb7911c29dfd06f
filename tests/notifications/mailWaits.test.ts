import { describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { MAIL_LIMITS, openMailGateway } from '../../src/notifications/gateway/mail.js';
import { mutation } from '../support/acts.js';
import { issueLicense } from '../support/fixtures.js';
import { only, tellings } from '../support/mailWorld.js';
import { post, server, setUpMail, world } from '../support/notifying.js';
import type { START } from '../support/server.js';
import { SilentServer } from '../support/smtp.js';

setUpMail();

const HOUR = 3_600_000;

const standing = async () => (await world.rows()).map(({ kind, status, reason }) => [kind, status, reason]);

const told = async (type: string) =>
  server.sql`select event_data, personal.data as personal from license_event_logs as event
    left join event_personal_data as personal on personal.tenant_id = event.tenant_id and personal.event_id = event.id
    where event.tenant_id = ${world.shop.admin.tenant_id} and event_type = ${type}`;

/** Whatever is to be told is written while the mail server puts everything off. */
async function putOff(kind: string): Promise<string> {
  const email = await world.addressed({ timeZone: 'Europe/Berlin' });
  post.behaviour = () => 451;
  await tellings[kind]?.(world);
  await world.worker.tell(world.shop.admin);
  post.behaviour = () => 250;
  return email;
}

describe('a mail that waited', () => {
  const ofTenant = () => world.shop.admin.tenant_id;

  test.each([
    [
      'LICENSE_EXPIRING',
      'was renewed',
      () =>
        server.sql`update licenses set expiry_date = expiry_date + interval '1 year' where tenant_id = ${ofTenant()}`,
    ],
    [
      'LICENSE_SUSPENDED',
      'was reinstated',
      () => server.sql`update licenses set status = 'ACTIVE', suspended_from = null, suspension_cause = null
        where tenant_id = ${ofTenant()}`,
    ],
    [
      'LICENSE_ISSUED',
      'was revoked',
      () => server.sql`update licenses set status = 'REVOKED' where tenant_id = ${ofTenant()}`,
    ],
    [
      'RENEWAL_FAILED',
      'was paid for after all',
      () =>
        server.sql`update invoices set payment_status = 'PAID', amount_paid = total, paid_at = now()
          where tenant_id = ${ofTenant()}`,
    ],
  ])('%s is not sent once the license %s, and says why', async (kind, _what, change) => {
    const email = await putOff(kind);
    await change();

    server.pass(HOUR);
    const done = await world.worker.deliver();

    expect(post.to(email)).toEqual([]);
    expect(await standing()).toEqual([[kind, 'SUPPRESSED', 'It is not so any more.']]);
    expect(done).toEqual({ sent: 0, put_off: 0, failed: 0, suppressed: 1 });
    expect(await told('notification.failed')).toEqual([]);
  });

  test('as a reminder says how many days are left when it goes out, by its reader’s calendar', async () => {
    const email = await putOff('LICENSE_EXPIRING');
    const [row] = await server.sql`select expiry_date from licenses where tenant_id = ${ofTenant()}`;
    server.now = new Date(
      Date.parse(String(row?.expiry_date)) - 5 * DAY_MILLIS,
    ).toISOString() as typeof START;
    await server.sql`update notifications set created_at = ${server.now}, next_attempt_at = ${server.now} where tenant_id = ${ofTenant()}`;

    await world.worker.deliver();

    expect(only(post.to(email)).mail.subject).toBe('Your license for Radar expires in 5 days');
    expect((await world.rows()).map(({ subject }) => subject)).toEqual([
      'Your license for Radar expires in 5 days',
    ]);
  });

  test('as a reminder is not sent to who has said meanwhile that it is not to be reminded', async () => {
    const email = await putOff('LICENSE_EXPIRING');
    await world.act('updateCustomer', { customerId: world.shop.customerId, receivesReminders: false });

    server.pass(HOUR);
    await world.worker.deliver();

    expect(post.to(email)).toEqual([]);
    expect(await standing()).toEqual([['LICENSE_EXPIRING', 'SUPPRESSED', 'The recipient is not reminded.']]);
  });

  test('of other kinds says what it said at first', async () => {
    const email = await putOff('LICENSE_SUSPENDED');
    await world.act('updateCustomer', { customerId: world.shop.customerId, language: 'de' });

    server.pass(HOUR);
    await world.worker.deliver();

    expect(only(post.to(email)).mail.subject).toBe('Your license for Radar is suspended');
  });
});

describe('a mail server that is away', () => {
  async function unreached(): Promise<string> {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    await post.stop();
    await world.worker.tell(world.shop.admin);
    return email;
  }

  test('for four days loses nothing: what waited goes out within a quarter of an hour of its return', async () => {
    const email = await unreached();
    for (let hour = 0; hour < 96; hour += 4) {
      server.pass(4 * HOUR);
      await world.worker.deliver();
    }
    const [waiting] = await world.rows();
    await post.start();

    server.pass(15 * 60_000);
    await world.worker.deliver();

    expect([waiting?.status, waiting?.reason]).toEqual(['PENDING', 'The mail server could not be reached.']);
    expect([waiting?.attempts, waiting?.unreached]).toEqual([25, 25]);
    only(post.to(email));
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'SENT', null]]);
  });

  test('for more than two weeks has its mail given up, which is told, the address in what can be erased alone', async () => {
    const email = await unreached();
    server.pass(14 * DAY_MILLIS);
    await world.worker.deliver();
    await post.start();
    server.pass(HOUR);
    await world.worker.deliver();

    expect(post.to(email)).toEqual([]);
    const reason = 'The mail server could not be reached.';
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'FAILED', reason]]);
    const [event, ...more] = await told('notification.failed');
    expect(more).toEqual([]);
    expect(event?.event_data).toEqual({
      kind: 'LICENSE_ISSUED',
      cause: 'UNREACHABLE',
      attempts: 2,
      customer_id: world.shop.customerId,
    });
    expect(JSON.stringify(event?.event_data)).not.toContain(email);
    expect(JSON.stringify(event?.personal)).toContain(email);
  });

  test('after it has put off a mail ten times is asked no more, however often it was away between', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    post.behaviour = () => 451;
    await world.worker.tell(world.shop.admin);
    for (let day = 1; day < 13; day += 1) {
      if (day === 3) await post.stop();
      if (day === 6) await post.start();
      server.pass(DAY_MILLIS);
      await world.worker.deliver();
    }

    expect(post.to(email)).toEqual([]);
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'FAILED', '451 this server says 451']]);
    const [row] = await world.rows();
    expect([row?.attempts, row?.unreached]).toEqual([13, 3]);
    expect((await told('notification.failed')).map(({ event_data }) => event_data.cause)).toEqual([
      'PUT_OFF',
    ]);
  });

  test('that accepts a connection and says nothing holds nobody for long, and is asked again', async () => {
    const silent = await SilentServer.open();
    const worker = world.newWorker({ LG_SMTP_URL: silent.url });
    const { config, held } = worker.context;
    const limits = { ...MAIL_LIMITS, connectMillis: 200 };
    held.get(openMailGateway, () => openMailGateway(config, silent.url, () => undefined, limits));
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    const begun = performance.now();

    await worker.tell(world.shop.admin);

    expect(performance.now() - begun).toBeLessThan(MAIL_LIMITS.connectMillis);
    expect(silent.connections).toBeGreaterThan(0);
    expect(await standing()).toEqual([
      ['LICENSE_ISSUED', 'PENDING', 'The mail server could not be reached.'],
    ]);
    server.pass(60_000);
    await world.worker.deliver();
    await silent.stop();
    only(post.to(email));
  });
});

describe('who refuses a mail for good', () => {
  test('has that told once, and a customer without a mail address that is one too', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    post.behaviour = () => 550;
    await world.worker.tell(world.shop.admin);
    await server.sql`update customers set email = 'a@x.example,b@x.example' where id = ${world.shop.customerId}`;
    await issueLicense(server, world.shop);
    await world.worker.tell(world.shop.admin);
    await world.worker.tell(world.shop.admin);

    const events = await told('notification.failed');

    expect(events.map(({ event_data }) => event_data.cause)).toEqual(['REFUSED', 'NO_ADDRESS']);
    expect(JSON.stringify(events[0]?.personal)).toContain(email);
  });
});

describe('resendNotification', () => {
  const RESEND = mutation(
    'resendNotification',
    'notification { id status attempts resends reason messageId }',
  );
  const resend = async () => {
    const [row] = await world.rows();
    return server.graphql(RESEND, { input: { notificationId: row?.id } }, world.shop.admin);
  };

  async function givenUp(): Promise<string> {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    post.behaviour = () => 550;
    await world.worker.tell(world.shop.admin);
    post.behaviour = () => 250;
    return email;
  }

  test('sends a mail that was given up to the address that the customer has now, under another Message-ID', async () => {
    const before = await givenUp();
    const [refused] = await world.rows();
    const email = await world.addressed();

    const answer = await resend();
    await world.worker.deliver();

    expect(answer.data?.resendNotification?.notification).toMatchObject({
      status: 'PENDING',
      attempts: 0,
      resends: 1,
      reason: null,
    });
    expect(post.to(before)).toEqual([]);
    const { mail } = only(post.to(email));
    expect(mail.text).toContain('License key:');
    expect(mail.messageId).toBe(String(refused?.message_id).replace('@', '.1@'));
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'SENT', null]]);
    const [event] = await told('notification.resent');
    expect(event?.event_data).toEqual({
      kind: 'LICENSE_ISSUED',
      resends: 1,
      customer_id: world.shop.customerId,
    });
  });

  test('sends one again that arrived and was lost', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    await world.worker.tell(world.shop.admin);

    await resend();
    await world.worker.deliver();

    const ids = post.to(email).map(({ mail }) => mail.messageId);
    expect(new Set(ids).size).toBe(2);
    const texts = post.to(email).map(({ mail }) => mail.text);
    expect(texts[0]).toBe(texts[1]);
  });

  test('does not hand a key to who holds the license no longer', async () => {
    const email = await givenUp();
    await server.sql`update licenses set customer_id = null where tenant_id = ${world.shop.admin.tenant_id}`;

    await resend();
    await world.worker.deliver();

    expect(post.to(email)).toEqual([]);
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'SUPPRESSED', 'It is not so any more.']]);
  });

  test.each([
    ['is under way', `status = 'PENDING', next_attempt_at = now()`, 'The mail is under way'],
    ['was suppressed', `status = 'SUPPRESSED'`, 'there was nothing to be told'],
    ['was erased', `recipient = null, subject = null, variables = null`, 'was erased'],
    ['was sent again five times', `resends = 5`, 'sent again 5 times'],
  ])('is refused for one that %s, and changes nothing', async (_what, change, message) => {
    await givenUp();
    await server.sql.unsafe(
      `update notifications set ${change} where tenant_id = '${world.shop.admin.tenant_id}'`,
    );
    const before = await world.rows();

    const answer = await resend();

    expect(answer.code).toBe('NOTIFICATION_NOT_RESENDABLE');
    expect(answer.errors[0]?.message).toContain(message);
    expect(await world.rows()).toEqual(before);
    expect(await told('notification.resent')).toEqual([]);
  });

  test('finds no mail of another tenant, of another customer, or of the vendor’s people', async () => {
    await givenUp();
    const [row] = await world.rows();
    const permissions = ['notification.resend'];
    const callers = [
      await server.tenant(),
      { tenant_id: world.shop.admin.tenant_id, permissions, customer_id: crypto.randomUUID() },
      { tenant_id: world.shop.admin.tenant_id, permissions, reseller_id: crypto.randomUUID() },
    ];

    const codes = [];
    for (const as of callers) {
      const answer = await server.graphql(RESEND, { input: { notificationId: row?.id } }, as);
      codes.push(answer.code);
    }

    expect(codes).toEqual(Array(3).fill('NOTIFICATION_NOT_FOUND'));
    expect(await standing()).toEqual([['LICENSE_ISSUED', 'FAILED', '550 this server says 550']]);
  });

  test('by ten at once sends one mail', async () => {
    const email = await givenUp();

    const answers = await Promise.all(Array.from({ length: 10 }, resend));
    await world.worker.deliver();

    const codes = answers.map(({ code }) => code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 'NOTIFICATION_NOT_RESENDABLE')).toHaveLength(9);
    only(post.to(email));
  });
});
