import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Interruption } from '../../src/core/interruption.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('what was waited for is answered, whoever of several waits it is', async () => {
  const interruption = new Interruption();

  const answers = [
    await interruption.during(Promise.resolve(1)),
    await interruption.during(Promise.resolve(2)),
  ];

  expect(answers).toEqual([1, 2]);
  await expect(interruption.during(Promise.reject(new Error('by itself')))).rejects.toThrow('by itself');
});

test('an interruption ends who waits and who comes later, with its first reason', async () => {
  const interruption = new Interruption();
  const waiting = interruption.during(new Promise(() => undefined));

  interruption.interrupt(new Error('first'));
  interruption.interrupt(new Error('second'));

  await expect(waiting).rejects.toThrow('first');
  await expect(interruption.during(Promise.resolve(1))).rejects.toThrow('first');
});

test('of a thousand answers that were taken none is kept', async () => {
  const interruption = new Interruption();
  const taken: WeakRef<object>[] = [];
  const take = async (index: number): Promise<void> => {
    const answer = { index };
    taken.push(new WeakRef(answer));
    await interruption.during(Promise.resolve(answer));
  };

  for (let index = 0; index < 1000; index += 1) await take(index);
  await nextTurn();
  collect();

  expect(taken.filter((each) => each.deref() !== undefined).length).toBeLessThan(10);
  interruption.interrupt(new Error('kept until here'));
});
