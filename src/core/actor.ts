import type { Instant } from './clock.js';
import type { ActivationId, ApiKeyId, CustomerId, LicenseId, ResellerId, TenantId } from './id.js';
import { Refusal, unauthenticated } from './refusal.js';

/** Who asks. `permissions` are the words of access/permissions.ts. */
export type Actor = UserActor | ApplicationActor | SystemActor | AnonymousActor;

/** A person or a service with a verified token, or a program with an API key. */
export interface UserActor {
  readonly kind: 'user' | 'service';
  readonly subject: string;
  /** The API key that it came with. */
  readonly apiKeyId?: ApiKeyId;
  readonly tenantId: TenantId;
  readonly customerId?: CustomerId;
  readonly resellerId?: ResellerId;
  readonly permissions: ReadonlySet<string>;
  /** When the token ends, and with it what was opened with it; null for an API key without an end. */
  readonly expiresAt: Instant | null;
}

/** An application in the field, which proved itself by a license key or an activation token. */
export interface ApplicationActor {
  readonly kind: 'application';
  readonly subject: string;
  readonly tenantId: TenantId;
  readonly licenseId: LicenseId;
  /** What an emergency code gave it, of whose token it came with: for as long as that lasts, it is granted past grace. */
  readonly emergencyId?: ActivationId;
  readonly permissions: ReadonlySet<string>;
}

/** The server itself: jobs, the command line, seeding. */
export interface SystemActor {
  readonly kind: 'system';
  readonly subject: string;
  readonly tenantId: TenantId;
  readonly permissions: ReadonlySet<string>;
}

/** Nobody yet. */
export interface AnonymousActor {
  readonly kind: 'anonymous';
  readonly permissions: ReadonlySet<string>;
}

/** By whom something was done, as it is written down; null for nobody. */
export function subjectOf(actor: Actor): string | null {
  return actor.kind === 'anonymous' ? null : actor.subject;
}

export function mayAct(actor: Actor, permission: string): boolean {
  return actor.kind === 'system' || actor.permissions.has(permission);
}

export function requirePermission(actor: Actor, permission: string): void {
  if (mayAct(actor, permission)) return;
  if (actor.kind === 'anonymous') throw unauthenticated('Send a bearer token in the Authorization header.');
  throw new Refusal('FORBIDDEN', `Needs the permission '${permission}'.`, { permission });
}

/** The part of a tenant that an actor sees; absent members do not narrow it. */
export interface Scope {
  readonly customerId?: CustomerId;
  readonly resellerId?: ResellerId;
  readonly licenseId?: LicenseId;
  readonly emergencyId?: ActivationId;
}

export function scopeOf(actor: Actor): Scope {
  if (actor.kind === 'application') {
    const { licenseId, emergencyId } = actor;
    return { licenseId, ...(emergencyId === undefined ? {} : { emergencyId }) };
  }
  if (actor.kind !== 'user' && actor.kind !== 'service') return {};
  return {
    ...(actor.customerId === undefined ? {} : { customerId: actor.customerId }),
    ...(actor.resellerId === undefined ? {} : { resellerId: actor.resellerId }),
  };
}
