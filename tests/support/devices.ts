import { mutation } from './acts.js';
import type { Issued, Shop } from './fixtures.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

/** What devices in the field ask and do, each through the graph. */
export const ACTIVATE = `mutation ($input: ActivateLicenseInput!) { activateLicense(input: $input) {
  activationToken activation { id status } license { status currentActivations } } }`;
export const HEARTBEAT = `mutation ($input: SendHeartbeatInput!) { sendHeartbeat(input: $input) {
  status message activation { id status leaseExpiresAt lastHeartbeat
    usageMetrics { totalRuntimeHours featureUsage apiCallsCount dataProcessedMb lastUsedAt peakConcurrentUsers } } } }`;
export const DEACTIVATE = `mutation ($input: DeactivateActivationInput!) { deactivateActivation(input: $input) {
  activation { id status deactivatedAt deactivationReason } } }`;

export const BORROW = mutation(
  'borrowLease',
  'activation { id status borrowedUntil leaseExpiresAt license { currentActivations } }',
);
export const RELEASE = mutation(
  'releaseLease',
  'activation { id status borrowedUntil leaseExpiresAt license { currentActivations } }',
);

export function tryActivate(
  server: TestServer,
  licenseKey: string,
  deviceFingerprint: string,
  input: object = {},
  as?: Claims,
): Promise<Answer> {
  return server.graphql(ACTIVATE, { input: { licenseKey, deviceFingerprint, ...input } }, as);
}

export function heartbeat(server: TestServer, activationToken: unknown, metrics?: object): Promise<Answer> {
  return server.graphql(HEARTBEAT, { input: { activationToken, metrics } });
}

export function deactivate(server: TestServer, input: object, as?: Claims): Promise<Answer> {
  return server.graphql(DEACTIVATE, { input }, as);
}

export function borrow(server: TestServer, activationToken: unknown, hours: number): Promise<Answer> {
  return server.graphql(BORROW, { input: { activationToken, hours } });
}

export function release(server: TestServer, input: object, as?: Claims): Promise<Answer> {
  return server.graphql(RELEASE, { input }, as);
}

export interface VerdictAnswer {
  readonly valid: unknown;
  readonly code: unknown;
  readonly reasons: unknown[];
}

function verdictIn(answer: Json | undefined): VerdictAnswer {
  const reasons: unknown = answer?.reasons;
  const codes = (Array.isArray(reasons) ? reasons : []).map((reason: Json) => reason.code);
  return { valid: answer?.valid, code: answer?.code, reasons: codes };
}

export async function validateKey(
  server: TestServer,
  licenseKey: string,
  asked: object = {},
  as?: Claims,
): Promise<VerdictAnswer> {
  const data = await server.ok(
    `query ($licenseKey: String!, $deviceFingerprint: String, $user: String, $productId: ID, $features: [String!]) {
      validateLicenseKey(licenseKey: $licenseKey, deviceFingerprint: $deviceFingerprint, user: $user,
        productId: $productId, features: $features) { valid code reasons { code } } }`,
    { licenseKey, ...asked },
    as,
  );
  return verdictIn(data.validateLicenseKey);
}

export async function validateToken(
  server: TestServer,
  activationToken: unknown,
  asked: object = {},
  as?: Claims,
): Promise<VerdictAnswer> {
  const data = await server.ok(
    `query ($activationToken: String!, $deviceFingerprint: String, $productId: ID, $features: [String!]) {
      validateActivation(activationToken: $activationToken, deviceFingerprint: $deviceFingerprint,
        productId: $productId, features: $features) { valid code reasons { code } } }`,
    { activationToken, ...asked },
    as,
  );
  return verdictIn(data.validateActivation);
}

/** The seats of a license by the graph, by its stored column, and counted by hand from the rows that are live now. */
export async function seatsOf(
  server: TestServer,
  shop: Shop,
  license: Issued,
): Promise<{ graph: unknown; stored: number; live: number }> {
  const data = await server.ok(
    'query ($id: ID!) { license(id: $id) { currentActivations } }',
    { id: license.id },
    shop.admin,
  );
  const [row] =
    await server.sql`select license_type as type, license_model as model, current_activations as stored
    from licenses where id = ${license.id}`;
  const live = await server.sql`select device_fingerprint as device, user_ref as "user", units
    from license_activations where license_id = ${license.id} and status = 'ACTIVE'
      and (${row?.type} <> 'CONCURRENT' or lease_expires_at > ${server.now}::timestamptz)`;
  return {
    graph: data.license?.currentActivations,
    stored: Number(row?.stored),
    live: counted(String(row?.type), String(row?.model), [...live]),
  };
}

function counted(
  type: string,
  model: string,
  live: readonly { device?: unknown; user?: unknown; units?: unknown }[],
): number {
  if (model === 'PER_CPU' || model === 'PER_CORE') {
    return live.reduce((sum, { units }) => sum + Number(units), 0);
  }
  const people = model === 'PER_SEAT' || type === 'NAMED_USER';
  return people ? new Set(live.map(({ user, device }) => user ?? device)).size : live.length;
}
