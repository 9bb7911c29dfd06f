/**
 * API keys: long-lived secrets of programs, each with what it may do, for whom, and until when. What a key may do is
 * computed whenever it is used, from the table of roles; what it was made with never changes.
 */
import type { Actor, Scope, UserActor } from '../../core/actor.js';
import { repeated } from '../../core/check.js';
import { addMillis, type Instant } from '../../core/clock.js';
import { type FieldProblem, Refusal } from '../../core/refusal.js';
import { isPermission, isRole, operatorClaim, type Permission, permissionsInTenant } from '../permissions.js';
import type { ApiKey } from '../table.js';

export const apiKeyStatuses = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const;
export type ApiKeyStatus = (typeof apiKeyStatuses)[number];

export const API_KEY_PREFIX = 'lgk';
const SHAPE = /^lgk_[A-Za-z0-9_-]{43}$/;

/** Keys of one tenant that are neither revoked nor over. */
export const API_KEY_LIMIT = 500;
export const ROLE_LIMIT = 20;
export const PERMISSION_LIMIT = 100;

/** How exactly it is known when a key was last used. */
export const USE_MILLIS = 60_000;

export function looksLikeApiKey(text: string): boolean {
  return text.startsWith(`${API_KEY_PREFIX}_`);
}

export function isApiKey(text: string): boolean {
  return SHAPE.test(text);
}

type Ends = Pick<ApiKey, 'revokedAt' | 'expiresAt'>;

export function apiKeyStatus({ revokedAt, expiresAt }: Ends, now: Instant): ApiKeyStatus {
  if (revokedAt !== null) return 'REVOKED';
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'ACTIVE';
}

export function usedLongAgo({ lastUsedAt }: Pick<ApiKey, 'lastUsedAt'>, now: Instant): boolean {
  return lastUsedAt === null || lastUsedAt <= addMillis(now, -USE_MILLIS);
}

export function apiKeyInvalid(): Refusal {
  return new Refusal('API_KEY_INVALID', 'The API key is not known.');
}

export function apiKeyRevoked(): Refusal {
  return new Refusal('API_KEY_REVOKED', 'The API key was revoked; use another.');
}

export function apiKeyExpired(): Refusal {
  return new Refusal('API_KEY_EXPIRED', 'The API key has expired; use another.');
}

/** Why a key opens nothing at this instant. */
export function apiKeyRefusal(key: Ends, now: Instant): Refusal | undefined {
  const status = apiKeyStatus(key, now);
  if (status === 'REVOKED') return apiKeyRevoked();
  return status === 'EXPIRED' ? apiKeyExpired() : undefined;
}

export function apiKeyNotFound(id: string): Refusal {
  return new Refusal('API_KEY_NOT_FOUND', `There is no API key ${id}.`, { id });
}

export function tooManyApiKeys(): Refusal {
  const message = `The tenant has ${API_KEY_LIMIT} API keys; revoke one that nobody uses.`;
  return new Refusal('API_KEY_LIMIT_EXCEEDED', message, { limit: API_KEY_LIMIT });
}

/** What a key may do today. */
export function permissionsOfKey(key: Pick<ApiKey, 'roles' | 'permissions'>): ReadonlySet<Permission> {
  return permissionsInTenant(key.roles, key.permissions);
}

/** The caller that a key stands for. */
export function apiKeyActor(key: ApiKey): UserActor {
  return {
    kind: 'service',
    subject: `api_key:${key.id}`,
    apiKeyId: key.id,
    tenantId: key.tenantId,
    permissions: permissionsOfKey(key),
    expiresAt: key.expiresAt,
    ...(key.customerId === null ? {} : { customerId: key.customerId }),
    ...(key.resellerId === null ? {} : { resellerId: key.resellerId }),
  };
}

/** What somebody wants a key to be. */
export interface WantedKey {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly scope: Scope;
  readonly expiresAt: Instant | null;
}

/** When an API key ends that makes another; for every other maker there is no such end. */
export function endOfMaker(actor: Actor): Instant | null {
  const isKey = actor.kind === 'service' && actor.apiKeyId !== undefined;
  return isKey ? actor.expiresAt : null;
}

function wordProblems({ roles, permissions }: WantedKey): FieldProblem[] {
  const unknown = (field: string, noun: string, words: readonly string[], known: (word: string) => boolean) =>
    words.flatMap((word, index) =>
      known(word) ? [] : [{ field: `input.${field}.${index}`, message: `there is no ${noun} '${word}'` }],
    );
  const claim = operatorClaim(roles, permissions);
  return [
    ...unknown('roles', 'role', roles, isRole),
    ...unknown('permissions', 'permission', permissions, isPermission),
    ...repeated(roles, (index) => `input.roles.${index}`),
    ...repeated(permissions, (index) => `input.permissions.${index}`),
    ...(claim === undefined ? [] : [{ field: `input.${claim}`, message: 'an API key is no operator' }]),
    ...(roles.length + permissions.length > 0
      ? []
      : [{ field: 'input.roles', message: 'a key without a role or a permission can do nothing' }]),
  ];
}

function partyProblems({ roles, scope }: WantedKey): FieldProblem[] {
  return (['customer', 'reseller'] as const)
    .filter((party) => roles.includes(party) && scope[`${party}Id`] === undefined)
    .map((party) => ({ field: `input.${party}Id`, message: `the role '${party}' needs it` }));
}

function endProblems({ expiresAt }: WantedKey, maker: Actor, now: Instant): FieldProblem[] {
  const end = endOfMaker(maker);
  const field = 'input.expiresAt';
  if (expiresAt !== null && expiresAt <= now) return [{ field, message: 'must lie in the future' }];
  if (end !== null && (expiresAt === null || expiresAt > end))
    return [{ field, message: 'must not be later than the end of the key that makes it' }];
  return [];
}

/** Everything that is wrong with a key that is to be made, by field. */
export function keyProblems(wanted: WantedKey, maker: Actor, now: Instant): FieldProblem[] {
  return [...wordProblems(wanted), ...partyProblems(wanted), ...endProblems(wanted, maker, now)];
}

/** Nobody grants what he does not hold himself, be it by a role or by a single permission. */
export function requireGrantable(wanted: WantedKey, maker: Actor): void {
  if (maker.kind === 'system') return;
  const missing = [...permissionsOfKey(wanted)].filter((permission) => !maker.permissions.has(permission));
  if (missing.length === 0) return;
  const message = `A key may do no more than its maker, who lacks: ${missing.join(', ')}.`;
  throw new Refusal('FORBIDDEN', message, { permissions: missing });
}
