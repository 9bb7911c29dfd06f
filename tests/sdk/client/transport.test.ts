import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AnswerCode,
  clientCodes,
  exhausted,
  LicenseClient,
  verdictCodes,
} from '../../../src/sdk/client/index.js';
import { answering, type BadServer, garbage, silent, startBadServer } from '../../support/badServers.js';
import { newClient } from '../../support/clients.js';
import { START } from '../../support/server.js';

let bad: BadServer;
beforeAll(async () => {
  bad = await startBadServer(silent);
});
afterAll(() => bad.stop());

const licenseKey = 'AAAA-BBBB-CCCC-DDDD-EEEE';
const open = (given: object = {}) => newClient({ now: START }, { url: bad.url, licenseKey, ...given }).client;
const asked = () => open().activate();

describe('whatever answers', () => {
  test.each([
    ['a page of HTML', 'ANSWER_UNREADABLE'],
    ['nothing', 'ANSWER_UNREADABLE'],
    ['half an answer', 'UNREACHABLE'],
    ['an answer without end', 'ANSWER_TOO_LARGE'],
    ['null', 'ANSWER_UNREADABLE'],
    ['a list', 'ANSWER_UNREADABLE'],
    ['no verdicts', 'ANSWER_UNREADABLE'],
    ['an error without shape', 'SERVER_FAILED'],
    ['a redirect', 'UNREACHABLE'],
  ])('%s is an outage with a name: %s', async (what, reason) => {
    bad.behave = garbage[what] ?? silent;

    const activated = await asked();
    const verdict = await open().validate();

    expect(activated).toMatchObject({ ok: false, problem: { kind: 'OUTAGE', reason } });
    expect(verdict.valid).toBe(false);
  });

  test.each([
    [500, 'SERVER_FAILED'],
    [502, 'SERVER_FAILED'],
    [429, 'RATE_LIMITED'],
    [404, 'ANSWER_UNREADABLE'],
  ])('a status of %d without an answer is %s', async (status, reason) => {
    bad.behave = answering('<html>', status);

    expect(await asked()).toMatchObject({ problem: { kind: 'OUTAGE', reason } });
  });

  test.each([
    ['120', 120_000],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['9999999', 3_600_000],
    ['-5', 0],
    ['soon', 0],
  ])('Retry-After: %s is %d milliseconds', async (value, retryAfterMillis) => {
    bad.behave = (response) => response.writeHead(503, { 'retry-after': value }).end();

    expect(await asked()).toMatchObject({ problem: { reason: 'SERVER_FAILED', retryAfterMillis } });
  });

  test('RATE_LIMITED is obeyed: it is not asked again at once', async () => {
    const error = { message: 'no', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 7 } };
    bad.behave = answering(JSON.stringify({ errors: [error] }));
    const before = bad.seen.requests;

    const limited = await asked();

    expect(limited).toMatchObject({ problem: { reason: 'RATE_LIMITED', retryAfterMillis: 7_000 } });
    expect(bad.seen.requests - before).toBe(1);
  });

  test('a failure is tried once more, under the same key', async () => {
    const keys: unknown[] = [];
    const fetched: typeof fetch = async (_address, init) => {
      keys.push(new Headers(init?.headers).get('idempotency-key'));
      throw new TypeError('fetch failed');
    };

    await open({ fetch: fetched }).activate();

    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });

  test('nobody is waited for longer than the application says', async () => {
    bad.behave = silent;

    expect(await open({ timeoutMillis: 50 }).activate()).toMatchObject({ problem: { reason: 'TIMEOUT' } });
  });

  test('a call that the application gives up ends, before and while it is under way', async () => {
    bad.behave = silent;
    const controller = new AbortController();

    const under = open().activate({ signal: controller.signal });
    controller.abort();
    const before = open().activate({ signal: controller.signal });

    expect(await under).toMatchObject({ problem: { reason: 'ABORTED' } });
    expect(await before).toMatchObject({ problem: { reason: 'ABORTED' } });
  });

  test('a refusal of a newer server is a refusal', async () => {
    bad.behave = answering(
      JSON.stringify({ errors: [{ message: 'no', extensions: { code: 'BRAND_NEW' } }] }),
    );

    expect(await asked()).toMatchObject({ problem: { kind: 'REFUSED', code: 'UNKNOWN', message: 'no' } });
  });

  test('a message holds no secret, whoever wrote it there', async () => {
    bad.behave = (response, body) => {
      const { input } = JSON.parse(body).variables;
      const message = `${input.licenseKey} on ${input.deviceFingerprint}`.repeat(100);
      const error = { message, extensions: { code: 'LICENSE_NOT_FOUND', remedy: message } };
      answering(JSON.stringify({ errors: [error] }))(response, body);
    };

    const refused = JSON.stringify(await asked());

    expect(refused).not.toContain(licenseKey);
    expect(refused).not.toContain('laptop');
    expect(refused.length).toBeLessThan(1_500);
  });

  test('a fingerprint of a letter takes no letters out of a message', async () => {
    const error = { message: 'units: must be a whole number', extensions: { code: 'INVALID_INPUT' } };
    bad.behave = answering(JSON.stringify({ errors: [error] }));

    const refused = await open({ device: { fingerprint: 'a' } }).activate();

    expect(refused).toMatchObject({ problem: { message: 'units: must be a whole number' } });
  });
});

test.each([
  ['url', { url: 'file:///etc/passwd' }],
  ['url', { url: 'nowhere' }],
  ['url', { url: 'https://ada:secret@licenses.example.com/graphql' }],
  ['licenseKey', { licenseKey: 7 }],
  ['device.fingerprint', { device: { fingerprint: ' ' } }],
  ['device.fingerprint', { device: undefined }],
  ['trust', { trust: undefined }],
  ['trust', { trust: {} }],
  ['outage.holdSeconds', { outage: undefined }],
  ['outage.holdSeconds', { outage: { holdSeconds: Number.POSITIVE_INFINITY } }],
  ['outage.holdSeconds', { outage: { holdSeconds: -1 } }],
  ['outage.holdSeconds', { outage: { holdSeconds: 31_622_401 } }],
  ['timeoutMillis', { timeoutMillis: 0 }],
  ['tries', { tries: 11 }],
])('%s has to be said, and to be one', (name, given) => {
  expect(() => open(given)).toThrow(new RegExp(`^${name}: has to be`));
});

/** Does not compile when a code is forgotten. */
function kindOf(code: Exclude<AnswerCode, keyof typeof verdictCodes>): string {
  switch (code) {
    case 'OUTAGE':
    case 'ANSWER_FORGED':
    case 'STORE_TAMPERED':
    case 'QUESTION_REFUSED':
      return 'client';
    default:
      return exhausted(code);
  }
}

test('codes are a closed list: those of the server, and those of the client', () => {
  const own = Object.keys(clientCodes).filter((code) => code in verdictCodes);

  expect(own).toEqual([]);
  expect(kindOf('OUTAGE')).toBe('client');
  expect(LicenseClient.verifyOffline).toBeTypeOf('function');
});
