import { describe, expect, test } from 'vitest';
import {
  createOfflineRequest,
  InvalidArgument,
  verifyLicenseFile,
  verifyOfflineResponse,
} from '../../src/sdk/offline/index.js';

/** As a program without types calls it. */
const call =
  (run: (...given: never[]) => Promise<unknown>, ...given: readonly unknown[]) =>
  (): Promise<unknown> =>
    run(...(given as never[]));

const keys = { keys: [] };
const pending = { nonce: 'n' };
const device = { licenseKey: 'AAAA-BBBB-CCCC-DDDD-EEEE', deviceFingerprint: 'd' };

const cases: readonly [string, () => Promise<unknown>][] = [
  ...[null, undefined, 1, {}, new Uint8Array(3)].flatMap((wrong): [string, () => Promise<unknown>][] => [
    ['file', call(verifyLicenseFile, wrong, keys)],
    ['response', call(verifyOfflineResponse, wrong, pending, keys, {})],
  ]),
  ...[null, undefined, [], 'jwks', {}, { keys: null }, { keys: [null] }].flatMap(
    (wrong): [string, () => Promise<unknown>][] => [
      ['keys', call(verifyLicenseFile, 'x', wrong)],
      ['keys', call(verifyOfflineResponse, 'x', pending, wrong, {})],
      ['keys', call(createOfflineRequest, device, wrong)],
    ],
  ),
  ['asked', call(verifyLicenseFile, 'x', keys, null)],
  ['asked.now', call(verifyLicenseFile, 'x', keys, { now: new Date(Number.NaN) })],
  ['asked.now', call(verifyLicenseFile, 'x', keys, { now: 1_700_000_000_000 })],
  ['asked.deviceFingerprint', call(verifyLicenseFile, 'x', keys, { deviceFingerprint: 7 })],
  ['asked.features', call(verifyLicenseFile, 'x', keys, { features: 'maps' })],
  ['asked.version', call(verifyLicenseFile, 'x', keys, { version: '2.1' })],
  [
    'asked.version.releasedAt',
    call(verifyLicenseFile, 'x', keys, { version: { name: '2', releasedAt: '' } }),
  ],
  ['asked.revocations', call(verifyLicenseFile, 'x', keys, { revocations: {} })],
  ['asked.record', call(verifyLicenseFile, 'x', keys, { record: 'x' })],
  ['asked.licenseKey', call(verifyLicenseFile, 'x', keys, { licenseKey: 1 })],
  ['pending', call(verifyOfflineResponse, 'x', null, keys, {})],
  ['device', call(createOfflineRequest, null, keys)],
  ['device.licenseKey', call(createOfflineRequest, {}, keys)],
  ['now', call(createOfflineRequest, device, keys, 'today')],
];

describe('an argument that is none', () => {
  test.each(cases)('is named by the error that is documented: %s', async (argument, run) => {
    const error = await run().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );

    expect(error).toBeInstanceOf(InvalidArgument);
    expect(error).toMatchObject({ name: 'InvalidArgument', argument });
    expect(String(error)).toMatch(
      new RegExp(`^InvalidArgument: ${argument.replaceAll('.', '\\.')}: has to be `),
    );
  });
});

test('what a file says throws nothing, and what is left out or null is not told', async () => {
  for (const file of ['', '\0', '-----', 'a.b.c', 'x'.repeat(300_000)])
    expect((await verifyLicenseFile(file, keys, { deviceFingerprint: undefined })).code).toBe(
      'SIGNATURE_INVALID',
    );
});
