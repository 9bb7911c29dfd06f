import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Pulse } from '../../src/server/sockets/pulse.js';

const PERIOD_MILLIS = 16_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

class Counted {
  beats = 0;
  beat(): void {
    this.beats += 1;
  }
}

function crowd(pulse: Pulse, count: number): Counted[] {
  return Array.from({ length: count }, () => {
    const counted = new Counted();
    pulse.join(counted);
    return counted;
  });
}

test('whoever joins is called once a period, the first time when one is over, by one timer for all', () => {
  const pulse = new Pulse(PERIOD_MILLIS);
  const early = crowd(pulse, 100);
  vi.advanceTimersByTime(PERIOD_MILLIS / 4);
  const late = crowd(pulse, 100);

  const seen: [number, number][] = [];
  for (let quarter = 1; quarter <= 8; quarter += 1) {
    seen.push([early[0]?.beats ?? 0, late[99]?.beats ?? 0]);
    vi.advanceTimersByTime(PERIOD_MILLIS / 4);
  }

  expect(seen).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
    [1, 0],
    [1, 1],
    [1, 1],
    [1, 1],
    [2, 1],
  ]);
  expect(new Set(early.map(({ beats }) => beats)).size).toBe(1);
  expect(vi.getTimerCount()).toBe(1);
});

test('who has left is called no more, also by who is called before, and without anybody no timer is left', () => {
  const pulse = new Pulse(PERIOD_MILLIS);
  const [stays, leaves] = crowd(pulse, 2);
  const leaver = { beat: () => leaves && pulse.leave(leaves) };
  if (leaves) pulse.leave(leaves);
  pulse.join(leaver);
  if (leaves) pulse.join(leaves);

  vi.advanceTimersByTime(2 * PERIOD_MILLIS);
  if (stays) pulse.leave(stays);
  pulse.leave(leaver);

  expect([stays?.beats, leaves?.beats]).toEqual([2, 0]);
  expect(vi.getTimerCount()).toBe(0);
  const [again] = crowd(pulse, 1);
  vi.advanceTimersByTime(PERIOD_MILLIS);
  expect(again?.beats).toBe(1);
});
