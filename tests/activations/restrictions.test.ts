import { describe, expect, test } from 'vitest';
import {
  nextOpening,
  type RestrictionFacts,
  restrictionFailure,
  restrictionRemedy,
} from '../../src/activations/model/restrictions.js';
import { verdictOn } from '../../src/activations/model/verdict.js';
import {
  type LicenseRestriction,
  type RestrictionType,
  restrictionTypes,
} from '../../src/templates/model.js';
import { effort } from '../support/effort.js';
import { fc } from '../support/seed.js';
import { at } from '../support/server.js';
import { facts, NOW } from '../support/verdictFacts.js';

const hash = (letter: string, key = 'k1'): string => `${key}.${letter.repeat(43)}`;

function entry(written: string, type: RestrictionType): LicenseRestriction {
  const [operator, ...values] = written.split(' | ');
  return { restrictionType: type, operator: operator === 'DENY' ? 'DENY' : 'ALLOW', values };
}

type Outcome = 'passes' | 'UNKNOWN' | 'DENIED' | 'NOT_ALLOWED';
type Case = readonly [fact: string | undefined, entries: readonly string[], outcome: Outcome];

const outcome = (type: RestrictionType, known: RestrictionFacts, entries: readonly string[], now = NOW) =>
  restrictionFailure(
    entries.map((written) => entry(written, type)),
    type,
    known,
    now,
  )?.kind ?? 'passes';

test.each<Case>([
  ['DE', ['ALLOW | DE'], 'passes'],
  ['de', ['ALLOW | FR | De'], 'passes'],
  ['FR', ['ALLOW | DE'], 'NOT_ALLOWED'],
  ['FR', ['ALLOW | DE', 'ALLOW | FR'], 'passes'],
  ['DE', ['DENY | DE'], 'DENIED'],
  ['FR', ['DENY | DE'], 'passes'],
  ['DE', ['ALLOW | DE', 'DENY | DE'], 'DENIED'],
  ['DE', ['DENY | DE', 'ALLOW | DE'], 'DENIED'],
  [undefined, ['ALLOW | DE'], 'UNKNOWN'],
  [undefined, ['DENY | DE'], 'UNKNOWN'],
  ['UK', ['DENY | GB'], 'UNKNOWN'],
  ['', ['DENY | GB'], 'UNKNOWN'],
  ['GB', ['DENY | not a country'], 'DENIED'],
  ['GB', ['ALLOW | not a country'], 'NOT_ALLOWED'],
  ['XK', ['ALLOW | XK'], 'passes'],
  [undefined, [], 'passes'],
])('GEOGRAPHIC: in %s by %j: %s', (country, entries, expected) => {
  expect(outcome('GEOGRAPHIC', { country }, entries)).toBe(expected);
});

test.each<Case>([
  ['example.com', ['ALLOW | example.com'], 'passes'],
  ['EXAMPLE.com.', ['ALLOW | Example.COM'], 'passes'],
  ['example.com', ['ALLOW | example.com.'], 'passes'],
  ['www.example.com', ['ALLOW | example.com'], 'NOT_ALLOWED'],
  ['www.example.com', ['ALLOW | *.example.com'], 'passes'],
  ['a.b.example.com', ['ALLOW | *.example.com'], 'passes'],
  ['example.com', ['ALLOW | *.example.com'], 'NOT_ALLOWED'],
  ['example.com', ['ALLOW | *.example.com | example.com'], 'passes'],
  ['notexample.com', ['ALLOW | *.example.com'], 'NOT_ALLOWED'],
  ['example.com.evil.net', ['ALLOW | *.example.com | example.com'], 'NOT_ALLOWED'],
  ['bücher.example', ['ALLOW | xn--bcher-kva.example'], 'passes'],
  ['xn--bcher-kva.example', ['ALLOW | BÜCHER.example'], 'passes'],
  ['shop.bücher.example', ['DENY | *.xn--bcher-kva.example'], 'DENIED'],
  ['faß.example', ['ALLOW | fass.example'], 'NOT_ALLOWED'],
  ['हिन्दी.भारत', ['ALLOW | xn--j2bd4cyah0f.xn--h2brj9c'], 'passes'],
  ['www.example.com', ['ALLOW | *.example.com', 'DENY | www.example.com'], 'DENIED'],
  ['localhost', ['ALLOW | example.com'], 'NOT_ALLOWED'],
  ['localhost', ['DENY | example.com'], 'passes'],
  ['10.0.0.1', ['DENY | example.com'], 'UNKNOWN'],
  ['http://example.com', ['DENY | example.org'], 'UNKNOWN'],
  ['a%2eexample.com', ['DENY | example.org'], 'UNKNOWN'],
  ['example.com:443', ['DENY | example.org'], 'UNKNOWN'],
  [undefined, ['DENY | example.org'], 'UNKNOWN'],
  ['a.example', ['DENY | *'], 'DENIED'],
])('DOMAIN: on %s by %j: %s', (domain, entries, expected) => {
  expect(outcome('DOMAIN', { domain }, entries)).toBe(expected);
});

test.each<Case>([
  ['10.1.2.3', ['ALLOW | 10.0.0.0/8'], 'passes'],
  ['10.1.2.3', ['ALLOW | 10.9.9.9/8'], 'passes'],
  ['11.0.0.0', ['ALLOW | 10.0.0.0/8'], 'NOT_ALLOWED'],
  ['10.255.255.255', ['DENY | 10.0.0.0/8'], 'DENIED'],
  ['192.0.2.7', ['ALLOW | 192.0.2.7'], 'passes'],
  ['192.0.2.8', ['ALLOW | 192.0.2.7'], 'NOT_ALLOWED'],
  ['192.0.2.8', ['ALLOW | 192.0.2.7/32'], 'NOT_ALLOWED'],
  ['203.0.113.5', ['ALLOW | 0.0.0.0/0'], 'passes'],
  ['203.0.113.5', ['DENY | 203.0.113.4/31'], 'DENIED'],
  ['::ffff:10.1.2.3', ['ALLOW | 10.0.0.0/8'], 'passes'],
  ['::ffff:a01:203', ['ALLOW | 10.0.0.0/8'], 'passes'],
  ['10.1.2.3', ['ALLOW | ::ffff:10.0.0.0/104'], 'passes'],
  ['10.1.2.3', ['DENY | ::ffff:10.1.2.3'], 'DENIED'],
  ['10.1.2.3', ['ALLOW | ::/0'], 'NOT_ALLOWED'],
  ['2001:db8::1', ['ALLOW | 0.0.0.0/0'], 'NOT_ALLOWED'],
  ['2001:db8::1', ['ALLOW | 2001:db8::/32'], 'passes'],
  ['2001:DB8:0:0::1', ['ALLOW | 2001:db8::1'], 'passes'],
  ['2001:db9::1', ['ALLOW | 2001:db8::ffff/32'], 'NOT_ALLOWED'],
  ['2001:db8:8000::1', ['DENY | 2001:db8:8000::/33', 'ALLOW | 2001:db8::/32'], 'DENIED'],
  ['fe80::1%eth0', ['ALLOW | fe80::/10'], 'passes'],
  [undefined, ['DENY | 10.0.0.0/8'], 'UNKNOWN'],
  ['10.1', ['DENY | 11.0.0.0/8'], 'UNKNOWN'],
  ['010.0.0.1', ['DENY | 11.0.0.0/8'], 'UNKNOWN'],
  ['10.0.0.1:443', ['DENY | 11.0.0.0/8'], 'UNKNOWN'],
  ['10.0.0.1', ['DENY | 10.0.0.0/33'], 'DENIED'],
])('IP_RANGE: from %s by %j: %s', (address, entries, expected) => {
  expect(outcome('IP_RANGE', { address }, entries)).toBe(expected);
});

test.each<readonly [known: readonly string[] | undefined, entries: readonly string[], outcome: Outcome]>([
  [[hash('a')], [`ALLOW | ${hash('a')}`], 'passes'],
  [[hash('a')], [`ALLOW | ${hash('b')} | ${hash('a')}`], 'passes'],
  [[hash('a')], [`ALLOW | ${hash('b')}`], 'NOT_ALLOWED'],
  [[hash('a')], [`DENY | ${hash('a')}`], 'DENIED'],
  [[hash('a')], [`DENY | ${hash('b')}`], 'passes'],
  [[hash('c', 'k2'), hash('a')], [`ALLOW | ${hash('a')}`], 'passes'],
  // Kept under another key than the restriction: nothing can be said, and nothing is let through.
  [[hash('c', 'k2')], [`DENY | ${hash('a')}`], 'DENIED'],
  [[hash('c', 'k2')], [`ALLOW | ${hash('a')}`], 'NOT_ALLOWED'],
  [['00:1A:2B:3C:4D:5E'], ['ALLOW | 00:1A:2B:3C:4D:5E'], 'NOT_ALLOWED'],
  [['00:1A:2B:3C:4D:5E'], ['DENY | 00:1A:2B:3C:4D:5E'], 'DENIED'],
  [undefined, [`DENY | ${hash('a')}`], 'UNKNOWN'],
])('MAC_ADDRESS and HARDWARE_ID: %j by %j: %s', (known, entries, expected) => {
  expect(outcome('MAC_ADDRESS', { macAddress: known }, entries)).toBe(expected);
  expect(outcome('HARDWARE_ID', { hardwareId: known }, entries)).toBe(expected);
  expect(outcome('HARDWARE_ID', { macAddress: [hash('a')] }, [`ALLOW | ${hash('a')}`])).toBe('UNKNOWN');
});

const office = 'MON-FRI 08:00-18:00 Europe/Berlin';
const night = 'FRI 22:00-06:00 UTC';
type Hour = readonly [now: string, entries: readonly string[], outcome: Outcome];

test.each<Hour>([
  // 2026-03-02 is a Monday; Berlin is at +1 until the 29th.
  ['2026-03-02T06:59:59.999Z', [`ALLOW | ${office}`], 'NOT_ALLOWED'],
  ['2026-03-02T07:00:00.000Z', [`ALLOW | ${office}`], 'passes'],
  ['2026-03-02T16:59:59.999Z', [`ALLOW | ${office}`], 'passes'],
  ['2026-03-02T17:00:00.000Z', [`ALLOW | ${office}`], 'NOT_ALLOWED'],
  ['2026-03-01T10:00:00.000Z', [`ALLOW | ${office}`], 'NOT_ALLOWED'],
  ['2026-03-30T06:00:00.000Z', [`ALLOW | ${office}`], 'passes'],
  ['2026-03-02T12:00:00.000Z', [`DENY | ${office}`], 'DENIED'],
  ['2026-03-02T12:00:00.000Z', ['ALLOW | MON 00:00-24:00 UTC', `DENY | ${office}`], 'DENIED'],
  ['2026-03-01T23:59:00.000Z', ['ALLOW | SUN 00:00-24:00 UTC'], 'passes'],
  ['2026-03-02T00:00:00.000Z', ['ALLOW | SUN 00:00-24:00 UTC'], 'NOT_ALLOWED'],
  // Across midnight the window belongs to the day on which it began.
  ['2026-03-06T21:59:00.000Z', [`ALLOW | ${night}`], 'NOT_ALLOWED'],
  ['2026-03-06T22:00:00.000Z', [`ALLOW | ${night}`], 'passes'],
  ['2026-03-07T05:59:00.000Z', [`ALLOW | ${night}`], 'passes'],
  ['2026-03-07T06:00:00.000Z', [`ALLOW | ${night}`], 'NOT_ALLOWED'],
  ['2026-03-06T05:00:00.000Z', [`ALLOW | ${night}`], 'NOT_ALLOWED'],
  ['2026-03-09T05:00:00.000Z', ['ALLOW | SUN 22:00-06:00 UTC'], 'passes'],
  ['2026-03-02T05:00:00.000Z', ['ALLOW | SAT-SUN 22:00-06:00 UTC'], 'passes'],
  ['2026-03-03T05:00:00.000Z', ['ALLOW | SAT-SUN 22:00-06:00 UTC'], 'NOT_ALLOWED'],
  ['2026-03-03T07:59:00.000Z', ['ALLOW | MON 08:00-08:00 UTC'], 'passes'],
  ['2026-03-03T08:00:00.000Z', ['ALLOW | MON 08:00-08:00 UTC'], 'NOT_ALLOWED'],
  ['2026-03-01T12:00:00.000Z', ['ALLOW | SAT-MON 08:00-18:00 UTC'], 'passes'],
  ['2026-03-03T12:00:00.000Z', ['ALLOW | SAT-MON 08:00-18:00 UTC'], 'NOT_ALLOWED'],
  // On 29 March clocks in Berlin go from 02:00 to 03:00: the hour between does not come.
  ['2026-03-29T00:59:59.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], 'NOT_ALLOWED'],
  ['2026-03-29T01:00:00.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], 'NOT_ALLOWED'],
  ['2026-03-29T01:00:00.000Z', ['ALLOW | SUN 02:30-04:00 Europe/Berlin'], 'passes'],
  // On 25 October they show the hour from 02:00 to 03:00 twice: so does the window.
  ['2026-10-25T00:30:00.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], 'passes'],
  ['2026-10-25T01:30:00.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], 'passes'],
  ['2026-10-25T02:00:00.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], 'NOT_ALLOWED'],
  ['2026-03-01T18:15:00.000Z', ['ALLOW | MON 00:00-01:00 Asia/Kathmandu'], 'passes'],
  ['2026-03-02T12:00:00.000Z', ['ALLOW | MON 00:00-24:00 Mars/Olympus'], 'NOT_ALLOWED'],
  ['2026-03-02T12:00:00.000Z', ['DENY | TUE 00:00-24:00 Mars/Olympus'], 'DENIED'],
])('TIME_BASED: at %s by %j: %s', (now, entries, expected) => {
  expect(outcome('TIME_BASED', {}, entries, at(now))).toBe(expected);
});

test.each([
  ['2026-03-01T12:00:00.000Z', [`ALLOW | ${office}`], '2026-03-02T07:00:00.000Z'],
  ['2026-03-02T17:00:00.000Z', [`ALLOW | ${office}`], '2026-03-03T07:00:00.000Z'],
  ['2026-03-27T17:00:00.000Z', [`ALLOW | ${office}`], '2026-03-30T06:00:00.000Z'],
  ['2026-03-02T12:00:00.000Z', [`DENY | ${office}`], '2026-03-02T17:00:00.000Z'],
  ['2026-03-02T00:00:00.000Z', ['ALLOW | SUN 00:00-24:00 UTC'], '2026-03-08T00:00:00.000Z'],
  ['2026-03-29T00:00:00.000Z', ['ALLOW | SUN 02:30-04:00 Europe/Berlin'], '2026-03-29T01:00:00.000Z'],
  ['2026-03-29T00:00:00.000Z', ['ALLOW | SUN 02:00-03:00 Europe/Berlin'], '2026-04-05T00:00:00.000Z'],
  ['2026-10-25T00:45:00.000Z', ['ALLOW | SUN 02:30-02:40 Europe/Berlin'], '2026-10-25T01:30:00.000Z'],
  ['2026-03-02T12:00:00.000Z', ['DENY | MON-SUN 00:00-24:00 UTC'], undefined],
])('TIME_BASED: shut at %s by %j, opens at %s', (now, entries, opening) => {
  const windows = entries.map((written) => entry(written, 'TIME_BASED'));

  expect(nextOpening(windows, at(now))).toBe(opening);
});

test('thousands of windows are judged in no time, and their opening is not searched for', () => {
  const zones = ['Europe/Berlin', 'Asia/Tokyo', 'America/New_York'];
  const values = Array.from({ length: 10_000 }, (_, index) => `SAT 00:00-00:01 ${zones[index % 3]}`);
  const many: LicenseRestriction = { restrictionType: 'TIME_BASED', operator: 'ALLOW', values };
  const taken = effort();

  const verdict = verdictOn(facts({ restrictionFacts: {} }, { restrictions: [many] }));

  expect(verdict.code).toBe('RESTRICTED_TIME');
  expect(verdict.reasons[0]?.remedy).toBe(
    'Use it when it lets use in: restriction 1 (ALLOW TIME_BASED) rules out this time.',
  );
  expect(taken()).toBeLessThan(1000);
});

test('a remedy names the restrictions as the license lists them, and none of their values', () => {
  const restrictions: readonly LicenseRestriction[] = [
    { restrictionType: 'DOMAIN', operator: 'ALLOW', values: ['secret.example'] },
    { restrictionType: 'GEOGRAPHIC', operator: 'DENY', values: ['DE'] },
    { restrictionType: 'DOMAIN', operator: 'ALLOW', values: ['hidden.example'] },
    { restrictionType: 'IP_RANGE', operator: 'ALLOW', values: ['10.0.0.0/8'] },
    { restrictionType: 'TIME_BASED', operator: 'DENY', values: ['SUN 08:00-18:00 UTC'] },
  ];
  const known = { domain: 'other.example', country: 'DE' };

  const { reasons } = verdictOn(facts({ restrictionFacts: known }, { restrictions }));

  expect(reasons.map(({ code, remedy }) => [code, remedy])).toEqual([
    [
      'RESTRICTED_GEOGRAPHIC',
      'Use it with another country: restriction 2 (DENY GEOGRAPHIC) rules out this one.',
    ],
    [
      'RESTRICTED_DOMAIN',
      'Use it with another domain: restriction 1 or 3 (ALLOW DOMAIN) does not name this one.',
    ],
    [
      'RESTRICTED_IP_RANGE',
      'Tell the address: restriction 4 (ALLOW IP_RANGE) is judged by it, and it is not known.',
    ],
    [
      'RESTRICTED_TIME',
      'Use it from 2026-03-01T18:00:00.000Z: restriction 5 (DENY TIME_BASED) rules out this time.',
    ],
  ]);
});

test('facts that were not gathered are not asked for', () => {
  const restrictions = [entry('ALLOW | DE', 'GEOGRAPHIC')];

  expect(verdictOn(facts({}, { restrictions })).code).toBe('VALID');
});

const values: Readonly<Record<RestrictionType, readonly string[]>> = {
  GEOGRAPHIC: ['DE', 'FR', 'US', '??'],
  DOMAIN: ['example.com', '*.example.com', 'a.example.com', 'b.example', '??'],
  IP_RANGE: ['10.0.0.0/8', '10.1.0.0/16', '::/0', '2001:db8::1', '??'],
  MAC_ADDRESS: [hash('a'), hash('b'), '??'],
  HARDWARE_ID: [hash('a'), hash('b'), '??'],
  TIME_BASED: ['SUN 08:00-18:00 UTC', 'MON-FRI 08:00-18:00 UTC', 'SAT 22:00-13:00 Asia/Tokyo', '??'],
};
const anyRestriction: fc.Arbitrary<LicenseRestriction> = fc
  .constantFrom(...restrictionTypes)
  .chain((restrictionType) =>
    fc.record({
      restrictionType: fc.constant(restrictionType),
      operator: fc.constantFrom('ALLOW' as const, 'DENY' as const),
      values: fc.subarray([...values[restrictionType]], { minLength: 1 }),
    }),
  );
const maybe = <Value>(...known: Value[]) => fc.constantFrom(...known, undefined);
const anyKnown: fc.Arbitrary<RestrictionFacts> = fc.record({
  country: maybe('DE', 'FR', 'JP'),
  domain: maybe('example.com', 'a.example.com', 'b.example', 'c.example'),
  address: maybe('10.1.2.3', '11.0.0.1', '2001:db8::1', '::ffff:10.2.0.1'),
  macAddress: maybe([hash('a')], [hash('c')]),
  hardwareId: maybe([hash('a')], [hash('c')]),
});
const failing = (restrictions: readonly LicenseRestriction[], known: RestrictionFacts) =>
  restrictionTypes.filter((type) => restrictionFailure(restrictions, type, known, NOW) !== undefined);

describe('whatever the restrictions are', () => {
  test('their order does not matter', () => {
    const shuffled = fc
      .array(anyRestriction, { maxLength: 8 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(shuffled, anyKnown, ([list, other], known) => {
        expect(failing(other, known)).toEqual(failing(list, known));
      }),
      { numRuns: 500 },
    );
  });

  test('one more DENY never lets anybody in', () => {
    fc.assert(
      fc.property(
        fc.array(anyRestriction, { maxLength: 6 }),
        anyRestriction,
        anyKnown,
        (list, more, known) => {
          const before = failing(list, known);

          const after = failing([...list, { ...more, operator: 'DENY' }], known);

          expect(after).toEqual(expect.arrayContaining(before));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('knowing less never lets anybody in', () => {
    fc.assert(
      fc.property(fc.array(anyRestriction, { maxLength: 6 }), anyKnown, (list, known) => {
        for (const fact of ['country', 'domain', 'address', 'macAddress', 'hardwareId'] as const) {
          expect(failing(list, { ...known, [fact]: undefined })).toEqual(
            expect.arrayContaining(failing(list, known)),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every refusal has a remedy', () => {
    fc.assert(
      fc.property(fc.array(anyRestriction, { maxLength: 6 }), anyKnown, (list, known) => {
        for (const type of restrictionTypes) {
          const failure = restrictionFailure(list, type, known, NOW);
          if (failure === undefined) continue;
          expect(restrictionRemedy(failure, undefined)).toMatch(/^(Use|Tell) .*restriction \d.*\.$/);
          expect(failure.positions.every((position) => list[position - 1]?.restrictionType === type)).toBe(
            true,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
