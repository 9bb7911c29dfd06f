import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTimeZone } from '../../src/core/timeZone.js';
import { eventsDuring, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let admin: Claims;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.tenant();
});
afterAll(() => server.stop());

const SETTINGS = `branding { companyName companyAddress logoUrl primaryColor portalUrl activationUrl termsUrl supportEmail supportPhone }
  mail { fromName fromAddress replyTo staffAddress sendsReminders } language timeZone
  retention { personalDataDays eventDays webhookDeliveryDays }
  invoices { dueDays taxId taxes { name percentage } } fourEyes`;

const unset = {
  branding: {
    companyName: null,
    companyAddress: null,
    logoUrl: null,
    primaryColor: null,
    portalUrl: null,
    activationUrl: null,
    termsUrl: null,
    supportEmail: null,
    supportPhone: null,
  },
  mail: { fromName: null, fromAddress: null, replyTo: null, staffAddress: null, sendsReminders: true },
  language: 'en',
  timeZone: 'UTC',
  retention: { personalDataDays: null, eventDays: null, webhookDeliveryDays: null },
  invoices: { dueDays: 30, taxId: null, taxes: [] },
  fourEyes: false,
};

async function update(input: object, as = admin): Promise<Json | undefined> {
  const data = await server.ok(mutation('updateTenantSettings', `settings { ${SETTINGS} }`), { input }, as);
  return data.updateTenantSettings?.settings;
}

async function shown(as = admin): Promise<Json | undefined> {
  return (await server.ok(`{ tenantSettings { ${SETTINGS} } }`, {}, as)).tenantSettings;
}

describe('updateTenantSettings', () => {
  test('a tenant that has set nothing has the defaults', async () => {
    expect(await shown(await server.tenant())).toEqual(unset);
  });

  test('changes what is named, leaves the rest, and null takes back one setting or a whole group', async () => {
    const as = await server.tenant();

    await update({ branding: { companyName: 'Radar', primaryColor: '#A1b2C3' }, language: 'de' }, as);
    await update({ branding: { supportPhone: '+49 30 1234' }, retention: { eventDays: 365 } }, as);
    const both = await update(
      { branding: { companyName: null }, timeZone: 'Europe/Berlin', fourEyes: true },
      as,
    );

    const branding = { ...unset.branding, primaryColor: '#A1b2C3', supportPhone: '+49 30 1234' };
    const expected = { ...unset, branding, language: 'de', timeZone: 'Europe/Berlin', fourEyes: true };
    expect(both).toEqual({ ...expected, retention: { ...unset.retention, eventDays: 365 } });
    expect(await update({ retention: null, language: null, fourEyes: null }, as)).toEqual({
      ...expected,
      language: 'en',
      fourEyes: false,
    });
    expect(await shown(as)).toEqual({ ...expected, language: 'en', fourEyes: false });
  });

  test('says what stands on invoices: taxes replace taxes, and a tax of nothing is one', async () => {
    const as = await server.tenant();
    const taxes = [
      { name: 'VAT', percentage: '19' },
      { name: 'Reverse charge', percentage: '0' },
    ];

    await update(
      { invoices: { dueDays: 0, taxId: 'DE 1', taxes: [{ name: 'VAT', percentage: '7.7' }] } },
      as,
    );
    const changed = await update({ invoices: { taxes } }, as);

    expect(changed?.invoices).toEqual({ dueDays: 0, taxId: 'DE 1', taxes });
    expect((await update({ invoices: { dueDays: null, taxes: null } }, as))?.invoices).toEqual({
      dueDays: 30,
      taxId: 'DE 1',
      taxes: [],
    });
  });

  test('tells what changed, before and after, and the same once more is no event', async () => {
    const as = await server.tenant();
    await update({ mail: { fromName: 'Old' }, language: 'fr' }, as);
    const input = { mail: { fromName: 'New', replyTo: 'help@example.com' }, language: 'fr' };

    const once = await eventsDuring(server, as.tenant_id, () => update(input, as));
    const twice = await eventsDuring(server, as.tenant_id, () => update(input, as));

    expect(once).toMatchObject([
      {
        type: 'tenant.settings_changed',
        subjectId: as.tenant_id,
        data: {
          changed: ['mail.fromName', 'mail.replyTo'],
        },
      },
    ]);
    expect(twice).toEqual([]);
  });

  test('tells addresses and telephone numbers in what can be erased alone', async () => {
    const as = await server.tenant();
    const people = {
      branding: { supportEmail: 'a@x.example', supportPhone: '+49 30 1', companyAddress: 'Line 1' },
      mail: {
        fromName: 'New',
        fromAddress: 'b@x.example',
        replyTo: 'c@x.example',
        staffAddress: 'd@x.example',
      },
    };

    await update(people, as);

    const [event] = await server.sql`select event.event_data as told, personal.data as personal
      from license_event_logs as event join event_personal_data as personal
        on personal.tenant_id = event.tenant_id and personal.event_id = event.id
      where event.tenant_id = ${as.tenant_id} and event_type = 'tenant.settings_changed'`;
    expect(JSON.stringify(event?.told)).not.toMatch(/x\.example|\+49|Line 1/);
    expect(event?.told.changed).toHaveLength(7);
    expect([event?.told.before, event?.told.after]).toEqual([
      { 'mail.fromName': null },
      { 'mail.fromName': 'New' },
    ]);
    expect(event?.personal.after).toEqual({
      'branding.companyAddress': 'Line 1',
      'branding.supportEmail': 'a@x.example',
      'branding.supportPhone': '+49 30 1',
      'mail.fromAddress': 'b@x.example',
      'mail.replyTo': 'c@x.example',
      'mail.staffAddress': 'd@x.example',
    });
  });

  test('leaves the feature flags as they are', async () => {
    const as = await server.tenant();
    const flags = [{ name: 'odd_Name', featureId: 'x' }];
    await server.ok(mutation('setFeatureFlags', '__typename'), { input: { flags } }, as);

    await update({ branding: { companyName: 'Radar' } }, as);

    const data = await server.ok('{ featureFlags { name featureId } }', {}, as);
    expect(data.featureFlags).toEqual(flags);
  });

  test('two changes at once of different settings are both kept', async () => {
    const as = await server.tenant();

    await Promise.all([
      update({ branding: { companyName: 'Radar' } }, as),
      update({ branding: { supportPhone: '1' } }, as),
      update({ language: 'es' }, as),
    ]);

    expect(await shown(as)).toMatchObject({
      branding: { companyName: 'Radar', supportPhone: '1' },
      language: 'es',
    });
  });

  test('every field that does not fit is named', async () => {
    const input = {
      branding: {
        companyName: ' ',
        companyAddress: 'a\u202eb',
        logoUrl: 'http://example.com/logo.png',
        primaryColor: 'red',
        portalUrl: 'javascript:alert(1)',
        activationUrl: 'https://user:pass@example.com',
        termsUrl: '//example.com',
        supportEmail: 'a@b.c, d@e.f',
        supportPhone: '1\r\n2',
      },
      mail: { fromName: 'A\r\nBcc: x@y.z', fromAddress: 'x@y', replyTo: '<a@b.c>', staffAddress: 'a b@c.d' },
      language: 'DE',
      timeZone: 'Mars/Olympus',
      retention: { personalDataDays: 0, eventDays: 29, webhookDeliveryDays: 3651 },
      invoices: { dueDays: 366, taxId: 'DE\n1', taxes: [{ name: ' ', percentage: '100.01' }] },
    };

    const fields = await refusedFields(server, admin, 'updateTenantSettings', input);

    const members = (group: 'branding' | 'mail' | 'retention') =>
      Object.keys(input[group]).map((name) => `input.${group}.${name}`);
    expect(fields.toSorted()).toEqual(
      [
        ...members('branding'),
        ...members('mail'),
        ...members('retention'),
        'input.invoices.dueDays',
        'input.invoices.taxId',
        'input.invoices.taxes.0.name',
        'input.invoices.taxes.0.percentage',
        'input.language',
        'input.timeZone',
      ].toSorted(),
    );
  });

  test('a change that names nothing is refused', async () => {
    await refusedAct(server, admin, 'updateTenantSettings', {}, 'INVALID_INPUT');
  });

  test('is for those alone who see all of the tenant, whatever else their token says', async () => {
    const { customer, reseller } = {
      customer: { customer_id: crypto.randomUUID() },
      reseller: { reseller_id: crypto.randomUUID() },
    };
    for (const bound of [customer, reseller]) {
      const as = { tenant_id: admin.tenant_id, permissions: ['tenant.update'], ...bound };
      await refusedAct(server, as, 'updateTenantSettings', { language: 'de' }, 'FORBIDDEN');
    }
    expect((await shown())?.language).toBe('en');
  });
});

test('the settings of one tenant are not those of another', async () => {
  const other = await server.tenant();

  await update({ branding: { companyName: 'Mine' } });

  expect(await shown(other)).toEqual(unset);
});

test.each([
  ['Europe/Berlin', true],
  ['America/Argentina/Buenos_Aires', true],
  ['Etc/GMT+5', true],
  ['UTC', true],
  ['+01:00', false],
  ['CET', false],
  ['europe/berlin', false],
  ['Europe/Berlin; select 1', false],
  ['', false],
  ['../etc/passwd', false],
])('%s is a time zone: %s', (name, known) => {
  expect(isTimeZone(name)).toBe(known);
});

describe('a customer and a reseller', () => {
  const made = async (act: string, noun: string, input: object) =>
    (await server.ok(mutation(act, `${noun} { id language timeZone }`), { input }, admin))[act]?.[noun];

  test.each(['customer', 'reseller'])(
    'a %s has a language and a time zone, or the tenant has',
    async (noun) => {
      const upper = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`;

      const plain = await made(`create${upper}`, noun, { name: 'A' });
      const own = await made(`create${upper}`, noun, { name: 'B', language: 'fr', timeZone: 'Europe/Paris' });
      const changed = await made(`update${upper}`, noun, { [`${noun}Id`]: plain?.id, language: 'es' });
      const reset = await made(`update${upper}`, noun, { [`${noun}Id`]: own?.id, timeZone: null });

      expect(plain).toMatchObject({ language: null, timeZone: null });
      expect(changed).toMatchObject({ language: 'es', timeZone: null });
      expect(reset).toMatchObject({ language: 'fr', timeZone: null });
      const fields = await refusedFields(server, admin, `create${upper}`, {
        name: 'C',
        language: 'xx',
        timeZone: 'x',
      });
      expect(fields).toEqual(['input.language', 'input.timeZone']);
    },
  );

  test('a customer says itself whether it is reminded', async () => {
    const customer = await made('createCustomer', 'customer', { name: 'Ada' });
    const as = {
      tenant_id: admin.tenant_id,
      permissions: ['customer.update'],
      customer_id: String(customer?.id),
    };

    const data = await server.ok(
      mutation('updateCustomer', 'customer { receivesReminders }'),
      { input: { customerId: customer?.id, receivesReminders: false } },
      as,
    );

    expect(data.updateCustomer?.customer).toEqual({ receivesReminders: false });
  });

  test.each(['ada@example.com', 'ada+x@ex-ample.co.uk', 'größe@exämple.de', "o'neil@example.com"])(
    '%s is a mail address',
    async (email) => {
      const input = { name: 'Ada', email };
      const data = await server.ok(mutation('createCustomer', 'customer { email }'), { input }, admin);
      expect(data.createCustomer?.customer?.email).toBe(email);
    },
  );

  test.each([
    'a@b',
    'a,b@c.de',
    'a@b.de,c@d.de',
    '<a@b.de>',
    'a\u202eb@c.de',
    '.a@b.de',
    'a..b@c.de',
    '"a b"@c.de',
    'a@-b.de',
    'a@[127.0.0.1]',
  ])('%s is no mail address', async (email) => {
    expect(await refusedFields(server, admin, 'createCustomer', { name: 'Ada', email })).toEqual([
      'input.email',
    ]);
  });
});
