import { randomUUID } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { expect } from 'vitest';
import { createOfflineRequest, type MadeRequest, type OfflineDevice } from '../../src/sdk/offline/request.js';
import { mutation, readLicense } from './acts.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

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
