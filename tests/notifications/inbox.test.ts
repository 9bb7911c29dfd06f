import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { issueLicense } from '../support/fixtures.js';
import { tellings } from '../support/mailWorld.js';
import { server, setUpMail, world } from '../support/notifying.js';
import type { Claims, Json } from '../support/server.js';

setUpMail();

const SHOWN =
  'id kind status recipient subject language transport attempts text html license { id } customer { id }';

describe('notifications', () => {
  const read = async (as: Claims, filter: object = {}) =>
    (
      await server.ok(
        `query ($filter: NotificationFilter) { notifications(filter: $filter) { totalCount nodes { ${SHOWN} } } }`,
        { filter },
        as,
      )
    ).notifications;

  test('without a mail server mail goes into the inbox, and is read there without a key that can be used', async () => {
    const inbox = world.newWorker({});
    const email = await world.addressed();
    const { id, licenseKey } = await issueLicense(server, world.shop);

    await inbox.tell(world.shop.admin);
    const shown = await read(world.shop.admin);

    const [mail] = (shown?.nodes ?? []) as unknown as readonly Json[];
    expect(mail).toMatchObject({
      kind: 'LICENSE_ISSUED',
      status: 'SENT',
      recipient: email,
      subject: 'Your license for Radar',
      transport: 'INBOX',
      license: { id },
      customer: { id: world.shop.customerId },
    });
    const [first, second, , , last] = licenseKey.split('-');
    expect(mail?.text).toContain(`${first}-****-****-****-${last}`);
    expect(JSON.stringify(shown)).not.toContain(`-${second}-`);
    expect(String(mail?.html)).toMatch(/^<!DOCTYPE html>/);
  });

  test('are filtered, and one is found by its id', async () => {
    await world.addressed();
    await tellings.LICENSE_SUSPENDED?.(world);
    const { id } = await issueLicense(server, world.shop);
    await world.newWorker({}).tell(world.shop.admin);

    const counts = await Promise.all(
      [
        {},
        { kind: ['LICENSE_ISSUED'] },
        { status: ['FAILED'] },
        { licenseId: id },
        { customerId: world.shop.customerId },
        { customerId: randomUUID() },
      ].map(async (filter) => (await read(world.shop.admin, filter))?.totalCount),
    );
    const [row] = await world.rows();
    const one = await server.ok(
      'query ($id: ID!) { notification(id: $id) { kind } }',
      { id: row?.id },
      world.shop.admin,
    );

    expect(counts).toEqual([2, 1, 0, 1, 2, 0]);
    expect(one).toEqual({ notification: { kind: row?.kind } });
  });

  test('whoever is bound to a customer or reseller sees what went to it, and nothing of what the vendor’s people got', async () => {
    await world.act('updateTenantSettings', { mail: { staffAddress: 'office@radar.example' } });
    await world.addressed();
    await tellings.EMERGENCY_CODE_USED?.(world);
    await world.newWorker({}).tell(world.shop.admin);
    const permissions = ['notification.read', 'license.read', 'customer.read'];
    const of = (bound: object): Claims => ({ tenant_id: world.shop.admin.tenant_id, permissions, ...bound });
    const resellerId = randomUUID();

    const own = await read(of({ customer_id: world.shop.customerId }));
    const other = await read(of({ customer_id: randomUUID() }));
    const sold = await read(of({ reseller_id: resellerId }));

    expect(own?.totalCount).toBe(1);
    expect([other?.totalCount, sold?.totalCount]).toEqual([0, 0]);
    expect((await read(world.shop.admin))?.totalCount).toBe(2);
  });

  test('belong to their tenant, and are written by no request', async () => {
    const other = await server.tenant();
    await world.addressed();
    await issueLicense(server, world.shop);
    await world.newWorker({}).tell(world.shop.admin);
    const [row] = await world.rows();

    const found = await server.ok(
      'query ($id: ID!) { notification(id: $id) { id } }',
      { id: row?.id },
      other,
    );

    expect(found).toEqual({ notification: null });
    expect((await read(other))?.totalCount).toBe(0);
    for (const change of [
      `insert into notifications select * from notifications`,
      `update notifications set recipient = 'x@y.z'`,
      `delete from notifications`,
    ])
      await expect(
        server.sql.begin(async (sql) => {
          await sql.unsafe(`set local role lg_app`);
          await sql.unsafe(`set local app.tenant = '${world.shop.admin.tenant_id}'`);
          await sql.unsafe(change);
        }),
      ).rejects.toMatchObject({ code: '42501' });
  });
});

test('what a mail said is erased in time, and the mail itself after a year', async () => {
  const inbox = world.newWorker({});
  await world.act('updateTenantSettings', { retention: { personalDataDays: 7 } });
  await world.addressed();
  await issueLicense(server, world.shop);
  await inbox.tell(world.shop.admin);

  server.pass(6 * DAY_MILLIS);
  await inbox.forget();
  await server.sql`update notifications set reason = '550 <ada@example.com> is not here'`;
  const [kept] = await world.rows();
  server.pass(2 * DAY_MILLIS);
  await inbox.forget();
  const [erased] = await world.rows();
  const shown = await server.ok(
    '{ notifications { nodes { recipient subject reason text html } } }',
    {},
    world.shop.admin,
  );
  server.pass(400 * DAY_MILLIS);
  await inbox.forget();

  expect(JSON.stringify(kept)).toContain('example.com');
  expect(kept?.variables).not.toBeNull();
  expect(erased?.variables).toBeNull();
  expect(shown.notifications?.nodes).toEqual([
    { recipient: null, subject: null, reason: null, text: null, html: null },
  ]);
  expect(JSON.stringify(erased)).not.toContain('example.com');
  expect(await world.rows()).toEqual([]);
});
