import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventText, genesis, walk } from '../../src/audit/model/chain.js';
import { trailEntries } from '../../src/audit/queries/trail.js';
import { verifyAuditTrail } from '../../src/audit/service/verifyAuditTrail.js';
import { exactText } from '../../src/core/canonicalText.js';
import { drizzleOn } from '../../src/core/db.js';
import type { TenantId } from '../../src/core/id.js';
import type { Reading } from '../../src/core/work.js';
import { mutation } from '../support/acts.js';
import { activate, createCustomer, issueLicense, openShop } from '../support/fixtures.js';
import { Random } from '../support/random.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { sealAllEvents } from '../support/trail.js';
import { type Attack, attacks } from '../support/trailAttacks.js';

let server: TestServer;
let tenantId: TenantId;
/** What was handed out. */
let token: string;
const LAST = 24;
beforeAll(async () => {
  server = await startTestServer();
  const shop = await openShop(server);
  tenantId = shop.admin.tenant_id as TenantId;
  for (let made = 0; made < 4; made += 1) {
    const { licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, 'laptop');
  }
  while ((await server.count('license_event_logs', `tenant_id = '${tenantId}'`)) < LAST)
    await createCustomer(server, shop.admin);
  await sealAllEvents(server);
  const data = await server.ok(
    mutation('createAuditCheckpoint', 'checkpoint { token sequence }'),
    { input: {} },
    shop.admin,
  );
  token = String(data.createAuditCheckpoint?.checkpoint?.token);
  expect(data.createAuditCheckpoint?.checkpoint?.sequence).toBe(LAST);
});
afterAll(() => server.stop());

/** Strikes in a transaction that is undone, and verifies what is there meanwhile. */
async function foundAfter(strike: (attack: Attack) => Promise<unknown>, at: number, other: number) {
  const undo = new Error('undone');
  const results: unknown[] = [];
  const ended: unknown = await server.sql
    .begin(async (transaction) => {
      await transaction.unsafe("set local time zone 'UTC'");
      const db = drizzleOn(transaction, server.sql.options);
      const expected = await strike({ sql: transaction, db, tenantId, at, other, last: LAST });
      const actor = { kind: 'system', subject: 'test', tenantId, permissions: new Set<string>() } as const;
      const reading = { db, tenantId, actor } as unknown as Reading;
      const { verify } = server.machinery.signing;
      const report = await verifyAuditTrail(reading, { from: 1, checkpoints: [token] }, verify);
      results.push(expected, report);
      throw undo;
    })
    .catch((error: unknown) => error);
  if (ended !== undo) throw ended;
  return results as [
    { problem: string | string[]; sequence: number },
    Awaited<ReturnType<typeof verifyAuditTrail>>,
  ];
}

test('a trail that nobody attacks is sound', async () => {
  const [, report] = await foundAfter(async () => undefined, 1, 2);

  expect(report).toMatchObject({ verified: true, to: LAST, coveredTo: LAST, broken: null });
});

test('1,000 random attacks by somebody who has the whole database are all found, and named', async () => {
  const random = new Random(42);
  const names = Object.keys(attacks);
  const wrong: unknown[] = [];
  for (let round = 0; round < 1000; round += 1) {
    const name = names[round % names.length] ?? '';
    const strike = attacks[name];
    if (strike === undefined) throw new Error(`no attack ${name}`);
    const at = 1 + random.below(LAST - 1);
    const other = at + 1 + random.below(LAST - at);

    const [expected, { verified, broken }] = await foundAfter(strike, at, other);

    const named = [expected.problem].flat();
    const isRight =
      !verified && named.includes(String(broken?.problem)) && broken?.sequence === expected.sequence;
    if (!isRight) wrong.push({ name, at, other, expected, broken });
  }

  expect(wrong).toEqual([]);
});

test('every byte of an event is in its hash', async () => {
  const db = drizzleOn(server.sql, server.sql.options);
  const [first] = await trailEntries(db, tenantId, { after: 0, to: 1, limit: 1 });
  if (first === undefined) throw new Error('no event');
  const text = JSON.stringify(first.event);
  let changed = 0;
  for (let at = 0; at < text.length; at += 1) {
    const other = `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) ^ 1)}${text.slice(at + 1)}`;
    try {
      const event = JSON.parse(other);
      changed += 1;
      expect([other, walk(genesis(tenantId), [{ ...first, event }]).broken]).toEqual([other, true]);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  if (first.event === null) throw new Error('no event');
  expect(eventText(first.event)).toBe(exactText(first.event));
  expect(changed).toBeGreaterThan(text.length / 2);
  expect(walk(genesis(tenantId), [first]).broken).toBe(false);
});
