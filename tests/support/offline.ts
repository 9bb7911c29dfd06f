import { randomUUID } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { expect } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import type { OfflineFacts } from '../../src/sdk/offline/judge.js';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import { createOfflineRequest, type MadeRequest, type OfflineDevice } from '../../src/sdk/offline/request.js';
import { mutation, readLicense } from './acts.js';
import { activate, createLicense, type Issued, openShop, type Shop } from './fixtures.js';
import { type Answer, type Claims, type Json, START, startTestServer, type TestServer } from './server.js';

/** The keys as an application brings them along. */
export async function publishedKeys(server: TestServer): Promise<JSONWebKeySet> {
  return (await server.app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>();
}

/** A request as the device makes it, which has nothing but the published keys and its own clock. */
export async function requestOf(
  server: TestServer,
  licenseKey: string,
  device: Partial<OfflineDevice> = {},
): Promise<MadeRequest> {
  const facts = { licenseKey, deviceFingerprint: `device ${randomUUID()}`, ...device };
  return createOfflineRequest(facts, await publishedKeys(server), new Date(server.now));
}

export const SIGNED =
  'responseCode expiresAt activation { id status activationType expiresAt } license { id }';

export function trySign(server: TestServer, as: Claims | undefined, requestCode: string): Promise<Answer> {
  return server.graphql(mutation('signOfflineActivation', SIGNED), { input: { requestCode } }, as);
}

export async function sign(server: TestServer, as: Claims, requestCode: string): Promise<Json> {
  return payloadOf(await trySign(server, as, requestCode), 'signOfflineActivation');
}

export const REGISTERED =
  'activationToken activation { id status activationType expiresAt } license { id currentActivations }';

export function tryRegister(server: TestServer, requestCode: string, responseCode: unknown, as?: Claims) {
  const input = { requestCode, responseCode };
  return server.graphql(mutation('activateOffline', REGISTERED), { input }, as);
}

export async function register(server: TestServer, requestCode: string, responseCode: unknown) {
  return payloadOf(await tryRegister(server, requestCode, responseCode), 'activateOffline');
}

export const CHECKED_OUT = 'licenseFile expiresAt license { id } activation { id }';

export function tryCheckout(server: TestServer, input: object, as?: Claims): Promise<Answer> {
  return server.graphql(mutation('checkoutLicenseFile', CHECKED_OUT), { input }, as);
}

export async function checkout(server: TestServer, input: object, as?: Claims): Promise<Json> {
  return payloadOf(await tryCheckout(server, input, as), 'checkoutLicenseFile');
}

/** The list as a mirror fetches it. */
export async function revocationsOf(server: TestServer, tenantId: string): Promise<string> {
  const response = await server.app.inject(`/.well-known/licensegraph/revocations/${tenantId}`);
  expect(response.statusCode).toBe(200);
  return response.body;
}

function payloadOf(answer: Answer, field: string): Json {
  expect(answer.errors).toEqual([]);
  const payload = answer.data?.[field];
  if (payload === undefined) throw new Error(`no payload of ${field}`);
  return payload;
}

/** A device that was signed for, with everything that somebody could carry. */
export async function signedDevice(
  server: TestServer,
  as: Claims,
  license: { readonly licenseKey: string },
  device: Partial<OfflineDevice> = {},
) {
  const request = await requestOf(server, license.licenseKey, device);
  const signed = await sign(server, as, request.requestCode);
  return { ...request, responseCode: String(signed.responseCode), signed };
}

export async function seatsInUse(server: TestServer, as: Claims, licenseId: string): Promise<unknown> {
  return (await readLicense(server, as, licenseId, 'currentActivations')).currentActivations;
}

/** What a license grants that files are made of. */
export const reports = { featureId: 'reports', featureName: 'Reports', limitValue: 5 };
const terms = { expiryDate: addDays(START, 20), gracePeriodDays: 5, features: [reports] };

/** A license of twenty days and five of grace, with a device on it, and what devices go by without a connection. */
export class OfflineWorld {
  private constructor(
    readonly server: TestServer,
    readonly shop: Shop,
    readonly license: Issued,
    readonly keys: JSONWebKeySet,
  ) {}

  static async open(): Promise<OfflineWorld> {
    const server = await startTestServer();
    const shop = await openShop(server);
    const license = await createLicense(server, shop, terms);
    await activate(server, license.licenseKey, 'press', { user: 'ada' });
    return new OfflineWorld(server, shop, license, await publishedKeys(server));
  }

  licensed(input: object = {}): Promise<Issued> {
    return createLicense(this.server, this.shop, { ...terms, ...input });
  }

  async fileOf({ licenseKey }: Issued, input: object = {}): Promise<string> {
    const asked = { licenseKey, deviceFingerprint: 'press', ...input };
    return String((await checkout(this.server, asked)).licenseFile);
  }

  onDevice(more: OfflineFacts = {}) {
    return { deviceFingerprint: 'press', now: new Date(this.server.now), ...more };
  }

  /** Whether a file holds on the device, the first rule that fails, and all that do. */
  async codesOf(text: string, more: OfflineFacts = {}, set = this.keys): Promise<unknown[]> {
    const { valid, code, reasons } = await verifyLicenseFile(text, set, this.onDevice(more));
    return [valid, code, reasons.map((reason) => reason.code)];
  }
}
