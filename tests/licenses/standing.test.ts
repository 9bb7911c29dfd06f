import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, addMillis, type Instant, instant, millis } from '../../src/core/clock.js';
import {
  graceEnd,
  grantsAt,
  type LicenseStatus,
  licenseStatuses,
  type StatusFacts,
  standingAt,
} from '../../src/licenses/model.js';
import { listIn } from '../support/acts.js';
import { openShop } from '../support/fixtures.js';
import { fc } from '../support/seed.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

interface Stored extends StatusFacts {
  readonly id: string;
}

const offsets = fc.oneof(
  fc.constantFrom(-1, 0, 1),
  fc.integer({ min: -50 * 86_400_000, max: 50 * 86_400_000 }),
  fc.integer({ min: -50, max: 50 }).map((days) => days * 86_400_000),
);

/** Facts as the table's constraints let them be: what is SUSPENDED has a cause, and nothing else has. */
const facts: fc.Arbitrary<StatusFacts> = fc
  .record({
    status: fc.constantFrom(...licenseStatuses),
    cause: fc.constantFrom('MANUAL', 'GRACE_EXPIRED'),
    expiryDate: fc.option(
      offsets.map((offset) => addMillis(START, offset)),
      { freq: 6 },
    ),
    gracePeriodDays: fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 45 }))),
  })
  .map(({ status, cause, expiryDate, gracePeriodDays }) => ({
    status,
    suspensionCause: status === 'SUSPENDED' ? cause : null,
    suspensionReason: status === 'SUSPENDED' ? 'Invoice open' : null,
    expiryDate,
    gracePeriodDays,
  }));

async function store(
  tenantId: string,
  productId: string,
  licenses: readonly StatusFacts[],
): Promise<Stored[]> {
  const stored = licenses.map((license) => ({ ...license, id: randomUUID() }));
  await server.sql`
    insert into licenses (tenant_id, id, license_key_hash, license_key_ciphertext, license_key_mask, product_id,
      product_name, product_version, license_type, license_model, issued_to, issued_date, status, suspension_cause,
      suspension_reason, expiry_date, grace_period_days, features, created_at, updated_at)
    select ${tenantId}, l.id, l.id, '', '', ${productId}, 'Radar', '2.0', 'SUBSCRIPTION', 'PER_DEVICE', 'Ada', ${START},
      l.status, l."suspensionCause", l."suspensionReason", l."expiryDate", l."gracePeriodDays",
      jsonb_build_array(jsonb_build_object('feature_id', 'f-' || l.id, 'feature_name', 'F', 'enabled', true,
        'limit_value', null, 'limit_type', null, 'limit_period', 'NONE', 'expires_at', null)), ${START}, ${START}
    from jsonb_to_recordset(${server.sql.json(stored)}::jsonb) as l (id text, status text, "suspensionCause" text,
      "suspensionReason" text, "expiryDate" timestamptz, "gracePeriodDays" int)`;
  return stored;
}

interface Listed {
  readonly id: string;
  readonly status: LicenseStatus;
  readonly inGrace: boolean;
}

async function listed(as: Claims, status: LicenseStatus): Promise<Listed[]> {
  const query = `query ($status: [LicenseStatus!], $after: String) {
    licenses(first: 100, after: $after, filter: { status: $status }) {
      nodes { id status inGrace } pageInfo { hasNextPage endCursor } totalCount } }`;
  const found: Listed[] = [];
  for (let after: string | null = null; ; ) {
    const { licenses } = await server.ok(query, { status: [status], after }, as);
    found.push(...listIn<Listed>(licenses?.nodes));
    if (String(licenses?.pageInfo?.hasNextPage) === 'false') {
      expect(licenses?.totalCount).toBe(found.length);
      return found;
    }
    after = String(licenses?.pageInfo?.endCursor);
  }
}

const byId = (left: { id: string }, right: { id: string }): number => (left.id < right.id ? -1 : 1);

/** Instants around START, and the very ends of some licenses and the milliseconds beside them. */
function instantsOf(licenses: readonly Stored[], picks: readonly number[]): Instant[] {
  const ends = licenses
    .flatMap((license) => [license.expiryDate, graceEnd(license)])
    .filter((end) => end !== null);
  const picked = picks.flatMap((pick) => ends[pick % Math.max(1, ends.length)] ?? []);
  return [START, ...picked.flatMap((end) => [end, instant(millis(end) - 1), addMillis(end, 1)])];
}

async function expectTheSameRule(as: Claims, licenses: readonly Stored[], now: Instant): Promise<void> {
  server.now = now;
  for (const status of licenseStatuses) {
    const expected = licenses
      .map((license) => ({ id: license.id, ...standingAt(license, now) }))
      .filter((license) => license.status === status)
      .map(({ id, inGrace }) => ({ id, status, inGrace }));
    expect((await listed(as, status)).toSorted(byId)).toEqual(expected.toSorted(byId));
  }
  const { entitlements } = await server.ok('{ entitlements { featureId } }', {}, as);
  const granted = listIn<{ featureId: string }>(entitlements).map((each) => each.featureId);
  const granting = licenses.filter((license) => grantsAt(license, now)).map((license) => `f-${license.id}`);
  expect(granted.toSorted()).toEqual(granting.toSorted());
}

test('list filters and grants in SQL follow the one rule of status and time, on any license at any instant', async () => {
  const shape = {
    licenses: fc.array(facts, { minLength: 90, maxLength: 130 }),
    picks: fc.array(fc.nat(400), { minLength: 2, maxLength: 2 }),
  };
  const property = fc.asyncProperty(fc.record(shape), async ({ licenses, picks }) => {
    server.now = START;
    const { admin, productId } = await openShop(server);
    const stored = await store(admin.tenant_id, productId, licenses);
    for (const now of instantsOf(stored, picks)) await expectTheSameRule(admin, stored, now);
  });

  await fc.assert(property, { numRuns: 5, endOnFailure: true });
});

const plain: StatusFacts = {
  status: 'ACTIVE',
  suspensionCause: null,
  suspensionReason: null,
  expiryDate: START,
  gracePeriodDays: 10,
};
const before = addMillis(START, -1);
const lastOfGrace = addMillis(addDays(START, 10), -1);
const endOfGrace = addDays(START, 10);
const sweep = { status: 'SUSPENDED', suspensionCause: 'GRACE_EXPIRED' } as const;

test.each<[string, Partial<StatusFacts>, Instant, LicenseStatus, boolean, boolean]>([
  ['runs up to its expiry', {}, before, 'ACTIVE', false, true],
  ['is in grace from its expiry on', {}, START, 'EXPIRED', true, true],
  ['is in grace up to its end', {}, lastOfGrace, 'EXPIRED', true, true],
  ['is suspended from the end of grace on', {}, endOfGrace, 'SUSPENDED', false, false],
  ['has no grace of 0 days', { gracePeriodDays: 0 }, START, 'SUSPENDED', false, false],
  ['has no grace when none is given', { gracePeriodDays: null }, START, 'SUSPENDED', false, false],
  ['never ends without an expiry', { expiryDate: null }, addDays(START, 99_999), 'ACTIVE', false, true],
  ['is switched off up to its expiry', { status: 'INACTIVE' }, before, 'INACTIVE', false, false],
  ['has no grace when switched off', { status: 'INACTIVE' }, START, 'SUSPENDED', false, false],
  ['never lapses before it began', { status: 'PENDING' }, addDays(START, 400), 'PENDING', false, false],
  [
    'stays revoked whatever its dates',
    { status: 'REVOKED', expiryDate: null },
    before,
    'REVOKED',
    false,
    false,
  ],
  [
    'stays suspended whatever its dates',
    { status: 'SUSPENDED', suspensionCause: 'MANUAL' },
    before,
    'SUSPENDED',
    false,
    false,
  ],
  ['stays as a sweep recorded it', sweep, before, 'SUSPENDED', false, false],
  [
    'runs again when an EXPIRED on record got a later expiry',
    { status: 'EXPIRED' },
    before,
    'ACTIVE',
    false,
    true,
  ],
])('a license %s', (_, license, now, status, inGrace, grants) => {
  const standing = standingAt({ ...plain, ...license }, now);

  expect(standing).toMatchObject({ status, inGrace });
  expect(grantsAt({ ...plain, ...license }, now)).toBe(grants);
});

test('time alone never takes a license back: it lapses and stays so', () => {
  const order: readonly LicenseStatus[] = ['ACTIVE', 'INACTIVE', 'EXPIRED', 'SUSPENDED'];
  const moments = fc.tuple(offsets, offsets);
  const law = fc.property(facts, moments, (license, [left, right]) => {
    const [earlier, later] = [Math.min(left, right), Math.max(left, right)].map((each) =>
      standingAt(license, addMillis(START, each)),
    );
    if (earlier === undefined || later === undefined) throw new Error('two moments make two standings');
    if (earlier.status === later.status) return;
    expect(order.indexOf(later.status)).toBeGreaterThan(order.indexOf(earlier.status));
  });

  fc.assert(law, { numRuns: 2000 });
});
