import { describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS, millis } from '../../src/core/clock.js';
import { currentSecrets, earlierSecretsUntil, rotated } from '../../src/core/keptSecrets.js';
import { isPublicAddress } from '../../src/core/publicAddress.js';
import { isEventPattern } from '../../src/notifications/model/eventTypes.js';
import {
  attemptDelays,
  bodyOf,
  failingSince,
  hasFailedForLong,
  messageIdOf,
  nextAttempt,
  spreadOf,
} from '../../src/notifications/model/webhooks.js';
import { webhookUrlProblem } from '../../src/notifications/model/webhookUrl.js';
import { START } from '../support/server.js';

const ID = '019ca945-0a00-70ba-b506-5949d437b7e9';

describe('the schedule', () => {
  test('is ten attempts over 75 hours', () => {
    const seconds = attemptDelays.reduce<number>((sum, each) => sum + each, 0);

    expect(attemptDelays).toHaveLength(10);
    expect([Math.floor(seconds / 3600), attemptDelays[0]]).toEqual([75, 0]);
  });

  test('waits as long as it says, and up to a tenth longer', () => {
    for (const [made, delay] of attemptDelays.entries()) {
      const next = nextAttempt(ID, made, START);
      const waited = millis(next ?? START) - millis(START);

      expect(waited).toBeGreaterThanOrEqual(delay * 1000);
      expect(waited).toBeLessThanOrEqual(delay * 1100);
    }
    expect(nextAttempt(ID, 10, START)).toBeUndefined();
  });

  test('waits differently for what failed together, and the same for the same', () => {
    const ids = Array.from({ length: 200 }, () => crypto.randomUUID());

    const spread = ids.map((id) => spreadOf(id, 1));

    expect(new Set(spread).size).toBeGreaterThan(190);
    expect(Math.min(...spread)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spread)).toBeLessThan(1);
    expect(ids.map((id) => spreadOf(id, 1))).toEqual(spread);
  });

  test.each([
    ['longer than the schedule', 60, 60_000],
    ['shorter than the schedule', 1, undefined],
    ['longer than a day', 1_000_000, DAY_MILLIS],
  ])('leaves a receiver alone that asks for it: %s', (_what, seconds, expected) => {
    const next = nextAttempt(ID, 1, START, seconds);

    expect(next).toBe(expected === undefined ? nextAttempt(ID, 1, START) : addMillis(START, expected));
  });
});

describe('a week of failures', () => {
  test('begins with the first, and goes on while no two days pass without one', () => {
    const first = failingSince({ failingSince: null, lastFailureAt: null }, START);
    const later = addDays(START, 1);

    expect(first).toBe(START);
    expect(failingSince({ failingSince: START, lastFailureAt: START }, later)).toBe(START);
    expect(failingSince({ failingSince: START, lastFailureAt: later }, addDays(START, 2.9))).toBe(START);
  });

  test('begins anew behind a longer silence, and where a clock was set back', () => {
    const now = addDays(START, 8);

    expect(failingSince({ failingSince: START, lastFailureAt: addDays(START, 6) }, now)).toBe(now);
    expect(failingSince({ failingSince: now, lastFailureAt: now }, START)).toBe(START);
  });

  test('is full after seven days', () => {
    expect(hasFailedForLong(START, addMillis(addDays(START, 7), -1))).toBe(false);
    expect(hasFailedForLong(START, addDays(START, 7))).toBe(true);
  });
});

describe('secrets', () => {
  const old = { ciphertext: 'old', until: null };

  test('sign along for a day, and at most three of them', () => {
    let secrets = [old];
    for (const name of ['b', 'c', 'd']) secrets = rotated(secrets, name, START, false) as typeof secrets;

    expect(currentSecrets(secrets, START).map(({ ciphertext }) => ciphertext)).toEqual(['d', 'c', 'b']);
    expect(currentSecrets(secrets, addDays(START, 1)).map(({ ciphertext }) => ciphertext)).toEqual(['d']);
    expect(earlierSecretsUntil(secrets, START)).toBe(addDays(START, 1));
    expect(earlierSecretsUntil(secrets, addDays(START, 1))).toBeNull();
  });

  test('keep the end that they have', () => {
    const once = rotated([old], 'b', START, false);
    const twice = rotated(once, 'c', addMillis(START, 1_000), false);

    expect(twice.map(({ until }) => until)).toEqual([
      null,
      addMillis(addDays(START, 1), 1_000),
      addDays(START, 1),
    ]);
    expect(rotated(once, 'c', START, true)).toEqual([{ ciphertext: 'c', until: null }]);
  });
});

test('a body is one text, and a message id has no full stop, which delimits what is signed', () => {
  const event = {
    id: ID,
    sequence: 7,
    type: 'license.created',
    at: START,
    subjectId: 'S',
    licenseId: 'L',
    activationId: null,
    data: { größe: [1, null] },
  };

  expect(bodyOf(event)).toBe(
    `{"type":"license.created","timestamp":"2026-03-01T12:00:00.000Z","data":{"id":"${ID}","sequence":7,"subject_id":"S","license_id":"L","activation_id":null,"data":{"größe":[1,null]}}}`,
  );
  expect(messageIdOf(ID, ID)).toBe(`msg_${ID}_${ID}`);
});

test.each([
  ['*', true],
  ['license.created', true],
  ['license.*', true],
  ['webhook_endpoint.*', true],
  ['license.', false],
  ['license', false],
  ['lic*', false],
  ['.*', false],
  ['', false],
  ['*.*', false],
  ['license.created.*', false],
  ['__proto__', false],
])('%s is a pattern that can fit: %s', (pattern, expected) => {
  expect(isEventPattern(pattern)).toBe(expected);
});

describe('addresses of the internet', () => {
  test.each([
    '1.1.1.1',
    '93.184.216.34',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4001::1',
  ])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.1',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::1.1.1.1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '100::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '3fff::1',
    '5f00::1',
    '4000::1',
    '2130706433',
    '0x7f.1',
    '127.1',
    '010.0.0.1',
    '',
    'localhost',
  ])('%s is none', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('addresses of endpoints', () => {
  test.each([
    'https://hooks.example.com/',
    'https://hooks.example.com:8443/path?from=licenses',
    'https://1.1.1.1/hook',
    'https://[2606:4700::1111]/hook',
    'https://hooks.example.com./',
    'HTTPS://Hooks.Example.Com/',
  ])('%s is taken', (url) => {
    expect(webhookUrlProblem(url, false)).toBeUndefined();
  });

  test.each([
    'http://hooks.example.com/',
    'ftp://hooks.example.com/',
    'javascript:alert(1)',
    'https:hooks.example.com',
    'https://',
    '//hooks.example.com/',
    'https://user@hooks.example.com/',
    'https://user:pass@hooks.example.com/',
    'https://hooks.example.com/#here',
    'https://hooks.example.com:22/',
    'https://hooks.example.com:25/',
    'https://hooks.example.com:80/',
    'https://localhost/',
    'https://a.localhost/',
    'https://localhost./',
    'https://db/',
    'https://printer.local/',
    'https://vault.internal/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://0/',
    'https://①②⑦.⓪.⓪.①/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.1/',
    `https://hooks.example.com/${'x'.repeat(2_000)}`,
  ])('%s is refused', (url) => {
    expect(webhookUrlProblem(url, false)).toEqual(expect.any(String));
  });

  test.each(['http://127.0.0.1:4001/', 'http://localhost/', 'https://localhost:8443/', 'http://db:8080/'])(
    '%s is taken in development',
    (url) => {
      expect(webhookUrlProblem(url, true)).toBeUndefined();
    },
  );

  test.each([
    'http://user:pass@localhost/',
    'http://localhost:22/',
    'file:///etc/passwd',
    'http://localhost/#x',
  ])('%s is refused in development, too', (url) => {
    expect(webhookUrlProblem(url, true)).toEqual(expect.any(String));
  });
});
