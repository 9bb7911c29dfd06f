import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { untilHeld } from '../support/rowLocks.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { RawSocket } from '../support/sockets.js';
import { sealed, toldOf, writeEvents } from '../support/streams.js';

const SUBSCRIBERS = 6;
const WRITES = 120;
/** Events come all the while, and the last of all is told of at once: whoever hears nothing for so long is not told. */
const SILENCE_MILLIS = 45_000;

let server: TestServer;
let shop: Shop;
let token: string;
let processes: Processes;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const now = instant(Date.now());
  token = (await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, now, 600)) ?? '';
  processes = await Processes.open(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const query = 'subscription ($after: String) { events(after: $after) { cursor sequence } }';

/** Follows the log over whichever server lives, goes away whenever it likes, and comes back with its last cursor. */
class Subscriber {
  readonly told: number[] = [];
  reconnects = 0;

  constructor(
    private readonly alive: readonly ServerProcess[],
    private cursor: string,
  ) {}

  async follow(end: () => number): Promise<void> {
    while ((this.told.at(-1) ?? 0) < end()) {
      const { address } = this.alive[randomInt(this.alive.length)] ?? { address: '' };
      const raw = await this.#greet(address);
      if (raw !== undefined) await this.#visit(raw, end);
      this.reconnects += 1;
    }
  }

  /** Nobody, where the server is killed meanwhile. */
  #greet(address: string): Promise<RawSocket | undefined> {
    return RawSocket.greeted(`${address.replace('http', 'ws')}/graphql`, token).catch(() => undefined);
  }

  async #visit(raw: RawSocket, end: () => number): Promise<void> {
    const enough = randomInt(1, 15);
    let closed = false;
    void raw.closed.then(() => {
      closed = true;
    });
    raw.ask('1', query, { variables: { after: this.cursor } });
    const isOver = (): boolean => closed || toldOf(raw).length >= enough || this.#last(raw) >= end();
    let silentSince = performance.now();
    for (let heard = 0; !isOver(); await sleep(5)) {
      const answers = raw.of('1');
      if (answers.length > heard) silentSince = performance.now();
      heard = answers.length;
      const isSilent = performance.now() - silentSince > SILENCE_MILLIS;
      if (!isSilent && answers.every(({ type }) => type === 'next')) continue;
      throw new Error(`after ${this.#last(raw)} of ${end()} came ${JSON.stringify(answers.slice(-2))}`);
    }
    await raw.hangUp();
    // It left then, whatever came with what it had waited for.
    for (const told of toldOf(raw).slice(0, enough)) {
      this.told.push(Number(told?.sequence));
      this.cursor = String(told?.cursor);
    }
  }

  /** Of this visit or, where nothing has come in it, of the one before: that may have brought the last of all. */
  #last(raw: RawSocket): number {
    return Number(toldOf(raw).at(-1)?.sequence ?? this.told.at(-1) ?? 0);
  }
}

test('subscribers who come and go while servers are killed are told each event once and in its order', async () => {
  const license = await createLicense(server, shop, { licenseType: 'PERPETUAL' });
  const alive: ServerProcess[] = await Promise.all([processes.start(), processes.start()]);
  await sealed(server);
  const [first] = alive;
  const start = String((await first?.graphql('{ eventCursor }', {}, token))?.data?.eventCursor);
  let end = Number.POSITIVE_INFINITY;
  const subscribers = Array.from({ length: SUBSCRIBERS }, () => new Subscriber(alive, start));
  const following = subscribers.map((subscriber) => subscriber.follow(() => end));
  const rename = (issuedTo: string) =>
    alive[randomInt(alive.length)]
      ?.graphql(
        mutation('updateLicense', 'license { id }'),
        { input: { licenseId: license.id, issuedTo } },
        token,
      )
      .catch(() => undefined);

  const writing: unknown[] = [];
  for (let write = 0; write < WRITES; write += 1) {
    writing.push(rename(`name ${write}`));
    if (write % 5 === 0) await writing.at(-1);
    if (write === 40) await alive.shift()?.kill();
    if (write === 60) alive.push(await processes.start());
    if (write === 80) await alive.shift()?.kill();
  }
  await rename('last');
  await Promise.all(writing);
  await untilHeld(server, { open: 0, waiting: 0 });
  await sealed(server);
  const log = await server.sql`select sequence::int from audit_seals where tenant_id = ${shop.admin.tenant_id}
    and sequence > ${JSON.parse(Buffer.from(start, 'base64url').toString())[2]} order by sequence`;
  end = Number(log.at(-1)?.sequence);
  await Promise.all(following);

  const all = log.map(({ sequence }) => Number(sequence));
  expect(all.length).toBeGreaterThan(60);
  expect(subscribers.map(({ told }) => told)).toEqual(subscribers.map(() => all));
  expect(Math.min(...subscribers.map(({ reconnects }) => reconnects))).toBeGreaterThan(3);
});

test('who catches up with 5,000 events while its server is killed goes on at another, and is told each once', async () => {
  const [first, second] = await Promise.all([processes.start(), processes.start()]);
  const start = String((await first?.graphql('{ eventCursor }', {}, token))?.data?.eventCursor);
  const written = { type: 'customer.updated', subjectId: 'x', data: { text: 'x'.repeat(2_000) } } as const;
  await writeEvents(server, shop.admin.tenant_id, written, 5_000);
  await sealed(server);
  const followFrom = async ({ address }: ServerProcess, after: string): Promise<RawSocket> => {
    const raw = await RawSocket.greeted(`${address.replace('http', 'ws')}/graphql`, token);
    const wide = 'subscription ($after: String) { events(after: $after) { cursor sequence event { data } } }';
    raw.ask('1', wide, { variables: { after } });
    return raw;
  };

  const before = await followFrom(first, start);
  await expect.poll(() => before.of('1').length, { interval: 1 }).toBeGreaterThan(1_000);
  await first.kill();
  await before.closed;
  const told = toldOf(before);
  const after = await followFrom(second, String(told.at(-1)?.cursor));
  // With what the servers write themselves, as checkpoints.
  await expect.poll(() => told.length + after.of('1').length, { timeout: 20_000 }).toBeGreaterThan(4_999);
  await after.hangUp();

  const from = Number(JSON.parse(Buffer.from(start, 'base64url').toString())[2]);
  expect(told.length).toBeLessThan(5_000);
  const all = [...told, ...toldOf(after)].map((event) => event?.sequence);
  expect(all).toEqual(all.map((_, index) => from + 1 + index));
});
