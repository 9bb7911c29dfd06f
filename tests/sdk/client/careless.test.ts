import { access, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../../src/core/clock.js';
import { LicenseClient, memoryStore } from '../../../src/sdk/client/index.js';
import { fileStore } from '../../../src/sdk/client/node.js';
import { actOn } from '../../support/acts.js';
import { newClient } from '../../support/clients.js';
import { createLicense, type Issued, openShop, type Shop } from '../../support/fixtures.js';
import { publishedKeys, revocationsOf } from '../../support/offline.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

let server: TestServer;
let shop: Shop;
let url: string;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  url = (await listen(server)).replace('ws:', 'http:');
  folder = await mkdtemp(join(tmpdir(), 'lg-careless-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.now = START;
});

const features = [{ featureId: 'maps', featureName: 'Maps', limitValue: 3 }];
const licensed = (): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 1, features, expiryDate: addDays(START, 300) });
/** As a program in JavaScript gives them, where no compiler has looked. */
const untyped = <Value>(given: unknown): Value => given as Value;

test('whatever a program prints of a client, a loop or a lease, it shows neither license key nor device', async () => {
  const licenseKey = 'AAAA-BBBB-CCCC-DDDD-EEEE';
  const { client } = newClient(server, { url, licenseKey, device: { fingerprint: 'device of Ada' } });
  const printed = [client, client.heartbeats(), client.floatingLease()].flatMap((each) => [
    inspect(each, { depth: 20, showHidden: true }),
    JSON.stringify(each),
  ]);

  expect(printed.filter((text) => text.includes(licenseKey) || text.includes('device of Ada'))).toEqual([]);
});

test.each([
  ['features: has to be a list of texts', { features: 'maps' }],
  ['features: has to be a list of texts', { features: [7] }],
  ['user: has to be a text', { user: 7 }],
])('a question that is none is refused as that, and not as a forged answer: %s', async (message, asking) => {
  const { licenseKey } = await licensed();
  const { client } = newClient(server, { url, licenseKey });
  await client.activate();

  const verdict = await client.validate(untyped(asking));

  expect(verdict).toMatchObject({ valid: false, code: 'QUESTION_REFUSED', by: 'NOBODY' });
  expect(verdict.problem).toEqual({ kind: 'REFUSED', code: 'BAD_USER_INPUT', message, remedy: null });
});

test('options of null are options that were left out', async () => {
  const { licenseKey } = await licensed();
  const { client } = newClient(server, { url, licenseKey });
  const none = untyped<undefined>(null);

  expect(await client.activate(none)).toMatchObject({ ok: true });
  expect(await client.validate(none)).toMatchObject({ code: 'VALID', by: 'SERVER' });
  expect(await client.checkout(none)).toMatchObject({ ok: true });
  expect(await client.consume([{ featureId: 'maps' }], none)).toMatchObject({ ok: true });
  expect(await client.deactivate(none)).toMatchObject({ ok: true });
  expect(() => client.heartbeats(none)).toThrow('options: has to be an object');
  expect(() => client.floatingLease(none)).toThrow('options: has to be an object');
});

test('what is drawn has to be a list, or nothing is drawn', async () => {
  const { licenseKey } = await licensed();
  const { client } = newClient(server, { url, licenseKey });

  const refused = await client.consume(untyped({ featureId: 'maps', amount: 2 }));
  const drawn = await client.consume([{ featureId: 'maps', amount: 1 }]);

  expect(refused).toMatchObject({
    problem: { code: 'BAD_USER_INPUT', message: 'uses: has to be a list' },
  });
  expect(drawn).toMatchObject({ value: { verdicts: [{ granted: true, used: 1 }] } });
});

test.each([
  ['store', { store: {} }],
  ['store', { store: undefined }],
  ['device.productId', { device: { fingerprint: 'laptop', productId: 5 } }],
  ['device.user', { device: { fingerprint: 'laptop', user: {} } }],
])('%s has to be one when the client is made', (name, given) => {
  const options = {
    url,
    licenseKey: 'x',
    device: { fingerprint: 'laptop' },
    store: memoryStore(),
    trust: 'PUBLISHED',
    outage: { holdSeconds: 0 },
  } as const;

  expect(() => new LicenseClient(untyped({ ...options, ...given }))).toThrow(new RegExp(`^${name}: has to`));
});

describe('a store that fails', () => {
  test('is told of by what it threw, and the client goes on with what it has in memory', async () => {
    const { licenseKey } = await licensed();
    await writeFile(join(folder, 'a file'), '');
    const told: unknown[] = [];
    const store = fileStore(join(folder, 'a file'));
    const onStoreFailed = (error: unknown): void => void told.push(error);
    const { client } = newClient(server, { url, licenseKey, store, onStoreFailed });

    const activated = await client.activate();
    const verdict = await client.validate();

    expect(activated.ok).toBe(true);
    expect(verdict).toMatchObject({ code: 'VALID', by: 'SERVER' });
    expect(told.map((error) => (error as NodeJS.ErrnoException).code)).toContain('ENOTDIR');
  });

  test('leaves no half file behind', async () => {
    const own = join(folder, 'own');
    // In the place of the file stands a folder: what was written cannot be put there.
    await mkdir(join(own, 'kept', 'within'), { recursive: true });

    await expect(fileStore(own).set('kept', 'text')).rejects.toThrow();

    expect(await readdir(own)).toEqual(['kept']);
  });

  test('whose lock is none and cannot be taken away ends no act', async () => {
    const own = join(folder, 'locked');
    await mkdir(join(own, 'kept.lock', 'within'), { recursive: true });
    await utimes(join(own, 'kept.lock'), 0, 0);
    const store = fileStore(own);

    const done = await store.alone?.('kept', async () => 'done');

    expect(done).toBe('done');
  });

  test('where no folder can be made, says so and does not try for ever', async () => {
    const nowhere = await access('/proc').then(
      () => '/proc/licensegraph/application',
      () => join(folder, 'a file', 'application'),
    );

    await expect(fileStore(nowhere).set('kept', 'text')).rejects.toThrow(/ENOENT|ENOTDIR/);
  });
});

describe('a revocation list', () => {
  /** A file of one license, and lists from before and after the license was revoked. */
  async function revoked() {
    const { licenseKey, id } = await licensed();
    const store = memoryStore();
    const trust = await publishedKeys(server);
    const { client } = newClient(server, { url, licenseKey, store, trust });
    await client.activate();
    const taken = await client.checkout();
    const file = taken.ok ? taken.value.licenseFile : '';
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: id, reason: 'x' });
    const beside = await startTestServer({ beside: server });
    const list = await revocationsOf(beside, shop.admin.tenant_id);
    await beside.stop();
    const restarted = () =>
      newClient(server, { url: 'http://127.0.0.1:9/graphql', licenseKey, store, trust });
    return { file, list, restarted };
  }

  test('that was shown once counts on, whoever takes it away again', async () => {
    const { file, list, restarted } = await revoked();

    const before = await restarted().client.verifyFile(file);
    const shown = await restarted().client.verifyFile(file, { revocations: list });
    const takenAway = await restarted().client.verifyFile(file);

    expect(before.code).toBe('VALID');
    expect(shown).toMatchObject({ valid: false, code: 'LICENSE_REVOKED' });
    expect(takenAway).toEqual(shown);
  });

  test('that is none is not kept', async () => {
    const { file, list, restarted } = await revoked();

    const forged = await restarted().client.verifyFile(file, { revocations: `${list.slice(0, -4)}AAAA` });

    expect(forged.code).toBe('SIGNATURE_INVALID');
    expect((await restarted().client.verifyFile(file)).code).toBe('VALID');
  });
});

test('a text of one length is asked for as that', async () => {
  const { licenseKey } = await licensed();
  const location = { country: 'Germany', timezone: 'Europe/Berlin' };
  const { client } = newClient(server, { url, licenseKey, device: { fingerprint: 'laptop', location } });

  const refused = await client.activate();

  expect(refused).toMatchObject({
    problem: {
      code: 'INVALID_INPUT',
      message: 'input.location.country: must be exactly 2 characters long',
    },
  });
});

test('a response that was cut on its way is called a response, and not a file', async () => {
  const { licenseKey } = await licensed();
  const trust = await publishedKeys(server);
  const { client } = newClient(server, { url, licenseKey, trust });
  await client.createOfflineRequest();

  const cut = await client.verifyResponse('eyJhbGciOiJFZERTQSJ9.e30.');

  expect(cut).toMatchObject({ value: { valid: false, code: 'SIGNATURE_INVALID', license: null } });
  expect(cut).toHaveProperty('value.reasons', [
    {
      code: 'SIGNATURE_INVALID',
      message: 'The response is not as the vendor signed it.',
      remedy: 'Carry the response here again, whole.',
    },
  ]);
});
