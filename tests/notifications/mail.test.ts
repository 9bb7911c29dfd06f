import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { languages } from '../../src/access/model/settings.js';
import { createLicense, issueLicense } from '../support/fixtures.js';
import { branding, only, tellings } from '../support/mailWorld.js';
import { post, server, setUpMail, world } from '../support/notifying.js';

setUpMail();

describe('a license that is issued', () => {
  test('is mailed to its customer with everything that the contract names, in the tenant’s colors', async () => {
    await world.act('updateTenantSettings', {
      branding,
      mail: { fromName: 'Radar', fromAddress: 'hi@radar.example' },
    });
    const email = await world.addressed();
    const { licenseKey } = await issueLicense(server, world.shop);

    await world.worker.tell(world.shop.admin);

    const { mail, from, user } = only(post.to(email));
    expect([from, user]).toEqual(['mail@licenses.example', 'sender']);
    expect(mail.from).toEqual({ name: 'Radar', address: 'mail@licenses.example' });
    expect(mail.replyTo).toEqual([{ name: '', address: 'hi@radar.example' }]);
    expect(mail.to).toEqual([{ name: '', address: email }]);
    expect(mail.subject).toBe('Your license for Radar');
    const all = [
      'Ada Okafor',
      licenseKey,
      'Radar',
      'Subscription',
      'March 1, 2026',
      'March 1, 2027',
      'Renews by itself',
      '5',
      'API calls: 10,000 a month (count)',
      'Single sign-on: unlimited',
      'https://portal.radar.example/activate',
      'help@radar.example',
      '+49 30 1234',
      'https://portal.radar.example',
      'Line 1',
      'Line 2',
      'https://radar.example/terms',
      '2026',
    ];
    for (const part of all) {
      expect(mail.text).toContain(part);
      expect(mail.html).toContain(part);
    }
    expect(mail.text).toContain('Größe & Söhne');
    expect(mail.html).toContain('Größe &amp; Söhne');
    expect(mail.html).toContain('src="https://radar.example/logo.png"');
    expect(mail.html).toContain('background-color:#a1b2c3');
    expect(`${mail.text}${mail.html}`).not.toContain('Not included');
    expect(mail.headers).toContainEqual(
      expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }),
    );
    expect(await world.rows()).toMatchObject([
      {
        kind: 'LICENSE_ISSUED',
        status: 'SENT',
        transport: 'SMTP',
        attempts: 1,
        next_attempt_at: null,
        reason: null,
      },
    ]);
  });

  test('as a trial says how long it lasts from the first activation on', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop, { trial: true });

    await world.worker.tell(world.shop.admin);

    const { mail } = only(post.to(email));
    expect(mail.subject).toBe('Your trial of Radar');
    expect(mail.text).toContain('Trial period:     14 days');
    expect(mail.text).not.toContain('Expires:');
  });

  test('is told once, however often the fact comes', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);

    await world.worker.tell(world.shop.admin);
    await world.worker.tell(world.shop.admin);
    await world.worker.deliver();

    only(post.to(email));
    expect(await world.rows()).toHaveLength(1);
  });

  test('is told nobody who has no address, whom it was moved from, or to whom it is not new', async () => {
    await issueLicense(server, world.shop);
    const email = await world.addressed();
    const imported = { licenseKey: 'AAAA-BBBB-CCCC-DDDD-0001', issuedDate: '2020-01-01T00:00:00Z' };
    await createLicense(server, world.shop, { customerId: world.shop.customerId, ...imported });
    const { id } = await issueLicense(server, world.shop);
    await server.sql`update licenses set customer_id = null where id = ${id}`;

    await world.worker.tell(world.shop.admin);

    expect(post.to(email)).toHaveLength(1);
    expect(await world.rows()).toHaveLength(1);
  });

  test('keeps its key out of rows, events and the log', async () => {
    const email = await world.addressed();
    const { licenseKey } = await issueLicense(server, world.shop);

    await world.worker.tell(world.shop.admin);

    const stored = JSON.stringify([await world.rows(), await server.sql`select * from license_event_logs`]);
    expect(stored).not.toContain(licenseKey);
    const line = world.worker.logged
      .map((text) => JSON.parse(text))
      .find(({ recipient }) => recipient === email);
    expect(line).toEqual(expect.objectContaining({ recipient: email, subject: 'Your license for Radar' }));
    expect(Object.keys(line).toSorted()).toEqual(['level', 'msg', 'recipient', 'subject', 'time']);
    expect(world.worker.logged.join('')).not.toContain('cret-of-smtp');
  });
});

const staffAloneGets = ['VIOLATION_DETECTED', 'ORDER_STOPPED', 'BULK_ISSUE_FAILED'];
const staffGets = [...staffAloneGets, 'RENEWAL_FAILED', 'EMERGENCY_CODE_USED'];
const customerGets = Object.keys(tellings).filter((kind) => !staffAloneGets.includes(kind));

describe.each(Object.keys(tellings))('%s', (kind) => {
  test.each(languages)('is told in %s, each once, to whom it concerns', async (language) => {
    const staff = `office-${randomUUID().slice(0, 8)}@radar.example`;
    await world.act('updateTenantSettings', { branding, mail: { staffAddress: staff }, language });
    const email = await world.addressed({ timeZone: 'Europe/Berlin' });

    const facts = (await tellings[kind]?.(world)) ?? [];
    await world.worker.tell(world.shop.admin);
    await world.worker.tell(world.shop.admin);

    const got = { customer: post.to(email), staff: post.to(staff) };
    expect(got.customer).toHaveLength(customerGets.includes(kind) ? 1 : 0);
    expect(got.staff).toHaveLength(staffGets.includes(kind) ? 1 : 0);
    for (const { mail } of [...got.customer, ...got.staff]) {
      for (const fact of [...facts, 'Größe & Söhne', 'help@radar.example']) expect(mail.text).toContain(fact);
      expect(mail.html).toContain(` lang="${language}"`);
    }
    const written = await world.rows();
    expect(new Set(written.map((row) => [row.kind, row.status, row.language].join()))).toEqual(
      new Set([[kind, 'SENT', language].join()]),
    );
  });
});

describe('who is written to', () => {
  test('reads its own language and clock, before those of its tenant', async () => {
    await world.act('updateTenantSettings', { language: 'fr', timeZone: 'Europe/Paris' });
    const email = await world.addressed({ language: 'de', timeZone: 'Pacific/Auckland' });
    await issueLicense(server, world.shop);

    await world.worker.tell(world.shop.admin);

    const { mail } = only(post.to(email));
    expect(mail.subject).toBe('Ihre Lizenz für Radar');
    expect(mail.text).toContain('2. März 2026');
  });

  test.each([
    [
      'the customer',
      () => world.act('updateCustomer', { customerId: world.shop.customerId, receivesReminders: false }),
    ],
    ['the tenant', () => world.act('updateTenantSettings', { mail: { sendsReminders: false } })],
  ])(
    'is not reminded where %s does not want it, and told of it all the same that it was suspended',
    async (_who, unwant) => {
      const email = await world.addressed();
      await unwant();
      await tellings.LICENSE_EXPIRING?.(world);
      await tellings.LICENSE_SUSPENDED?.(world);

      await world.worker.tell(world.shop.admin);

      expect(only(post.to(email)).mail.subject).toBe('Your license for Radar is suspended');
      expect((await world.rows()).map(({ kind, status, reason }) => [kind, status, reason])).toEqual([
        ['LICENSE_EXPIRING', 'SUPPRESSED', 'The recipient is not reminded.'],
        ['LICENSE_SUSPENDED', 'SENT', null],
      ]);
    },
  );

  test('is not told that a license expires which was renewed before, nor that one is suspended which is not', async () => {
    const email = await world.addressed();
    await tellings.LICENSE_EXPIRING?.(world);
    await server.sql`update licenses set expiry_date = expiry_date + interval '1 year' where tenant_id = ${world.shop.admin.tenant_id}`;
    await tellings.LICENSE_SUSPENDED?.(world);
    await server.sql`update licenses set status = 'ACTIVE', suspended_from = null, suspension_cause = null
      where tenant_id = ${world.shop.admin.tenant_id} and status = 'SUSPENDED'`;

    await world.worker.tell(world.shop.admin);

    expect(post.to(email)).toEqual([]);
    expect(await world.rows()).toEqual([]);
  });

  test('is one address, and what is none is not tried', async () => {
    const hostile = ['a@x.example,b@x.example', 'a@x.example\r\nBcc: b@x.example', '<a@x.example>'];
    for (const address of hostile) {
      await server.sql`update customers set email = ${address} where id = ${world.shop.customerId}`;
      await issueLicense(server, world.shop);
    }
    const before = post.arrived.length;

    await world.worker.tell(world.shop.admin);

    expect(post.arrived).toHaveLength(before);
    expect((await world.rows()).map(({ status, reason }) => [status, reason])).toEqual(
      hostile.map(() => ['FAILED', 'The address is no mail address.']),
    );
  });

  test('gets no line of a header that somebody wrote as a name', async () => {
    const email = await world.addressed({ name: 'Ada\r\nBcc: all@example.com' });
    const { id } = await createLicense(server, world.shop, { customerId: world.shop.customerId });
    await server.sql`update licenses set product_name = ${'Radar\r\nBcc: all@example.com\r\n\r\n<script>'} where id = ${id}`;

    await world.worker.tell(world.shop.admin);

    const { mail, to } = only(post.to(email));
    expect(to).toEqual([email]);
    expect(mail.bcc ?? []).toEqual([]);
    expect(mail.subject).toBe('Your license for Radar Bcc: all@example.com <script>');
    expect(mail.html).not.toContain('<script>');
  });
});
