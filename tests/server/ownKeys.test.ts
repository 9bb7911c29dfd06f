import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SecretKey } from '../../src/core/crypto.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { publishedKeys } from '../support/offline.js';
import { Processes } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let processes: Processes;
let folder: string;
let license: Issued;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  processes = await Processes.open(server);
  folder = await mkdtemp(join(tmpdir(), 'lg-own-keys-'));
  license = await createLicense(server, shop, { licenseType: 'PERPETUAL' });
  await publishedKeys(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const NEW: SecretKey = { id: 'k9', bytes: randomBytes(32) };

/** The settings of a server with these keys. */
async function keyed(
  name: string,
  lists: { peppers: readonly SecretKey[]; encryption: readonly SecretKey[] },
): Promise<NodeJS.ProcessEnv> {
  const written = (keys: readonly SecretKey[]) =>
    keys.map(({ id, bytes }) => ({ id, key: bytes.toString('base64') }));
  const path = join(folder, `${name}.json`);
  const { peppers, encryption } = lists;
  const document = {
    peppers: written(peppers),
    encryption: written(encryption),
    tokens: server.keys.tokenKey,
  };
  await writeFile(path, JSON.stringify(document), { mode: 0o600 });
  return { LG_KEYS_FILE: path };
}

/** Keys that are called as those of the first server are, as generated ones always are. */
const likeNamed = (keys: readonly SecretKey[]): SecretKey[] =>
  keys.map(({ id }) => ({ id, bytes: randomBytes(32) }));

const REFUSED = /ended with 1:\nThe keys of this server are not those that this database was written with/;

test('a server whose keys open nothing of what is stored does not start, and says what to do', async () => {
  const { peppers, encryption } = server.keys;
  const before = await server.sql`select count(*)::int as count from signing_keys`;

  const other = await keyed('other', { peppers: likeNamed(peppers), encryption: likeNamed(encryption) });

  await expect(processes.start(other)).rejects.toThrow(REFUSED);
  await expect(processes.work(other)).rejects.toThrow(REFUSED);
  expect(await server.sql`select count(*)::int as count from signing_keys`).toEqual(before);
});

test('nor does one with the peppers of another deployment: it would find no license by its key', async () => {
  const { peppers, encryption } = server.keys;

  const other = await keyed('peppers', { peppers: likeNamed(peppers), encryption });

  await expect(processes.start(other)).rejects.toThrow(REFUSED);
});

test('one with new keys before the old ones starts, and finds what is stored', async () => {
  const { peppers, encryption } = server.keys;

  const next = await processes.start(
    await keyed('next', { peppers: [NEW, ...peppers], encryption: [NEW, ...encryption] }),
  );
  const { data } = await next.graphql(
    `{ validateLicenseKey(licenseKey: "${license.licenseKey}") { valid code } }`,
  );

  expect(data?.validateLicenseKey).toEqual({ valid: true, code: 'VALID' });
});
