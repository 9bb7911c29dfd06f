import { eq, getTableColumns } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPool } from '../../src/core/db.js';
import { sealedColumns, sealOf } from '../../src/licenses/model/seal.js';
import { licenses } from '../../src/licenses/table.js';
import { sealAll } from '../../src/server/database/sealAll.js';
import { actOn } from '../support/acts.js';
import { createProduct, type Issued, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

/** The columns that are not as they were sealed, by the graph. */
async function alteredIn({ licenseKey }: Issued): Promise<unknown> {
  const query = 'query ($licenseKey: String!) { checkLicenseIntegrity(licenseKey: $licenseKey) { altered } }';
  return (await server.ok(query, { licenseKey }, shop.admin)).checkLicenseIntegrity?.altered;
}

const worker = () => openPool({ url: server.url, role: 'lg_worker', maxConnections: 2 });

/** Makes the seal of a license as it was made before leases, allowances and what it was made of were covered. */
async function sealAsBefore({ id }: Issued): Promise<void> {
  const pool = worker();
  const [row] = await pool.db
    .select()
    .from(licenses)
    .where(eq(licenses.id, id as typeof licenses.$inferSelect.id))
    .finally(pool.end);
  if (row === undefined) throw new Error('no license');
  const covered = ['expiry_date', 'issued_to', 'max_activations', 'status'] as const;
  const seal = sealOf(server.machinery.keys, row, covered);
  await server.sql`update licenses set seal = ${server.sql.json({ ...seal })} where id = ${id}`;
}

/** The other columns of a license, each with why an edit of it is none of what the license grants. */
const unsealedColumns: Readonly<Record<string, string>> = {
  tenantId: 'Every hash is made for the tenant of its row.',
  id: 'Every hash is made for the id of its row.',
  licenseKeyCiphertext: 'Encrypted with a tag, and bound to tenant and license: an edit cannot be decrypted.',
  licenseKeyMask: 'For display; what a key opens is found by its hash.',
  currentActivations: 'Follows from the devices, whose rows are changed without the license.',
  seatsUntil: 'Follows from the devices, as the count that it belongs to.',
  suspensionReason: 'A word to people; status and cause decide.',
  revocationReason: 'A word to people; the status decides.',
  metadata: "The vendor's own notes.",
  expiryTold: 'Says of which expiry people were told.',
  lapseTold: 'Says of which end of grace people were told.',
  expirySetAt: 'Says which reminders of its expiry are none.',
  seal: 'The seal.',
  createdAt: 'Says when the row was made; what counts from a day has one of its own.',
  updatedAt: 'Changes with every device.',
};

describe('the seal', () => {
  const edits: Readonly<Record<string, string>> = {
    license_key_hash: "'k1.other'",
    product_id: `(select other.product_id from billing_products other where other.product_id <> licenses.product_id
      and other.tenant_id = licenses.tenant_id)`,
    product_name: "'Another'",
    product_version: "'9.9'",
    license_type: "'PERPETUAL'",
    license_model: "'SITE_LICENSE'",
    customer_id: 'null',
    reseller_id: '(select id from resellers where tenant_id = licenses.tenant_id)',
    template_id: 'null',
    template_version: '99',
    order_id: "'00000000-0000-7000-8000-000000000000'",
    issued_to: "'Mallory'",
    max_activations: 'max_activations + 1000',
    lease_seconds: '999999',
    max_borrow_hours: '8760',
    max_deactivations_per_year: '1000',
    deactivations: 'deactivations + 1',
    deactivations_since: "'2020-01-01'",
    features: `features || '[{"feature_id": "all", "enabled": true}]'`,
    restrictions: `'[{"restriction_type": "DOMAIN"}]'`,
    issued_date: "'2000-01-01'",
    activation_date: "'2099-01-01'",
    expiry_date: "expiry_date + interval '10 years'",
    maintenance_expiry: "'2099-01-01'",
    status: "'INACTIVE'",
    suspended_from: "'PENDING'",
    suspension_cause: "'MANUAL', status = 'SUSPENDED'",
    auto_renewal: 'not auto_renewal',
    trial_period_days: '9999',
    grace_period_days: '9999',
    held_since: "'2000-01-01'",
  };

  test('stands for every column of a license, or it is written down why not', () => {
    const columns = getTableColumns(licenses);
    const sealed = sealedColumns.map((name) => columns[name].name);

    expect(sealed.toSorted()).toEqual(Object.keys(edits).toSorted());
    expect([...sealedColumns, ...Object.keys(unsealedColumns)].toSorted()).toEqual(
      Object.keys(columns).toSorted(),
    );
  });

  test.each(Object.entries(edits))(
    'shows that %s was edited behind the back of the server, and nothing once it is put back',
    async (column, value) => {
      await createReseller(server, shop.admin);
      await createProduct(server, shop.admin);
      const license = await issueLicense(server, shop);
      const altered = column === 'suspension_cause' ? ['status', column] : [column];
      const [before] =
        await server.sql`select to_jsonb(licenses) as row from licenses where id = ${license.id}`;
      await server.sql.unsafe(`update licenses set ${column} = ${value} where id = '${license.id}'`);

      const edited = await alteredIn(license);
      await server.sql`update licenses set (${server.sql(altered)}) = (select ${server.sql(altered)}
        from jsonb_populate_record(null::licenses, ${before?.row})) where id = ${license.id}`;
      const restored = await alteredIn(license);

      expect([edited, restored]).toEqual([altered, []]);
    },
  );

  test('of fewer columns, as it was made before others joined them, verifies for those, and an act makes a whole one', async () => {
    const license = await issueLicense(server, shop);
    await sealAsBefore(license);
    const early = await alteredIn(license);
    await server.sql`update licenses set lease_seconds = 99 where id = ${license.id}`;
    const unseen = await alteredIn(license);
    await server.sql`update licenses set lease_seconds = null, max_activations = 99 where id = ${license.id}`;
    const edited = await alteredIn(license);
    await server.sql`update licenses set max_activations = 5 where id = ${license.id}`;

    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'Grace' });
    await server.sql`update licenses set lease_seconds = 99 where id = ${license.id}`;

    expect([early, unseen, edited, await alteredIn(license)]).toEqual([
      [],
      [],
      ['max_activations'],
      ['lease_seconds'],
    ]);
  });

  test('of fewer columns is renewed by the command, for all of them', async () => {
    const license = await issueLicense(server, shop);
    await sealAsBefore(license);
    const pool = worker();

    const { renewed } = await sealAll({ ...server.machinery, pool }).finally(pool.end);
    await server.sql`update licenses set max_borrow_hours = 8760 where id = ${license.id}`;

    expect(renewed).toBe(1);
    expect(await alteredIn(license)).toEqual(['max_borrow_hours']);
  });
});
