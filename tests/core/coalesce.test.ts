import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Coalescer } from '../../src/core/coalesce.js';
import { fc } from '../support/seed.js';

/** A coalescer whose flushes end when the test says so, in the order that it says. */
function held(isPaired: boolean) {
  const flights: { readonly size: number; readonly land: () => void; readonly crash: () => void }[] = [];
  let idle = 0;
  const coalescer = new Coalescer<number, string>(
    (requests) =>
      new Promise((resolve, reject) => {
        flights.push({
          size: requests.length,
          land: () => resolve(requests.map((request) => `answer ${request}`)),
          crash: () => reject(new Error('the database is gone')),
        });
      }),
    { isPaired, onIdle: () => (idle += 1) },
  );
  const ask = (count: number, from = 0) =>
    Array.from({ length: count }, (_, index) => coalescer.ask(from + index).catch(String));
  return { flights, coalescer, ask, idle: () => idle };
}

const sizes = (flights: readonly { readonly size: number }[]): number[] => flights.map(({ size }) => size);

test('all who come while a flush is in flight share the next one', async () => {
  const { flights, ask } = held(false);
  const first = ask(1_000);
  await turn();
  const next = ask(999, 1_000);
  await turn();
  expect(sizes(flights)).toEqual([1_000]);

  flights[0]?.land();
  expect(await Promise.all(first)).toEqual(first.map((_, index) => `answer ${index}`));
  await turn();
  expect(sizes(flights)).toEqual([1_000, 999]);
  flights[1]?.land();
  expect(await next.at(-1)).toBe('answer 1998');
});

test('a flush takes no more than two thousand', async () => {
  const { flights, ask } = held(false);
  const asked = ask(2_001);
  await turn();
  flights[0]?.land();
  await turn();
  flights[1]?.land();
  await Promise.all(asked);
  expect(sizes(flights)).toEqual([2_000, 1]);
});

test('of a pair two flushes are in flight, each with half of the many who ask at once, and never three', async () => {
  const { flights, ask } = held(true);
  const asked = ask(512);
  await turn();
  ask(512, 512);
  await turn();
  expect(sizes(flights)).toEqual([256, 256]);

  flights[1]?.land();
  expect(await asked[511]).toBe('answer 511');
  await turn();
  expect(sizes(flights)).toEqual([256, 256, 512]);
});

test('few who ask a pair wait for the flush that is in flight', async () => {
  const { flights, ask } = held(true);
  ask(255);
  await turn();
  const few = ask(127, 255);
  await turn();
  expect(sizes(flights)).toEqual([255]);
  ask(1, 382);
  await turn();
  expect(sizes(flights)).toEqual([255, 128]);

  const last = ask(1, 383);
  flights[1]?.land();
  expect(await few[0]).toBe('answer 255');
  await turn();
  expect(sizes(flights)).toEqual([255, 128]);
  flights[0]?.land();
  await turn();
  flights[2]?.land();
  expect(await last[0]).toBe('answer 383');
});

test('a flush that fails fails for its own callers, and the next is not kept from its turn', async () => {
  const { flights, ask, coalescer } = held(true);
  const asked = ask(256);
  await turn();
  const later = ask(1, 256);
  flights[0]?.crash();
  flights[1]?.land();
  expect(await asked[0]).toMatch('the database is gone');
  expect(await asked[128]).toBe('answer 128');
  await turn();
  flights[2]?.land();
  expect(await later[0]).toBe('answer 256');
  await coalescer.settled();
});

test('whenever they ask and in whatever order flushes end, each is answered once and nobody is left waiting', async () => {
  const steps = fc.array(
    fc.oneof(fc.record({ ask: fc.integer({ min: 1, max: 400 }) }), fc.record({ end: fc.nat({ max: 1 }) })),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(fc.boolean(), steps, async (isPaired, all) => {
      const { flights, ask, coalescer, idle } = held(isPaired);
      const open = new Set<(typeof flights)[number]>();
      const asked: Promise<string>[] = [];
      const look = async (): Promise<void> => {
        await turn();
        for (const flight of flights.splice(0)) open.add(flight);
        expect(open.size).toBeLessThanOrEqual(isPaired ? 2 : 1);
      };
      const end = (which: number): void => {
        const flight = [...open][which % Math.max(open.size, 1)];
        if (flight === undefined) return;
        open.delete(flight);
        flight.land();
      };
      for (const step of all) {
        if ('ask' in step) asked.push(...ask(step.ask, asked.length));
        else end(step.end);
        await look();
      }
      while (open.size > 0) {
        end(0);
        await look();
      }
      await coalescer.settled();
      expect(await Promise.all(asked)).toEqual(asked.map((_, index) => `answer ${index}`));
      if (asked.length > 0) expect(idle()).toBeGreaterThan(0);
    }),
  );
});
