import { expect, test } from 'vitest';
import { isClockSetBack, sawSignedTime, sawTime, vendorTime } from '../../../src/sdk/client/clockGuard.js';
import { nothingKept } from '../../../src/sdk/client/kept.js';
import { fc } from '../../support/seed.js';

const HOUR = 3_600_000;
const TOLERANCE = 300_000;
const NOON = Date.parse('2026-03-01T12:00:00Z');
const time = fc.integer({ min: 0, max: 10 * HOUR }).map((millis) => NOON + millis);

test('what the vendor has signed of the time never falls, in whatever order answers come', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time), { minLength: 1 }), (answers) => {
      const seen = answers.reduce((known, [signed, now]) => sawSignedTime(known, signed, now), nothingKept);

      const latest = Math.max(...answers.map(([signed]) => signed));
      expect([seen.signedAt, seen.seenAt]).toEqual([latest, latest]);
    }),
  );
});

test('after an answer of a server that is behind, nothing holds until the time is made up for', () => {
  const seen = sawSignedTime(sawSignedTime(nothingKept, NOON, NOON), NOON - HOUR, NOON + 1);

  expect(vendorTime(seen, NOON + 1)).toBe(NOON - HOUR);
  expect(isClockSetBack(seen, NOON + HOUR - TOLERANCE)).toBe(true);
  expect(isClockSetBack(seen, NOON + HOUR + 1 - TOLERANCE)).toBe(false);
});

test('what was seen of the time never falls between two answers, whatever the clock of the device shows', () => {
  fc.assert(
    fc.property(time, fc.array(time), (signed, clocks) => {
      let seen = sawSignedTime(nothingKept, signed, NOON);
      for (const now of clocks) {
        const next = sawTime(seen, now);
        expect(next.seenAt).toBeGreaterThanOrEqual(seen.seenAt);
        expect(isClockSetBack(next, now)).toBe(vendorTime(seen, now) + TOLERANCE < seen.seenAt);
        seen = next;
      }
    }),
  );
});
