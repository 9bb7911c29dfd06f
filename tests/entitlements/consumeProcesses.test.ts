import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { CONSUME, differences, grantedTwice, verdictsOf } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { Random } from '../support/random.js';
import { keyed } from '../support/replays.js';
import { SEED } from '../support/seed.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
let shop: FeatureShop;
let token: string;
let pair: readonly [ServerProcess, ServerProcess];
beforeAll(async () => {
  server = await startTestServer();
  // The processes run on the system's clock, and so do the tokens that they take.
  server.now = instant(Date.now());
  processes = await Processes.open(server);
  pair = await Promise.all([processes.start(), processes.start()]);
  await server.sql`alter table feature_usage add constraint never_over check (used <= 5000)`;
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  token = await server.token(shop.admin);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const uses = (amount = 1) => ({ input: { uses: [{ featureId: 'calls', amount }] } });

function consumeOn(on: ServerProcess, key?: string, amount = 1): Promise<Answer> {
  return on.graphql(CONSUME, uses(amount), token, key === undefined ? {} : keyed(key));
}

function outcomes(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const [outcome] = answer.code === undefined ? verdictsOf(answer) : [answer.code];
    counts[String(outcome)] = (counts[String(outcome)] ?? 0) + 1;
  }
  return counts;
}

test('512 callers of two processes, three times each, of a limit of 1,000 get exactly 1,000', async () => {
  await grantToTenant(server, shop, [{ featureId: 'calls', limitValue: 1_000 }]);

  const answers: Answer[] = [];
  for (let round = 0; round < 3; round += 1) {
    const callers = Array.from({ length: 512 }, (_, index) => (index % 2 === 0 ? pair[0] : pair[1]));
    answers.push(...(await Promise.all(callers.map((on, index) => consumeOn(on, `${round}-${index}`)))));
  }

  expect(outcomes(answers)).toEqual({ granted: 1_000, QUOTA_EXCEEDED: 536 });
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 1_000 });
  expect(await differences(server, shop.tenantId)).toBe(0);
  expect(await server.count('idempotency_keys', `tenant_id = '${shop.tenantId}'`)).toBe(1_000);
});

test(`512 callers of two processes for any amounts draw all of 1,000, and nobody a part of what it asked (SEED=${SEED})`, async () => {
  await grantToTenant(server, shop, [{ featureId: 'calls', limitValue: 1_000 }]);
  const random = new Random(SEED);
  const amounts = Array.from({ length: 512 }, () => 1 + random.below(9));

  const answers = await Promise.all(
    amounts.map((amount, index) => consumeOn(pair[index % 2 === 0 ? 0 : 1], `${index}`, amount)),
  );
  const granted = amounts.filter((_, index) => verdictsOf(answers[index] as Answer)[0] === 'granted');
  const drawn = granted.reduce((sum, amount) => sum + amount, 0);
  const rest = await consumeOn(pair[0], 'rest', Math.max(1, 1_000 - drawn));

  expect(verdictsOf(rest)).toEqual([drawn < 1_000 ? 'granted' : 'QUOTA_EXCEEDED']);
  const refused = amounts.filter((_, index) => verdictsOf(answers[index] as Answer)[0] !== 'granted');
  // Whoever was refused had asked for more than what was left in the end.
  expect(Math.min(...refused)).toBeGreaterThan(1_000 - drawn);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 1_000 });
  expect(await differences(server, shop.tenantId)).toBe(0);
  const rows = await server.sql`select sum(amount)::int as units from usage_ledger
    where tenant_id = ${shop.tenantId} and idempotency_key <> 'rest' group by grant_id`;
  expect(rows.map((row) => row.units).toSorted()).toEqual(granted.toSorted());
});

const ROUNDS = 20;
const CALLERS = 60;
/** What the caller at this place asks for. */
const amountAt = (index: number): number => 1 + (index % 4);
const ASKED = Array.from({ length: CALLERS }, (_, index) => amountAt(index)).reduce(
  (sum, each) => sum + each,
);

/** Callers with a key each, of a server that is killed when so many are answered; answers those keys. */
async function answeredBefore(doomed: ServerProcess, keys: readonly string[], kill: number) {
  const answered = new Map<string, Answer>();
  await Promise.all(
    keys.map(async (key, index) => {
      const answer = await consumeOn(doomed, key, amountAt(index)).catch(() => undefined);
      if (answer === undefined) return;
      answered.set(key, answer);
      if (answered.size === kill) await doomed.kill();
    }),
  );
  return answered;
}

test('20 servers are killed in mid-flush: each key is granted once, and the ledger is what the counters say', {
  timeout: 240_000,
}, async () => {
  await grantToTenant(server, shop, [{ featureId: 'calls', limitValue: 5_000 }]);
  const [survivor] = pair;
  let next = processes.start();

  for (let round = 0; round < ROUNDS; round += 1) {
    const doomed = await next;
    if (round < ROUNDS - 1) next = processes.start();
    const keys = Array.from({ length: CALLERS }, (_, index) => `${round}-${index}`);
    const before = await answeredBefore(doomed, keys, 1 + (round % 7));
    expect(await differences(server, shop.tenantId)).toBe(0);
    const after = await Promise.all(keys.map((key, index) => consumeOn(survivor, key, amountAt(index))));

    expect(outcomes(after)).toEqual({ granted: CALLERS });
    for (const [key, answer] of before) expect(after[keys.indexOf(key)]).toEqual(answer);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: ASKED * (round + 1) });
  }

  expect(await grantedTwice(server, shop.tenantId)).toEqual([]);
  expect(await differences(server, shop.tenantId)).toBe(0);
});

test('200 at once with one key, on two processes, have one effect and 200 equal answers', async () => {
  await grantToTenant(server, shop, [{ featureId: 'calls', limitValue: 10 }]);
  const callers = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? pair[0] : pair[1]));

  const answers = await Promise.all(callers.map((on) => consumeOn(on, 'one', 3)));

  expect(new Set(answers.map(({ data, errors }) => JSON.stringify({ data, errors }))).size).toBe(1);
  expect(outcomes(answers)).toEqual({ granted: 200 });
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 3 });
  expect(await server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`)).toBe(1);
});
