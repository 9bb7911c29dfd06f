import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryStore, type Store } from '../../../src/sdk/client/index.js';
import { nothingKept } from '../../../src/sdk/client/kept.js';
import { fileStore } from '../../../src/sdk/client/node.js';
import { Vault } from '../../../src/sdk/client/vault.js';
import { newClient } from '../../support/clients.js';
import { createLicense, openShop, type Shop } from '../../support/fixtures.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

const HOUR = 3_600_000;
const KEY = 'AAAA-BBBB-CCCC-DDDD-EEEE';
let server: TestServer;
let shop: Shop;
let relay: Relay;
let folder: string;
let places = 0;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  relay = await startRelay((await listen(server)).replace('ws:', 'http:'));
  folder = await mkdtemp(join(tmpdir(), 'lg-shared-'));
});
afterAll(async () => {
  await relay.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The stores of two processes that share one place; a store of memory is shared within one process. */
const stores: readonly [string, () => readonly [Store, Store]][] = [
  [
    'a folder',
    () => {
      places += 1;
      const place = join(folder, String(places));
      return [fileStore(place), fileStore(place)];
    },
  ],
  [
    'memory',
    () => {
      const store = memoryStore();
      return [store, store];
    },
  ],
];

describe.each(stores)('two clients that share %s', (_where, shared) => {
  test('keep what each of them keeps: of 200 changes at once none is lost', async () => {
    const vaults = shared().map((store) => new Vault(store, KEY, 'laptop'));
    const [one, other] = vaults;
    const add = (vault: Vault | undefined) => vault?.update((kept) => ({ ...kept, seenAt: kept.seenAt + 1 }));

    await Promise.all(Array.from({ length: 100 }, () => [add(one), add(other)]).flat());

    expect(await Promise.all(vaults.map((vault) => vault.read()))).toEqual([
      { ...nothingKept, seenAt: 200 },
      { ...nothingKept, seenAt: 200 },
    ]);
  });

  test('share what was seen of time: a clock set back behind one of them is set back for both', async () => {
    const { licenseKey } = await createLicense(server, shop);
    const outage = { holdSeconds: 30 * 86_400 };
    const given = { url: relay.url, licenseKey, outage };
    const [early, late] = shared().map((store) => newClient(server, { ...given, store }));
    await early?.client.activate();
    const asked = await early?.client.validate();
    relay.wire = () => 'CUT';
    late?.time.pass(20 * HOUR);
    const seen = await late?.client.validate();

    early?.time.pass(HOUR);
    const back = await early?.client.validate();
    early?.time.pass(19 * HOUR);
    const right = await early?.client.validate();
    relay.wire = () => 'CARRIES';

    expect([asked?.by, seen?.by, back?.code, right?.by]).toEqual([
      'SERVER',
      'HELD',
      'CLOCK_SET_BACK',
      'HELD',
    ]);
  });
});

test('a lock that a killed process left behind keeps nobody for long, and none is left by those who live', async () => {
  const place = join(folder, 'left behind');
  const vault = new Vault(fileStore(place), KEY, 'laptop');
  await vault.update((kept) => ({ ...kept, seenAt: 1 }));
  const [name = ''] = await readdir(place);
  const lock = join(place, `${name}.lock`);
  await writeFile(lock, '');
  const before = new Date(Date.now() - 60_000);
  await utimes(lock, before, before);

  const isKept = await vault.update((kept) => ({ ...kept, seenAt: 2 }));

  expect([isKept, (await vault.read()).seenAt, await readdir(place)]).toEqual([true, 2, [name]]);
});
