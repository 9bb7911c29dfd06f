/**
 * Access owns who may do what and for whom: tenants, their customers and resellers, tokens, permissions.
 * A tenant is an isolated workspace; a customer buys licenses in it, a reseller sells them.
 * It does not own what is bought: products, templates and licenses come later and refer to these rows.
 * Nothing here is ever deleted: a customer that left is INACTIVE, keeps its licenses, and receives no new ones.
 */
import type { Actor, ApplicationActor } from '../core/actor.js';
import type { ActivationId, LicenseId, TenantId } from '../core/id.js';
import { Refusal, type RefusalCode } from '../core/refusal.js';
import { applicationPermissions, type Permission } from './permissions.js';

export const partyStatuses = ['ACTIVE', 'INACTIVE'] as const;
export type PartyStatus = (typeof partyStatuses)[number];

export const accessEvents = [
  'tenant.created',
  'tenant.settings_changed',
  'customer.created',
  'customer.updated',
  'reseller.created',
  'reseller.updated',
  'access.refused',
  'api_key.created',
  'api_key.revoked',
] as const;

/** Feature flags of the host's settings, and the features that switch them on. */
export type FeatureFlags = Readonly<Record<string, string>>;

export const defaultFeatureFlags = {
  graphql_enabled: 'graphql_api',
  analytics_enabled: 'analytics_dashboard',
  wireless_enabled: 'wireless_mgmt',
} as const;

function notFound(code: RefusalCode, noun: string) {
  return (id: string): Refusal => new Refusal(code, `There is no ${noun} ${id}.`, { id });
}

export const customerNotFound = notFound('CUSTOMER_NOT_FOUND', 'customer');
export const resellerNotFound = notFound('RESELLER_NOT_FOUND', 'reseller');

export function customerInactive(id: string): Refusal {
  return new Refusal('CUSTOMER_INACTIVE', `Customer ${id} is switched off and receives no licenses.`, { id });
}

export function resellerInactive(id: string): Refusal {
  return new Refusal('RESELLER_INACTIVE', `Reseller ${id} is switched off and sells no licenses.`, { id });
}

export function tokenExpired(): Refusal {
  return new Refusal('TOKEN_EXPIRED', 'The token has expired; sign in again.');
}

/** What an operator sees above the tenants. */
const looks: readonly Permission[] = ['tenant.list', 'unclaimed_webhook.list'];

/** Who sees what stands above the tenants: a token's bearer, bound to no part of one. An API key never does. */
export function isOperator(actor: Actor): boolean {
  if (actor.kind !== 'user' && actor.kind !== 'service') return false;
  const { apiKeyId, customerId, resellerId, permissions } = actor;
  const bound = apiKeyId ?? customerId ?? resellerId;
  return bound === undefined && looks.some((permission) => permissions.has(permission));
}

/** What a caller learns of itself. */
export function viewerOf(actor: Actor) {
  const known = actor.kind === 'user' || actor.kind === 'service';
  return {
    kind: actor.kind,
    subject: known ? actor.subject : '',
    tenantId: known ? actor.tenantId : null,
    customerId: (known ? actor.customerId : undefined) ?? null,
    resellerId: (known ? actor.resellerId : undefined) ?? null,
    apiKeyId: (known ? actor.apiKeyId : undefined) ?? null,
    expiresAt: known ? actor.expiresAt : null,
    permissions: [...actor.permissions].toSorted(),
  };
}

/** An application in the field: it sees and uses only the license whose key or token it showed. */
export function applicationActor(
  tenantId: TenantId,
  licenseId: LicenseId,
  emergencyId?: ActivationId,
): ApplicationActor {
  return {
    kind: 'application',
    subject: `license:${licenseId}`,
    tenantId,
    licenseId,
    ...(emergencyId === undefined ? {} : { emergencyId }),
    permissions: applicationPermissions,
  };
}

/** Tells no more than a validation does: not whether the license is another's, was ended, or never was. */
export function applicationUnknown(): Refusal {
  const message =
    'The Authorization header shows a license key or activation token that leads to no license.';
  return new Refusal('APPLICATION_UNKNOWN', message);
}

export function oneLicensePerOperation(): Refusal {
  const message = 'An application may show one license in a query; send another query for the other.';
  return new Refusal('ONE_LICENSE_PER_OPERATION', message);
}
