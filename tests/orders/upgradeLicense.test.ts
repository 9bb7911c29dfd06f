import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { eventsDuring, mutation, readLicense, refusedAct } from '../support/acts.js';
import { activate, createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';
import { askUpgrade, feature, invoiceOf, payInvoice, yearly } from '../support/upgrades.js';

let server: TestServer;
let shop: Shop;
let dearer: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server, { features: [feature('api', 100), feature('vpn', 5)] });
  dearer = await template({
    ...{ maxActivations: 10, gracePeriodDays: 7, pricing: yearly('200') },
    features: [feature('api', 1000), feature('sso', null)],
  });
});
afterAll(() => server.stop());

const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);

const upgrade = (input: object, as: Claims = shop.admin) => askUpgrade(server, as, input);
const pay = (invoiceId: unknown, amount: unknown) => payInvoice(server, shop.admin, invoiceId, amount);
const payAll = (answer: Json) => pay(invoiceOf(answer).id, invoiceOf(answer).total);

async function upgradesOf(licenseId: string): Promise<unknown> {
  const { upgrades } = await readLicense(
    server,
    shop.admin,
    licenseId,
    'upgrades(first: 10) { edges { node { status toTemplateId reason } } }',
  );
  return (upgrades as unknown as { edges: { node: object }[] }).edges.map(({ node }) => node);
}

describe('an upgrade that costs something', () => {
  test('is billed, and done when the bill is paid: key, devices, customer and issue date stay', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, 'laptop');
    const kept = 'licenseKey issuedDate currentActivations customerId expiryDate';
    const before = await readLicense(server, shop.admin, id, kept);

    const answer = await upgrade({ licenseId: id, templateId: dearer });
    const waiting = await readLicense(server, shop.admin, id, 'templateId maxActivations');
    await payAll(answer);

    expect(answer).toMatchObject({
      license: { id, templateId: shop.templateId },
      upgrade: { status: 'PENDING', total: '100', currency: 'USD', isWaived: false },
      invoice: {
        purpose: 'UPGRADE',
        total: '100',
        lines: [
          { kind: 'UPGRADE', amount: '200' },
          { kind: 'CREDIT', amount: '-100' },
        ],
      },
    });
    expect(waiting).toEqual({ templateId: shop.templateId, maxActivations: 5 });
    expect(await readLicense(server, shop.admin, id, kept)).toEqual(before);
    expect(
      await readLicense(
        server,
        shop.admin,
        id,
        'templateId maxActivations gracePeriodDays features { featureId limitValue }',
      ),
    ).toEqual({
      templateId: dearer,
      maxActivations: 10,
      gracePeriodDays: 7,
      features: [
        { featureId: 'api', limitValue: 1000 },
        { featureId: 'sso', limitValue: null },
      ],
    });
    expect(await upgradesOf(id)).toEqual([{ status: 'DONE', toTemplateId: dearer, reason: null }]);
    const { upgrade_id } = { upgrade_id: (answer.upgrade as Json).id };
    const [told] = await server.sql`select event_data from license_event_logs
      where license_id = ${id} and event_type = 'license.upgraded'`;
    expect(told?.event_data).toMatchObject({
      upgrade_id,
      before: { templateId: shop.templateId, maxActivations: 5 },
      after: { templateId: dearer, maxActivations: 10 },
    });
  });

  test('is not done by a part of the money', async () => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });

    await pay(invoiceOf(answer).id, '99.99');

    expect(await upgradesOf(id)).toEqual([{ status: 'PENDING', toTemplateId: dearer, reason: null }]);
  });

  test('goes to what was agreed on, whatever the template says by then', async () => {
    const target = await template({ pricing: yearly('300'), maxActivations: 7 });
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: target });
    const change = { templateId: target, maxActivations: 70, pricing: yearly('900') };
    await server.ok(mutation('updateTemplate', '__typename'), { input: change }, shop.admin);

    await payAll(answer);

    expect(await readLicense(server, shop.admin, id, 'templateVersion maxActivations')).toEqual({
      templateVersion: 1,
      maxActivations: 7,
    });
  });

  test('is done also when template and product are off sale by the time that it is paid for', async () => {
    const own = await openShop(server);
    const other = await createTemplate(server, own.admin, own.productId, { pricing: yearly('200') });
    const { id } = await issueLicense(server, own);
    const answer = await askUpgrade(server, own.admin, { licenseId: id, templateId: other });
    const off = [
      ['updateTemplate', { templateId: other, active: false }],
      ['updateProduct', { productId: own.productId, active: false }],
    ] as const;
    for (const [act, input] of off) await server.ok(mutation(act, '__typename'), { input }, own.admin);

    await payInvoice(server, own.admin, invoiceOf(answer).id, invoiceOf(answer).total);

    const selection = 'templateId upgrades(first: 1) { edges { node { status } } }';
    expect(await readLicense(server, own.admin, id, selection)).toEqual({
      templateId: other,
      upgrades: { edges: [{ node: { status: 'DONE' } }] },
    });
  });

  test('that is asked for anew voids the bill of the one before', async () => {
    const other = await template({ pricing: yearly('500') });
    const { id } = await issueLicense(server, shop);
    const first = await upgrade({ licenseId: id, templateId: dearer });

    const second = await upgrade({ licenseId: id, templateId: other });

    const late = await payAll(first);
    expect(late.errors.map((error) => error.extensions.code)).toEqual(['INVOICE_VOIDED']);
    expect((second.upgrade as Json).status).toBe('PENDING');
    expect(await upgradesOf(id)).toEqual([
      { status: 'PENDING', toTemplateId: other, reason: null },
      { status: 'CANCELLED', toTemplateId: dearer, reason: 'Another upgrade was asked for' },
    ]);
  });

  test('on which money lies is not put aside for another', async () => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });
    await pay(invoiceOf(answer).id, '1');
    const input = { licenseId: id, templateId: await template({ pricing: yearly('500') }) };

    await refusedAct(server, shop.admin, 'upgradeLicense', input, 'UPGRADE_PENDING');
    expect(await upgradesOf(id)).toEqual([{ status: 'PENDING', toTemplateId: dearer, reason: null }]);
  });

  test.each([
    ['renewLicense', { durationMonths: 12 }, 'After license.renewed'],
    ['revokeLicense', { reason: 'Fraud' }, 'After license.revoked'],
  ])('is called off by %s, and so is its bill', async (act, input, reason) => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });

    await server.ok(mutation(act, '__typename'), { input: { licenseId: id, ...input } }, shop.admin);

    expect(await upgradesOf(id)).toEqual([{ status: 'CANCELLED', toTemplateId: dearer, reason }]);
    expect((await payAll(answer)).code).toBe('INVOICE_VOIDED');
  });

  test('that was paid for when it could not be done any more is told, and changes nothing', async () => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });
    const input = { licenseId: id, expiryDate: addDays(START, 700) };
    await server.ok(mutation('updateLicense', '__typename'), { input }, shop.admin);

    const events = await eventsDuring(server, shop.admin.tenant_id, () => payAll(answer));

    expect(events.map(({ type }) => type)).toEqual(['invoice.paid', 'license.upgrade_failed']);
    expect(await readLicense(server, shop.admin, id, 'templateId')).toEqual({ templateId: shop.templateId });
    expect(await upgradesOf(id)).toEqual([
      {
        status: 'FAILED',
        toTemplateId: dearer,
        reason: 'The license has changed since the upgrade was asked for.',
      },
    ]);
  });

  test('is done once, whoever pays and asks at once', async () => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });
    const again = mutation('upgradeLicense', '__typename');
    const renewal = mutation('renewLicense', '__typename');

    await Promise.all([
      payAll(answer),
      payAll(answer),
      server.graphql(again, { input: { licenseId: id, templateId: dearer } }, shop.admin),
      server.graphql(renewal, { input: { licenseId: id, durationMonths: 12 } }, shop.admin),
    ]);

    const [told] =
      await server.sql`select count(*) filter (where event_type = 'license.upgraded')::int as done,
        count(*) filter (where event_type = 'license.upgrade_failed')::int as failed
      from license_event_logs where license_id = ${id}`;
    const [rows] = await server.sql`select count(*) filter (where status = 'DONE')::int as done,
      count(*) filter (where status = 'PENDING')::int as pending from license_upgrades where license_id = ${id}`;
    const { templateId } = await readLicense(server, shop.admin, id, 'templateId');
    expect(told?.done).toBe(rows?.done);
    expect(rows?.done).toBeLessThanOrEqual(1);
    expect(rows?.pending).toBeLessThanOrEqual(1);
    expect(templateId).toBe(rows?.done === 1 ? dearer : shop.templateId);
  });

  test('of two at once one is billed and waits, the other is called off', async () => {
    const other = await template({ pricing: yearly('400') });
    const { id } = await issueLicense(server, shop);

    await Promise.all([dearer, other].map((templateId) => upgrade({ licenseId: id, templateId })));

    const rows = await server.sql`select u.status, i.voided_at is null as open from license_upgrades u
      join invoices i on i.tenant_id = u.tenant_id and i.id = u.invoice_id where u.license_id = ${id} order by u.status`;
    expect(rows.map(({ status, open }) => [status, open])).toEqual([
      ['CANCELLED', false],
      ['PENDING', true],
    ]);
  });

  test('and is paid back takes the license out of use', async () => {
    const { id } = await issueLicense(server, shop);
    const answer = await upgrade({ licenseId: id, templateId: dearer });
    await payAll(answer);
    const [payment] =
      await server.sql`select id from payments where invoice_id = ${String(invoiceOf(answer).id)}`;
    const input = { paymentId: String(payment?.id), reason: 'Not wanted' };

    await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);

    expect(await readLicense(server, shop.admin, id, 'status suspensionReason')).toEqual({
      status: 'SUSPENDED',
      suspensionReason: 'Upgrade refunded',
    });
  });
});

describe('an upgrade that costs nothing', () => {
  test('is done at once, and a downgrade is not paid out', async () => {
    const cheap = await template({ pricing: yearly('10'), maxActivations: 2 });
    const { id } = await issueLicense(server, shop);

    const answer = await upgrade({ licenseId: id, templateId: cheap });

    expect(answer).toMatchObject({
      license: { templateId: cheap, maxActivations: 2 },
      upgrade: { status: 'DONE', total: '0', invoice: null },
      invoice: null,
    });
  });

  test('because it was waived is done by those alone who may override prices', async () => {
    const { id } = await issueLicense(server, shop);
    const input = { licenseId: id, templateId: dearer, waivePayment: true };
    const clerk = { ...shop.admin, roles: [], permissions: ['license.upgrade', 'license.read'] };

    await refusedAct(server, clerk, 'upgradeLicense', input, 'FORBIDDEN');
    const answer = await upgrade(input);

    expect(answer).toMatchObject({
      license: { templateId: dearer },
      upgrade: { status: 'DONE', isWaived: true },
    });
  });

  test('and was waived is worth no more afterwards than what was paid before', async () => {
    const best = await template({ pricing: yearly('1000') });
    const { id } = await issueLicense(server, shop);
    await upgrade({ licenseId: id, templateId: dearer, waivePayment: true });

    const answer = await upgrade({ licenseId: id, templateId: best });

    expect(invoiceOf(answer).lines).toEqual([
      { kind: 'UPGRADE', amount: '1000' },
      { kind: 'CREDIT', amount: '-100' },
    ]);
  });
});

describe('what a license keeps', () => {
  test('single grants stay unless the new template gives as much, and what was switched off stays off', async () => {
    const { id } = await issueLicense(server, shop);
    const grant = (featureId: string, limitValue: number) => ({
      ...{ licenseId: id, feature: { featureId, featureName: featureId, enabled: true, limitValue } },
    });
    await server.ok(mutation('grantFeature', '__typename'), { input: grant('api', 5000) }, shop.admin);
    await server.ok(mutation('grantFeature', '__typename'), { input: grant('extra', 3) }, shop.admin);
    await server.ok(mutation('grantFeature', '__typename'), { input: grant('sso', 3) }, shop.admin);

    await upgrade({ licenseId: id, templateId: dearer, waivePayment: true });
    const off = { licenseId: id, featureId: 'sso', reason: 'Abuse' };
    await server.ok(mutation('revokeFeature', '__typename'), { input: off }, shop.admin);
    const back = await template({ features: [feature('sso', null)], pricing: yearly('50') });
    const features = 'features { featureId enabled limitValue }';
    const after = await readLicense(server, shop.admin, id, features);
    await upgrade({ licenseId: id, templateId: back });

    expect(after.features).toEqual([
      { featureId: 'api', enabled: true, limitValue: 5000 },
      { featureId: 'sso', enabled: false, limitValue: null },
      { featureId: 'extra', enabled: true, limitValue: 3 },
    ]);
    expect((await readLicense(server, shop.admin, id, features)).features).toEqual([
      { featureId: 'sso', enabled: false, limitValue: null },
      { featureId: 'api', enabled: true, limitValue: 5000 },
      { featureId: 'extra', enabled: true, limitValue: 3 },
    ]);
  });

  test('a trial becomes what was bought, and begins a term of its own, also when it is over', async () => {
    const begun = await issueLicense(server, shop, { trial: true });
    await activate(server, begun.licenseKey, 'laptop');
    server.pass(20 * 86_400_000);

    const { license } = await upgrade({ licenseId: begun.id, templateId: dearer, waivePayment: true });
    const expiryDate = addDays(server.now, 365);
    const read = await readLicense(
      server,
      shop.admin,
      begun.id,
      'licenseType status trialPeriodDays autoRenewal',
    );
    server.now = START;

    expect(license).toMatchObject({ status: 'ACTIVE', expiryDate });
    expect(read).toEqual({
      ...{ licenseType: 'SUBSCRIPTION', status: 'ACTIVE', trialPeriodDays: null, autoRenewal: true },
    });
  });

  test('floating seats become fixed ones, and the other way round, without a device losing its seat', async () => {
    const floating = await template({ licenseType: 'CONCURRENT', pricing: yearly('0') });
    const { id, licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, 'laptop');
    await activate(server, licenseKey, 'desktop');
    const leases = async () => {
      const rows =
        await server.sql`select lease_expires_at is not null as leased from license_activations where license_id = ${id}`;
      return rows.map((row) => row.leased);
    };

    await upgrade({ licenseId: id, templateId: floating });
    const whileFloating = await leases();
    await upgrade({ licenseId: id, templateId: dearer, waivePayment: true });

    expect([whileFloating, await leases()]).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(await readLicense(server, shop.admin, id, 'currentActivations')).toEqual({
      currentActivations: 2,
    });
  });
});
