import { expect, test } from 'vitest';
import { type Instant, instant } from '../../src/core/clock.js';
import { isUuid, newId } from '../../src/core/id.js';

const NOW = '2026-03-01T12:00:00.000Z' as Instant;

test('ids of one instant are UUIDs of version 7 that tell it, all different, and sort as they were made', () => {
  const ids = Array.from({ length: 5_000 }, () => newId<'Event'>(NOW));

  expect(ids.every((id) => isUuid(id) && id[14] === '7' && /[89ab]/.test(id[19] ?? ''))).toBe(true);
  expect(new Set(ids.map((id) => Number.parseInt(id.replace('-', '').slice(0, 12), 16)))).toEqual(
    new Set([Date.parse(NOW)]),
  );
  expect(new Set(ids).size).toBe(5_000);
  expect(ids.toSorted()).toEqual(ids);
});

test('ids of instants that take turns tell their own', () => {
  const other = instant(Date.parse(NOW) + 1);

  const told = [NOW, other, NOW].map((now) =>
    Number.parseInt(newId<'Event'>(now).replace('-', '').slice(0, 12), 16),
  );

  expect(told).toEqual([NOW, other, NOW].map((now) => Date.parse(now)));
});

test('the random bits behind the counter repeat no more often than chance has it', () => {
  const bits = Array.from({ length: 5_000 }, () => newId<'Event'>(NOW).slice(-8));

  // 5,000 of 2^32: two alike once in 340 runs, five pairs never.
  expect(new Set(bits).size).toBeGreaterThan(4_995);
});
