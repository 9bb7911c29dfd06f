import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSchema } from '../../src/server/schema.js';
import { badLines, type Finding, FuzzSender, FuzzWorld, findings, type Sent } from '../support/fuzz.js';
import { Random } from '../support/random.js';
import { RandomOperations } from '../support/randomOperations.js';
import { SEED } from '../support/seed.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

/** `FUZZ_OPERATIONS=100000 SEED=7 npx vitest run tests/server/randomOperations.test.ts` runs another hunt. */
const OPERATIONS = Number(process.env.FUZZ_OPERATIONS ?? 5_000);
const BATCH = 50;
const HOUR = 3_600_000;
const ONE_BY_ONE = 150;
/** So many findings are shown at once. */
const ENOUGH = 20;

let server: TestServer;
let world: FuzzWorld;
let url: string;

beforeAll(async () => {
  server = await startTestServer({
    events: true,
    environment: { LG_RATE_ADDRESS_PER_MINUTE: '0', LG_RATE_LICENSE_PER_MINUTE: '0' },
  });
  url = await listen(server);
  world = await FuzzWorld.open(server);
});
afterAll(() => server.stop());

function wordsOf({ answered }: Sent): string[] {
  return answered.errors.length === 0 ? ['DONE'] : answered.errors.map(({ extensions }) => extensions.code);
}

function isRefused({ operation, answered }: Sent): boolean {
  const atRoot = new Set(answered.errors.map(({ path }) => (path?.length === 1 ? path[0] : undefined)));
  const nothing = answered.data.every((data) => data === null || data === undefined);
  return nothing || operation.roots.every((name) => atRoot.has(name));
}

test(`none of ${OPERATIONS} operations, sound or odd, in any role and over either door, ends in an internal error or shows what is not its caller's`, {
  timeout: 60_000 + OPERATIONS * 60,
}, async () => {
  const random = new Random(SEED);
  const operations = new RandomOperations(createSchema(), random);
  const sender = new FuzzSender(server, world, url, random);
  const words = new Map<string, number>();
  const found: (Finding | string)[] = [];

  for (let batch = 0; batch * BATCH < OPERATIONS && found.length < ENOUGH; batch += 1) {
    if (batch % 4 === 3) server.pass(random.pick([0, HOUR / 2, 24 * HOUR]));
    if (batch % 4 === 0) await world.restock();
    await world.look();
    const logged = server.logged.length;

    const sent = await sender.send(Array.from({ length: BATCH }, () => operations.next()));

    found.push(...findings(sent, world), ...badLines(server.logged.slice(logged), world));
    for (const word of sent.flatMap(wordsOf)) words.set(word, (words.get(word) ?? 0) + 1);
    await sender.forget();
  }
  await sender.end();

  if (process.env.FUZZ_OPERATIONS !== undefined) console.table(Object.fromEntries(words));
  expect(found, `SEED=${SEED}`).toEqual([]);
  // A hunt whose every operation was refused would prove little.
  expect(words.get('DONE')).toBeGreaterThan(OPERATIONS / 8);
});

test('a mutation whose every root field is refused writes no event but of its refusal, and of what many of them look like', async () => {
  const random = new Random(SEED);
  const operations = new RandomOperations(createSchema(), random);
  const sender = new FuzzSender(server, world, url, random);
  const acts = async (): Promise<string[]> => {
    // What earlier operations told is taken down behind their answers.
    await server.machinery.drain.idle();
    const rows = await server.sql`select id, event_type from license_event_logs
      where event_type not like '%.refused' and event_type <> 'incident.raised' order by created_at desc, id desc limit 5`;
    return rows.map((row) => `${row.event_type} ${row.id}`);
  };
  let refused = 0;

  for (let asked = 0; asked < ONE_BY_ONE; asked += 1) {
    await world.look();
    const before = await acts();
    const [sent] = await sender.send([operations.next('mutation')]);
    if (sent === undefined || !isRefused(sent)) continue;
    refused += 1;
    expect(await acts(), `SEED=${SEED} ${sent.body.slice(0, 4000)}`).toEqual(before);
  }
  await sender.end();

  expect(refused).toBeGreaterThan(ONE_BY_ONE / 4);
});
