import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pace } from '../../src/graph/pace.js';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what an operation has read goes on', () => {
  /** Who is through after each turn of the event loop. */
  async function turnsOf(rows: readonly number[]): Promise<string[]> {
    const pace = new Pace();
    const through: number[] = [];
    rows.forEach((count, at) => void pace.turn(count).then(() => through.push(at)));
    let ended = false;
    pace.afterwards(() => {
      ended = true;
    });
    const turns: string[] = [];
    while (!ended) {
      await turn();
      turns.push(through.splice(0).join(' '));
    }
    return turns.filter((each) => each !== '');
  }

  test('a hundred rows a turn', async () => {
    expect(await turnsOf([40, 40, 40, 40, 40])).toEqual(['0 1', '2 3', '4']);
  });

  test('one by one where each is larger, and none is left out', async () => {
    expect(await turnsOf([100, 500, 1, 99, 1])).toEqual(['0', '1', '2 3', '4']);
  });

  test('and what follows is begun when all are through', async () => {
    const pace = new Pace();
    const order: string[] = [];
    void pace.turn(100).then(() => {
      order.push('first');
      pace.afterwards(() => order.push('next level'));
    });
    void pace.turn(100).then(() => order.push('second'));

    while (order.length < 3) await turn();

    expect(order).toEqual(['first', 'second', 'next level']);
  });

  test('at once when nothing was read', async () => {
    const pace = new Pace();
    let ran = false;
    pace.afterwards(() => {
      ran = true;
    });

    await turn();

    expect(ran).toBe(true);
  });
});

describe('an operation that costs much', () => {
  let server: TestServer;
  let shop: Shop;
  beforeAll(async () => {
    server = await startTestServer();
    shop = await openShop(server, { maxActivations: 100 });
    for (let made = 0; made < 6; made += 1) {
      const { licenseKey } = await issueLicense(server, shop);
      for (let device = 0; device < 30; device += 1) await activate(server, licenseKey, `device-${device}`);
    }
  });
  afterAll(() => server.stop());

  const page = (first: number): string => `{ licenses(first: ${first}) { nodes { id status customer { name }
    activations(first: 50) { nodes { deviceFingerprint: id status license { id customer { name } } } } } } }`;

  test('answers the same, with as many statements, in more turns of the event loop', async () => {
    const statementsFor = async (first: number): Promise<number> => {
      server.statements.length = 0;
      const data = await server.ok(page(first), {}, shop.admin);
      expect(data.licenses?.nodes).toHaveLength(Math.min(first, 6));
      return server.statements.length;
    };
    const counting = async (first: number): Promise<number> => {
      let turns = 0;
      let running = true;
      const count = (): void => {
        turns += 1;
        if (running) setImmediate(count);
      };
      setImmediate(count);
      await statementsFor(first);
      running = false;
      return turns;
    };

    const [one, all] = [await statementsFor(1), await statementsFor(6)];

    expect(all).toBe(one);
    expect(await counting(6)).toBeGreaterThan(6);
  });
});
