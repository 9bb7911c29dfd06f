import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tablesOf } from '../support/acts.js';
import { ACTIVATE, tryActivate } from '../support/devices.js';
import { createLicense, grantToTenant, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { unitsUsed } from '../support/meters.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { keyed, storedAnswers } from '../support/replays.js';
import { type Held, holdLicense, untilHeld } from '../support/rowLocks.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let processes: Processes;
let pair: readonly [ServerProcess, ServerProcess];

beforeAll(async () => {
  server = await startTestServer({ environment: { LG_DATABASE_POOL: '2' } });
  processes = await Processes.open(server, { LG_DATABASE_POOL: '2' });
  pair = await Promise.all([processes.start(), processes.start()]);
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

/** The processes run on the system's clock: a license without an end is the same to all. */
function endless(input: object = {}): Promise<Issued> {
  return createLicense(server, shop, { licenseType: 'PERPETUAL', ...input });
}

const device = ({ licenseKey }: Issued, deviceFingerprint = 'd') => ({
  input: { licenseKey, deviceFingerprint },
});
const textsOf = (answers: readonly Answer[]): Set<string> =>
  new Set(answers.map(({ data, errors }) => JSON.stringify({ data, errors })));
const codesOf = (answers: readonly Answer[]): unknown[] => answers.map(({ code }) => code ?? 'done');

async function eventsOf(license: Issued): Promise<string[]> {
  const rows = await server.sql`select event_type from license_event_logs
    where license_id = ${license.id} order by event_type`;
  return rows.map((row) => String(row.event_type));
}

const hold = ({ id }: Issued) => holdLicense(server, id);
const until = (state: Held) => untilHeld(server, state);

describe('on one server with two connections', () => {
  test('200 at once have one effect and 200 equal answers', async () => {
    const license = await endless();

    const answers = await Promise.all(
      Array.from({ length: 200 }, () =>
        server.graphql(ACTIVATE, device(license), undefined, keyed('device-1')),
      ),
    );

    expect(textsOf(answers).size).toBe(1);
    expect(answers[0]?.errors).toEqual([]);
    expect(await eventsOf(license)).toEqual(['activation.created', 'license.created']);
  });

  test('200 at once of a metered mutation draw one unit, the last', async () => {
    await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 1 }]);
    const query = 'mutation { exportLicenses(input: { format: JSON }) { count content } }';

    const answers = await Promise.all(
      Array.from({ length: 200 }, () => server.graphql(query, {}, shop.admin, keyed('export'))),
    );

    expect(textsOf(answers).size).toBe(1);
    expect(answers[0]?.errors).toEqual([]);
    expect(await unitsUsed(server, shop.admin.tenant_id)).toEqual({ bulk_export: 1 });
  });

  test('those who wait hold no connection', async () => {
    const license = await endless();
    const letGo = await hold(license);
    const calls = Array.from({ length: 50 }, () =>
      server.graphql(ACTIVATE, device(license), undefined, keyed('device-1')),
    );
    await until({ open: 1, waiting: 1 });

    const beside = await tryActivate(server, (await endless()).licenseKey, 'another');
    // What is written behind that answer takes its moment.
    await until({ open: 1, waiting: 1 });
    await letGo();
    const answers = await Promise.all(calls);

    expect(beside.errors).toEqual([]);
    expect(textsOf(answers).size).toBe(1);
    expect(answers[0]?.errors).toEqual([]);
  });

  test('20 at once that are refused are refused each by itself, and nothing is stored', async () => {
    const license = await endless({ maxActivations: 1 });
    await tryActivate(server, license.licenseKey, 'seated');

    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.graphql(ACTIVATE, device(license), undefined, keyed('device-1')),
      ),
    );

    expect(codesOf(answers)).toEqual(Array(20).fill('ACTIVATION_LIMIT_EXCEEDED'));
    expect(await storedAnswers(server, shop.admin.tenant_id)).toEqual([]);
  });

  test('who waits longer than an operation may take is told to try again, and nothing is done', async () => {
    const license = await endless();
    const hasty = await startTestServer({ beside: server, environment: { LG_OPERATION_SECONDS: '1' } });
    const letGo = await hold(license);
    const first = pair[0].graphql(ACTIVATE, device(license), undefined, keyed('device-1'));
    await until({ open: 1, waiting: 1 });
    const before = await tablesOf(server, shop.admin.tenant_id);

    const waiters = await Promise.all(
      Array.from({ length: 3 }, () => hasty.graphql(ACTIVATE, device(license), undefined, keyed('device-1'))),
    ).finally(() => hasty.stop());
    const after = await tablesOf(server, shop.admin.tenant_id);
    await letGo();
    const answer = await first;
    const again = await server.graphql(ACTIVATE, device(license), undefined, keyed('device-1'));

    expect(codesOf(waiters)).toEqual(Array(3).fill('IDEMPOTENCY_KEY_IN_USE'));
    expect(after).toEqual(before);
    expect(answer.errors).toEqual([]);
    expect(again.data).toEqual(answer.data);
  });
});

test('whose time ends in the middle of a look at the one it waits for is told the same as between two looks', async () => {
  const [license, other] = [await endless(), await endless()];
  const environment = { LG_OPERATION_SECONDS: '1', LG_DATABASE_POOL: '2' };
  const hasty = await startTestServer({ beside: server, environment });
  const letGo = [await hold(license), await hold(other)];
  const first = pair[0].graphql(ACTIVATE, device(license), undefined, keyed('device-1'));
  await until({ open: 1, waiting: 1 });

  const looks = (): number =>
    hasty.statements.filter((text) => text.includes('try_advisory_xact_lock')).length;
  const waiting = Promise.all(
    Array.from({ length: 3 }, () => hasty.graphql(ACTIVATE, device(license), undefined, keyed('device-1'))),
  );
  await expect.poll(looks, { interval: 1 }).toBeGreaterThan(0);
  // They take every connection, for longer than those who wait have time.
  const beside = Promise.all(['a', 'b'].map((name) => hasty.graphql(ACTIVATE, device(other, name))));
  const [waiters, others] = await Promise.all([waiting, beside]).finally(() => hasty.stop());
  await Promise.all(letGo.map((end) => end()));

  expect(codesOf(waiters)).toEqual(Array(3).fill('IDEMPOTENCY_KEY_IN_USE'));
  expect(codesOf(others)).toEqual(Array(2).fill('OPERATION_TIMEOUT'));
  expect((await first).errors).toEqual([]);
  expect(await eventsOf(license)).toEqual(['activation.created', 'license.created']);
  expect(await eventsOf(other)).toEqual(['license.created']);
});

describe('on two servers with two connections each', () => {
  /** Sends the same activation so many times at once, every other one to the other process. */
  function atOnce(count: number, license: Issued, key: string): Promise<Answer[]> {
    return Promise.all(
      Array.from({ length: count }, (_, index) =>
        (index % 2 === 0 ? pair[0] : pair[1]).graphql(ACTIVATE, device(license), undefined, keyed(key)),
      ),
    );
  }

  test('200 at once have one effect and 200 equal answers', async () => {
    const license = await endless();

    const answers = await atOnce(200, license, 'device-1');

    expect(textsOf(answers).size).toBe(1);
    expect(answers[0]?.errors).toEqual([]);
    expect(await eventsOf(license)).toEqual(['activation.created', 'license.created']);
    expect(await storedAnswers(server, shop.admin.tenant_id)).toHaveLength(1);
  });

  test('20 different keys of one device at once are 20 acts', async () => {
    const license = await endless();

    const answers = (
      await Promise.all(Array.from({ length: 20 }, (_, index) => atOnce(4, license, `key-${index}`)))
    ).flat();

    expect(codesOf(answers)).toEqual(Array(80).fill('done'));
    expect(textsOf(answers).size).toBe(20);
    expect(await eventsOf(license)).toEqual([
      'activation.created',
      ...Array(19).fill('activation.renewed'),
      'license.created',
    ]);
  });

  test('what the first had begun when its server was killed, the others do', async () => {
    const license = await endless();
    const letGo = await hold(license);
    const victim = await processes.start();
    const lost = victim.graphql(ACTIVATE, device(license), undefined, keyed('device-1')).catch(() => 'lost');
    await until({ open: 1, waiting: 1 });
    const others = atOnce(40, license, 'device-1');

    await victim.kill();
    await letGo();
    const answers = await others;

    expect(await lost).toBe('lost');
    expect(textsOf(answers).size).toBe(1);
    expect(answers[0]?.errors).toEqual([]);
    expect(await eventsOf(license)).toEqual(['activation.created', 'license.created']);
  });

  test('a server that is killed between two root fields leaves the second to the retry', async () => {
    const [one, other] = [await endless(), await endless()];
    const query = `mutation ($a: ActivateLicenseInput!, $b: ActivateLicenseInput!) {
      a: activateLicense(input: $a) { activationToken } b: activateLicense(input: $b) { activationToken } }`;
    const variables = { a: device(one).input, b: device(other).input };
    const letGo = await hold(other);
    const victim = await processes.start();
    const lost = victim.graphql(query, variables, undefined, keyed('both')).catch(() => 'lost');
    await until({ open: 1, waiting: 1 });

    await victim.kill();
    await letGo();
    const retries = await Promise.all(
      pair.map((each) => each.graphql(query, variables, undefined, keyed('both'))),
    );

    expect(await lost).toBe('lost');
    expect(textsOf(retries).size).toBe(1);
    expect(retries[0]?.errors).toEqual([]);
    for (const license of [one, other]) {
      expect(await eventsOf(license)).toEqual(['activation.created', 'license.created']);
    }
  });

  test('a server that is killed at any moment leaves each device activated once at most, and its retry the same', async () => {
    const license = await endless({ maxActivations: 200 });
    const victim = await processes.start();
    const devices = Array.from({ length: 60 }, (_, index) => `device-${index}`);
    let left = randomInt(1, 40);
    const waiting = [...devices];
    const answered = new Map<string, Answer['data']>();
    // A few at a time: some have not asked yet when it dies.
    const lane = async (): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const answer = await victim
          .graphql(ACTIVATE, device(license, name), undefined, keyed(name))
          .catch(() => undefined);
        if (answer !== undefined) answered.set(name, answer.data);
        left -= 1;
        if (left === 0) await victim.kill();
      }
    };

    await Promise.all(Array.from({ length: 12 }, lane));
    const retried = await Promise.all(
      devices.map((name, index) =>
        (index % 2 === 0 ? pair[0] : pair[1]).graphql(
          ACTIVATE,
          device(license, name),
          undefined,
          keyed(name),
        ),
      ),
    );

    const tokenIn = (data: Answer['data']) => data?.activateLicense?.activationToken;
    expect(codesOf(retried)).toEqual(Array(60).fill('done'));
    expect(answered.size).toBeLessThan(devices.length);
    for (const [name, data] of answered)
      expect(tokenIn(retried[devices.indexOf(name)]?.data ?? null)).toBe(tokenIn(data));
    // So many devices in a short time are an incident as well.
    const acts = (await eventsOf(license)).filter((type) => type !== 'incident.raised');
    expect(acts).toEqual([...Array(60).fill('activation.created'), 'license.created']);
  });
});
