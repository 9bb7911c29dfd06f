import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Refusal } from '../../src/core/refusal.js';
import { CostGate, ShortestFirst } from '../../src/server/limits/fairness.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

describe('of requests that come at once', () => {
  /** In which order they are begun, by their lengths. */
  async function order(lengths: readonly number[]): Promise<number[]> {
    const line = new ShortestFirst();
    const begun: number[] = [];
    await Promise.all(lengths.map((length) => line.enter(length).then(() => begun.push(length))));
    return begun;
  }

  test('the first is begun, then the shortest, then the oldest, by turns', async () => {
    expect(await order([900, 500, 30, 400, 10, 20])).toEqual([900, 10, 500, 20, 30, 400]);
  });

  test('those of one length keep their order', async () => {
    const line = new ShortestFirst();
    const begun: string[] = [];

    await Promise.all(['a', 'b', 'c', 'd'].map((name) => line.enter(7).then(() => begun.push(name))));

    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('one at a time is begun, and others are heard between them', async () => {
    const line = new ShortestFirst();
    const begun: string[] = [];
    const enter = (name: string, length: number) => line.enter(length).then(() => begun.push(name));
    const slow = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => enter(name, 1_000));
    const late = new Promise<void>((resolve) => setImmediate(resolve)).then(() => enter('plain', 10));

    await Promise.all([...slow, late]);

    expect(begun.indexOf('plain')).toBeLessThan(4);
  });
});

describe('of operations that cost much', () => {
  /** Enters in order, each as "caller cost", and tells who runs. */
  function gated(...entries: readonly string[]) {
    const gate = new CostGate();
    const running: string[] = [];
    const refused: unknown[] = [];
    const holders = new Map<string, object>();
    for (const entry of entries) {
      const [caller = '', cost] = entry.split(' ');
      const holder = { entry };
      holders.set(entry, holder);
      gate
        .enter(holder, { caller, cost: Number(cost), signal: new AbortController().signal })
        .then(() => running.push(entry))
        .catch((error: unknown) => refused.push(error));
    }
    const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
    const leave = async (entry: string): Promise<void> => {
      gate.leave(holders.get(entry) ?? {});
      await settled();
    };
    return { gate, running, refused, leave, settled };
  }

  test('as many run as cost ten thousand together', async () => {
    const { running, leave, settled } = gated('a 4000', 'b 6000', 'c 1000', 'd 9001');

    await settled();
    expect(running).toEqual(['a 4000', 'b 6000']);
    await leave('b 6000');
    expect(running).toEqual(['a 4000', 'b 6000', 'c 1000']);
    await leave('a 4000');
    await leave('c 1000');
    expect(running).toEqual(['a 4000', 'b 6000', 'c 1000', 'd 9001']);
  });

  test('one that costs more than that runs alone', async () => {
    const { running, leave, settled } = gated('a 25000', 'b 501');

    await settled();
    expect(running).toEqual(['a 25000']);
    await leave('a 25000');
    expect(running).toEqual(['a 25000', 'b 501']);
  });

  test('four run at the most', async () => {
    const { running, settled } = gated('a 501', 'b 502', 'c 503', 'd 504', 'e 505');

    await settled();

    expect(running).toEqual(['a 501', 'b 502', 'c 503', 'd 504']);
  });

  test('callers take turns, however many each of them sends', async () => {
    const { running, leave, settled } = gated(
      'a 9001',
      'a 9002',
      'a 9003',
      'a 9004',
      'b 9005',
      'c 9006',
      'b 9007',
    );
    await settled();

    for (let at = 0; at < 7; at += 1) await leave(running[at] ?? '');

    expect(running).toEqual(['a 9001', 'a 9002', 'b 9005', 'c 9006', 'a 9003', 'b 9007', 'a 9004']);
  });

  test('one that ends twice, or never entered, lets nobody in', async () => {
    const { gate, running, leave, settled } = gated('a 9001', 'b 9002', 'c 9003');

    gate.leave({});
    await leave('a 9001');
    await leave('a 9001');
    await settled();

    expect(running).toEqual(['a 9001', 'b 9002']);
  });

  test('one that is let go while it waits gives its place away', async () => {
    const { running, leave } = gated('a 9001', 'b 9002', 'c 9003');

    await leave('b 9002');
    await leave('a 9001');

    expect(running).toEqual(['a 9001', 'b 9002', 'c 9003']);
  });

  test('plain ones do not wait', async () => {
    const { running, settled } = gated('a 25000', 'b 500', 'c 1');

    await settled();

    expect(running).toEqual(['a 25000', 'b 500', 'c 1']);
  });

  test('fifty of one caller may wait, and two hundred of all', async () => {
    const entries = Array.from({ length: 260 }, (_, at) => `${Math.floor(at / 52)} ${9_000 + at}`);
    const { running, refused, settled } = gated('x 9001', ...entries);

    await settled();

    expect(running).toEqual(['x 9001']);
    expect(refused).toHaveLength(60);
    for (const error of refused) {
      expect(error).toBeInstanceOf(Refusal);
      expect(error).toMatchObject({ code: 'SERVER_BUSY' });
    }
  });
});

describe('while operations that cost much hang in the database', () => {
  let server: TestServer;
  let shop: Shop;
  beforeAll(async () => {
    server = await startTestServer();
    shop = await openShop(server);
    await issueLicense(server, shop);
    await server.ok('{ viewer { kind } }', {}, shop.admin);
  });
  afterAll(() => server.stop());

  /** Nobody reads or writes licenses until it is let go. */
  async function lockLicenses(): Promise<() => Promise<void>> {
    const sql = await server.sql.reserve();
    await sql`begin`;
    await sql`lock table licenses in access exclusive mode`;
    return async () => {
      await sql`commit`;
      sql.release();
    };
  }

  test('plain ones are answered, and the others run one at a time', async () => {
    const costly = '{ licenses(first: 100) { nodes { id activations(first: 10) { nodes { id } } } } }';
    const started = (): number => server.statements.filter((text) => text.includes('from "licenses"')).length;
    server.statements.length = 0;
    const unlock = await lockLicenses();

    const answers = Promise.all(Array.from({ length: 12 }, () => server.ok(costly, {}, shop.admin)));
    const plain = await expect
      .poll(started)
      .toBe(1)
      .then(() => server.ok('{ customers(first: 1) { nodes { name } } }', {}, shop.admin))
      .finally(unlock);

    expect(plain.customers?.nodes).toEqual([{ name: 'Ada Okafor' }]);
    for (const data of await answers) expect(data.licenses?.nodes).toHaveLength(1);
  });
});
