import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { type LicenseStatus, licenseStatuses, mayMove, transitions } from '../../src/licenses/model.js';
import { actOn, eventsDuring, readLicense, refusedAct } from '../support/acts.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const yesterday = addDays(START, -1);
const lastYear = addDays(START, -365);
const term = { expiryDate: addDays(START, 365), gracePeriodDays: 30 };
const lapsing = (expiryDate: string) => ({ issuedDate: lastYear, expiryDate, gracePeriodDays: 30 });

/** Every standing that a license can have, with how it gets there. */
const standings = {
  ACTIVE: () => createLicense(server, shop, term),
  INACTIVE: async () => switchedOff(await createLicense(server, shop, term)),
  PENDING: () => createLicense(server, shop, { licenseType: 'TRIAL', trialPeriodDays: 14 }),
  'EXPIRED in grace': () => createLicense(server, shop, lapsing(yesterday)),
  'SUSPENDED for cause': async () => suspended(await createLicense(server, shop, term)),
  'SUSPENDED by the end of grace': () => createLicense(server, shop, lapsing(addDays(START, -30))),
  'SUSPENDED by the end of grace, as a sweep records it': () => swept(),
  'SUSPENDED because it was INACTIVE at its expiry': () => lapsedWhileOff(),
  REVOKED: async () => revoked(await createLicense(server, shop, term)),
} as const;
type StandingName = keyof typeof standings;

async function switchedOff(license: Issued): Promise<Issued> {
  await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, status: 'INACTIVE' });
  return license;
}

async function suspended(license: Issued): Promise<Issued> {
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'Invoice open' });
  return license;
}

async function revoked(license: Issued): Promise<Issued> {
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });
  return license;
}

async function swept(): Promise<Issued> {
  const license = await createLicense(server, shop, lapsing(addDays(START, -31)));
  await server.sql`update licenses set status = 'SUSPENDED', suspended_from = 'ACTIVE',
    suspension_cause = 'GRACE_EXPIRED', suspension_reason = 'Grace period expired' where id = ${license.id}`;
  return license;
}

async function lapsedWhileOff(): Promise<Issued> {
  const license = await createLicense(server, shop, lapsing(yesterday));
  await server.sql`update licenses set status = 'INACTIVE' where id = ${license.id}`;
  return license;
}

/** Every act on a license, with the input that it takes besides the license. */
const acts = {
  switchOff: { act: 'updateLicense', input: { status: 'INACTIVE' } },
  switchOn: { act: 'updateLicense', input: { status: 'ACTIVE' } },
  suspend: { act: 'suspendLicense', input: { reason: 'Invoice open' } },
  reinstate: { act: 'reinstateLicense', input: {} },
  renew: { act: 'renewLicense', input: { durationMonths: 1 } },
  revoke: { act: 'revokeLicense', input: { reason: 'Fraud' } },
  transfer: { act: 'transferLicense', input: { newIssuedTo: 'Bo', transferReason: 'Sold' } },
  rename: { act: 'updateLicense', input: { issuedTo: 'Bo' } },
} as const;
type ActName = keyof typeof acts;

type Outcome = LicenseStatus | RefusalCode;
const lapsed: Record<ActName, Outcome> = {
  switchOff: 'INVALID_TRANSITION',
  switchOn: 'INVALID_TRANSITION',
  suspend: 'INVALID_TRANSITION',
  reinstate: 'INVALID_TRANSITION',
  renew: 'ACTIVE',
  revoke: 'REVOKED',
  transfer: 'SUSPENDED',
  rename: 'SUSPENDED',
};

/** SPEC section 2, written out by hand: what each act makes of each standing. */
const expected: Record<StandingName, Record<ActName, Outcome>> = {
  ACTIVE: {
    switchOff: 'INACTIVE',
    switchOn: 'ACTIVE',
    suspend: 'SUSPENDED',
    reinstate: 'INVALID_TRANSITION',
    renew: 'ACTIVE',
    revoke: 'REVOKED',
    transfer: 'ACTIVE',
    rename: 'ACTIVE',
  },
  INACTIVE: {
    switchOff: 'INACTIVE',
    switchOn: 'ACTIVE',
    suspend: 'SUSPENDED',
    reinstate: 'INVALID_TRANSITION',
    renew: 'INACTIVE',
    revoke: 'REVOKED',
    transfer: 'INACTIVE',
    rename: 'INACTIVE',
  },
  PENDING: {
    switchOff: 'INVALID_TRANSITION',
    switchOn: 'INVALID_TRANSITION',
    suspend: 'SUSPENDED',
    reinstate: 'INVALID_TRANSITION',
    renew: 'LICENSE_NOT_RENEWABLE',
    revoke: 'REVOKED',
    transfer: 'PENDING',
    rename: 'PENDING',
  },
  'EXPIRED in grace': {
    switchOff: 'INVALID_TRANSITION',
    switchOn: 'INVALID_TRANSITION',
    suspend: 'SUSPENDED',
    reinstate: 'INVALID_TRANSITION',
    renew: 'ACTIVE',
    revoke: 'REVOKED',
    transfer: 'EXPIRED',
    rename: 'EXPIRED',
  },
  'SUSPENDED for cause': {
    ...lapsed,
    reinstate: 'ACTIVE',
    renew: 'LICENSE_NOT_RENEWABLE',
  },
  'SUSPENDED by the end of grace': lapsed,
  'SUSPENDED by the end of grace, as a sweep records it': lapsed,
  'SUSPENDED because it was INACTIVE at its expiry': lapsed,
  REVOKED: {
    switchOff: 'LICENSE_REVOKED',
    switchOn: 'LICENSE_REVOKED',
    suspend: 'INVALID_TRANSITION',
    reinstate: 'INVALID_TRANSITION',
    renew: 'LICENSE_NOT_RENEWABLE',
    revoke: 'INVALID_TRANSITION',
    transfer: 'LICENSE_REVOKED',
    rename: 'LICENSE_REVOKED',
  },
};

const isStatus = (outcome: Outcome): outcome is LicenseStatus =>
  licenseStatuses.some((status) => status === outcome);

const cases = (Object.keys(standings) as StandingName[]).flatMap((standing) =>
  (Object.keys(acts) as ActName[]).map((name) => ({ standing, name, outcome: expected[standing][name] })),
);
const readStatus = async (id: string): Promise<string> =>
  String((await readLicense(server, shop.admin, id)).status);

describe('through the graph', () => {
  test.each(cases.filter(({ outcome }) => isStatus(outcome)))(
    '$name takes a license that is $standing to $outcome, in one event',
    async ({ standing, name, outcome }) => {
      const { id } = await standings[standing]();
      const { act, input } = acts[name];

      const events = await eventsDuring(server, shop.admin.tenant_id, () =>
        actOn(server, shop.admin, act, { licenseId: id, ...input }),
      );

      expect(await readStatus(id)).toBe(outcome);
      expect(events).toHaveLength(1);
    },
  );

  test.each(cases.filter(({ outcome }) => !isStatus(outcome)))(
    '$name of a license that is $standing is refused with $outcome, and leaves no trace',
    async ({ standing, name, outcome }) => {
      const { id } = await standings[standing]();
      const { act, input } = acts[name];
      const before = await readStatus(id);

      const error = await refusedAct(
        server,
        shop.admin,
        act,
        { licenseId: id, ...input },
        outcome as RefusalCode,
      );

      expect(error.message).not.toBe('');
      expect(await readStatus(id)).toBe(before);
    },
  );

  test.each([
    ['ACTIVE', ['PENDING', 'EXPIRED', 'SUSPENDED', 'REVOKED']],
    ['INACTIVE', ['PENDING', 'EXPIRED', 'SUSPENDED', 'REVOKED']],
    ['PENDING', ['EXPIRED', 'SUSPENDED', 'REVOKED']],
    ['EXPIRED in grace', ['PENDING', 'SUSPENDED', 'REVOKED']],
    ['SUSPENDED for cause', ['PENDING', 'EXPIRED', 'REVOKED']],
    ['SUSPENDED by the end of grace', ['PENDING', 'EXPIRED', 'REVOKED']],
  ] as const)('no update writes another status over %s', async (standing, targets) => {
    const { id } = await standings[standing]();
    const from = await readStatus(id);

    for (const to of targets) {
      const input = { licenseId: id, status: to };
      const error = await refusedAct(server, shop.admin, 'updateLicense', input, 'INVALID_TRANSITION');
      expect([error.extensions.from, error.extensions.to]).toEqual([from, to]);
    }
  });

  test('an update that names the status which time has made changes nothing else', async () => {
    const { id } = await standings['EXPIRED in grace']();

    await actOn(server, shop.admin, 'updateLicense', { licenseId: id, status: 'EXPIRED' });

    const [row] = await server.sql`select status from licenses where id = ${id}`;
    expect(row?.status).toBe('ACTIVE');
  });
});

describe('the table of the model', () => {
  /** SPEC section 2 once more, as edges of a graph. */
  const edges = [
    'activateLicense PENDING ACTIVE',
    'updateLicense ACTIVE INACTIVE',
    'updateLicense INACTIVE ACTIVE',
    'suspendLicense ACTIVE SUSPENDED',
    'suspendLicense INACTIVE SUSPENDED',
    'suspendLicense PENDING SUSPENDED',
    'suspendLicense EXPIRED SUSPENDED',
    'reinstateLicense SUSPENDED ACTIVE',
    'reinstateLicense SUSPENDED INACTIVE',
    'reinstateLicense SUSPENDED PENDING',
    'reinstateLicense SUSPENDED EXPIRED',
    'renewLicense EXPIRED ACTIVE',
    'renewLicense SUSPENDED ACTIVE',
    // A trial that is bought, whether or not it has begun or is over.
    'upgradeLicense PENDING ACTIVE',
    'upgradeLicense EXPIRED ACTIVE',
    'upgradeLicense SUSPENDED ACTIVE',
    'revokeLicense ACTIVE REVOKED',
    'revokeLicense INACTIVE REVOKED',
    'revokeLicense PENDING REVOKED',
    'revokeLicense EXPIRED REVOKED',
    'revokeLicense SUSPENDED REVOKED',
  ];

  test('holds the steps of the specification and no other', () => {
    const held = transitions.map(({ act, from, to }) => `${act} ${from} ${to}`);

    expect(held.toSorted()).toEqual(edges.toSorted());
  });

  test('is asked by every act that stands in it', () => {
    const src = join(import.meta.dirname, '../../src');
    const code = readdirSync(src, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(src, path), 'utf8'))
      .join('\n');

    const acts = new Set(transitions.map((step) => step.act));

    expect([...acts].filter((act) => !code.includes(`requireMove('${act}', `))).toEqual([]);
  });

  test('allows an act exactly its own steps', () => {
    const actNames = [...new Set(transitions.map((step) => step.act))];
    const allowed = actNames.flatMap((act) =>
      licenseStatuses.flatMap((from) =>
        licenseStatuses.filter((to) => mayMove(act, from, to)).map((to) => `${act} ${from} ${to}`),
      ),
    );

    expect(allowed.toSorted()).toEqual(edges.toSorted());
  });
});
