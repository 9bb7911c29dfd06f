import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyTrailReport } from '../../src/server/verifyTrailCommand.js';
import { mutation } from '../support/acts.js';
import { createCustomer, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { keeperOf, sealAllEvents, type TestKeeper } from '../support/trail.js';

let server: TestServer;
let shop: Shop;
let folder: string;
let keeper: TestKeeper;
let keys: string;
let trail: string;
const path = (name: string): string => join(folder, name);
const handedOut = (): string => path(`${shop.admin.tenant_id}.jsonl`);

beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'lg-trail-'));
  keeper = keeperOf(server, folder);
});
beforeEach(async () => {
  shop = await openShop(server);
  await issueLicense(server, shop);
  await sealAllEvents(server);
  await server.ok(mutation('createAuditCheckpoint', 'checkpoint { id }'), { input: {} }, shop.admin);
  await keeper.keep();
  keys = path('keys.json');
  trail = path('export.jsonl');
  await writeFile(keys, (await server.app.inject('/.well-known/jwks.json')).body);
  await writeFile(trail, await exported());
});
afterAll(async () => {
  await keeper.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const EXPORT = `query ($from: SafeInt!, $first: Int!) {
  exportAuditTrail(from: $from, first: $first) { content count continuesAt } }`;

/** The whole trail, page by page. */
async function exported(as: Claims = shop.admin, first = 1000): Promise<string> {
  let content = '';
  for (let from: unknown = 1; from !== null; ) {
    const { exportAuditTrail: page } = await server.ok(EXPORT, { from, first }, as);
    content += String(page?.content);
    from = page?.continuesAt ?? null;
  }
  return content;
}

async function report(options: object = {}) {
  const { text, code } = await verifyTrailReport(trail, { keys, json: true, ...options });
  return { code, ...JSON.parse(text) };
}

const edit = (column: string, value: string) =>
  server.sql.unsafe(`update license_event_logs set ${column} = ${value} where tenant_id = '${shop.admin.tenant_id}'
    and event_type = 'license.created'`);

async function changed(change: (lines: string[]) => string[]): Promise<void> {
  const lines = (await readFile(trail, 'utf8')).trimEnd().split('\n');
  await writeFile(trail, `${change(lines).join('\n')}\n`);
}

test('an export verifies with the public keys alone, in one page or in many', async () => {
  const sound = {
    code: 0,
    from: 1,
    to: 4,
    coveredTo: 4,
    broken: null,
    fromBeginning: true,
    toEnd: true,
    unproven: 0,
  };

  expect(await report()).toMatchObject(sound);
  expect(await report({ checkpoints: handedOut() })).toMatchObject(sound);
  await writeFile(trail, await exported(shop.admin, 1));
  expect(await report({ checkpoints: handedOut() })).toMatchObject(sound);
});

test('a page behind the end is empty, and a page behind a seal that is gone shows that it is', async () => {
  const { exportAuditTrail: behind } = await server.ok(EXPORT, { from: 99, first: 10 }, shop.admin);
  await server.sql`delete from audit_seals where tenant_id = ${shop.admin.tenant_id} and sequence = 2`;
  await writeFile(trail, await exported(shop.admin, 2));

  expect(behind).toMatchObject({ count: 0, continuesAt: null });
  expect(await report()).toMatchObject({ code: 1, broken: { problem: 'DELETED', sequence: 2 } });
});

test('one byte that was edited in the database is found by the command, which has no database', async () => {
  await edit('event_type', "'license.creatud'");
  await writeFile(trail, await exported());
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const words = [main, 'verify-trail', trail, '--keys', keys, '--checkpoints', handedOut()];

  const [code, said] = await new Promise<[unknown, string]>((resolve) => {
    execFile(process.execPath, words, { env: { PATH: process.env.PATH } }, (error, stdout, stderr) =>
      resolve([error?.code ?? 0, stdout + stderr]),
    );
  });

  const [event] = await server.sql`select id from license_event_logs
    where tenant_id = ${shop.admin.tenant_id} and event_type = 'license.creatud'`;
  expect(said).toContain(`BROKEN: EDITED at 4, event ${event?.id}.`);
  expect(code).toBe(1);
});

describe('an export that somebody altered', () => {
  const entry = (lines: readonly string[], number: number): number =>
    lines.findIndex((line) => JSON.parse(line).sequence === number && JSON.parse(line).kind === 'entry');

  test.each([
    ['an entry less', (lines: string[]) => lines.toSpliced(entry(lines, 2), 1), 'DELETED', 2],
    ['a cut tail', (lines: string[]) => lines.toSpliced(entry(lines, 4), 1), 'TAIL_CUT', 4],
    [
      'entries in another order',
      (lines: string[]) => {
        const [two, three] = [entry(lines, 2), entry(lines, 3)];
        return lines.with(two, lines[three] ?? '').with(three, lines[two] ?? '');
      },
      'DELETED',
      2,
    ],
    [
      'a forged checkpoint',
      (lines: string[]) => lines.map((line) => line.replace(/.{4}("})$/, 'AAAA$1')),
      'CHECKPOINT_MISMATCH',
      4,
    ],
  ] as const)('%s', async (_what, change, problem, sequence) => {
    await changed(change);

    expect(await report()).toMatchObject({ code: 1, broken: { problem, sequence } });
  });

  test('the word that it is complete left out, or pages that do not follow each other', async () => {
    await changed((lines) => lines.slice(0, -1));
    expect(await report()).toMatchObject({ code: 1, broken: null, toEnd: false });
    expect(await report({ partial: true })).toMatchObject({ code: 0 });

    await writeFile(trail, await exported(shop.admin, 1));
    await changed((lines) =>
      lines.filter((line) => !line.includes('"after":2,') && !line.includes('"sequence":3,"sealed')),
    );
    expect(await report()).toMatchObject({ code: 1, broken: { problem: 'DELETED', sequence: 3 } });
  });

  test('what is no export is refused by its line', async () => {
    for (const [line, problem] of [
      ['x', 'line 2: is no JSON object'],
      ['{"kind":"other"}', 'line 2: is of no kind that an export has'],
      ['{"kind":"entry","sequence":-1}', 'line 2: sequence is no number of a trail'],
    ] as const) {
      await changed((lines) => [lines[0] ?? '', line]);
      await expect(report()).rejects.toThrow(problem);
    }
  });
});

test('a head that was made anew with all its checkpoints is found by the one that was handed out', async () => {
  await edit('subject_id', "'forged'");
  await server.sql`delete from audit_seals where tenant_id = ${shop.admin.tenant_id}`;
  await server.sql`delete from audit_heads where tenant_id = ${shop.admin.tenant_id}`;
  await server.sql`delete from audit_checkpoints where tenant_id = ${shop.admin.tenant_id}`;
  await server.sql`insert into unsealed_events select tenant_id, id from license_event_logs
    where tenant_id = ${shop.admin.tenant_id} on conflict do nothing`;
  await sealAllEvents(server);
  await writeFile(trail, await exported());

  expect(await report()).toMatchObject({ code: 1, coveredTo: null, broken: null });
  expect(await report({ checkpoints: handedOut() })).toMatchObject({
    code: 1,
    broken: { problem: 'HEAD_REWRITTEN', sequence: 1 },
  });
});

test('what is kept behind a deleted beginning hangs on the boundary that was signed, and on nothing else', async () => {
  const [tenant, start] = [shop.admin.tenant_id, server.now];
  await server.ok(
    mutation('updateTenantSettings', '__typename'),
    { input: { retention: { eventDays: 30 } } },
    shop.admin,
  );
  server.pass(31 * 86_400_000);
  await createCustomer(server, shop.admin);
  await sealAllEvents(server);
  await keeper.keep();
  await writeFile(trail, await exported());
  const before = await report();

  await server.sql`delete from audit_seals where tenant_id = ${tenant}`;
  await server.sql`delete from audit_checkpoints where tenant_id = ${tenant}`;
  await server.sql`update audit_heads set sequence = kept_after, hash = ${'A'.repeat(43)}, kept_after_hash = ${'A'.repeat(43)}
    where tenant_id = ${tenant}`;
  await server.sql`insert into unsealed_events select tenant_id, id from license_event_logs
    where tenant_id = ${tenant} on conflict do nothing`;
  await sealAllEvents(server);
  await writeFile(trail, await exported());
  const { verifyAuditTrail: found } = await server.ok(
    '{ verifyAuditTrail { verified broken { problem } } }',
    {},
    shop.admin,
  );
  server.now = start;

  expect(before).toMatchObject({ code: 0, broken: null, fromBeginning: true });
  expect(before.from).toBeGreaterThan(1);
  expect(found).toEqual({ verified: false, broken: { problem: 'HEAD_REWRITTEN' } });
  expect(await report()).toMatchObject({ code: 1, broken: { problem: 'HEAD_REWRITTEN' } });
});

test('keys that are none of this deployment, and checkpoints of another tenant, prove nothing', async () => {
  const { publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const strange = path('strange.json');
  await writeFile(strange, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'x' }] }));
  const first = handedOut();
  shop = await openShop(server);
  await sealAllEvents(server);
  await writeFile(trail, await exported());

  expect(await report({ checkpoints: first })).toMatchObject({ code: 1, unproven: 1, coveredTo: null });
  expect(await report({ keys: strange })).toMatchObject({ code: 1, broken: null, coveredTo: null });
  expect(await report({ keys: strange, uncovered: true })).toMatchObject({ code: 0, coveredTo: null });
  await expect(report({ keys: trail })).rejects.toThrow('is no JWKS document');
  await expect(report({ checkpoints: path('none') })).rejects.toThrow('none: ENOENT');
});

test('personal values leave with an export of those alone who may see them, and verify either way', async () => {
  await createCustomer(server, shop.admin);
  await sealAllEvents(server);

  const all = await exported();
  const some = await exported({ ...shop.admin, roles: [], permissions: ['audit.export'] });
  await writeFile(trail, some);

  expect(all).toContain('"data":{"address":"127.0.0.1"}');
  expect(some).not.toContain('"salt"');
  expect(some).not.toContain('127.0.0.1');
  expect(await report()).toMatchObject({ code: 0, broken: null });
});
