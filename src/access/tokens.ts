import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  exportJWK,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  SignJWT,
} from 'jose';
import { z } from 'zod';
import type { UserActor } from '../core/actor.js';
import { textProblem } from '../core/check.js';
import { type Clock, type Instant, instant, millis } from '../core/clock.js';
import { type CustomerId, isTenantId, isUuid, type ResellerId, type TenantId } from '../core/id.js';
import { unauthenticated } from '../core/refusal.js';
import { permissionsOf } from './permissions.js';

/** Turns a bearer token into an actor, or refuses with UNAUTHENTICATED and the reason. */
export type VerifyToken = (token: string) => Promise<UserActor>;

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly keys: JWTVerifyGetKey;
  readonly clock: Clock;
}

const LONGEST_SECONDS = 90 * 86_400;
const SKEW_SECONDS = 30;

const uuid = z.string().refine(isUuid);
const words = z.array(z.string().max(100)).max(200);
const claimsShape = z.object({
  sub: z
    .string()
    .min(1)
    .max(255)
    .refine((subject) => textProblem(subject) === undefined),
  tenant_id: z.string().refine(isTenantId),
  customer_id: uuid.optional(),
  reseller_id: uuid.optional(),
  roles: words.optional(),
  permissions: words.optional(),
  kind: z.enum(['user', 'service']).optional(),
  iat: z.number(),
  exp: z.number(),
});

const KEYS_AWAY = "The issuer's keys cannot be fetched at the moment; try again.";

const failures: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'The token has expired; sign in again.',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'The token has a signature that does not verify.',
  ERR_JOSE_ALG_NOT_ALLOWED: 'The token uses a signature algorithm that is not allowed here.',
  ERR_JWKS_NO_MATCHING_KEY: 'The token is signed with a key that its issuer does not publish.',
  ERR_JWKS_TIMEOUT: KEYS_AWAY,
  ERR_JOSE_GENERIC: KEYS_AWAY,
};

function failureMessage(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The token's claim '${error.claim}' does not fit.`;
  if (!(error instanceof errors.JOSEError)) return KEYS_AWAY;
  return failures[error.code] ?? 'The bearer token is not a valid JWT.';
}

/** A role of one party is nobody's without that party: an issuer that forgets the claim must not open the tenant. */
function requireBound(claims: z.output<typeof claimsShape>): void {
  const roles = claims.roles ?? [];
  if (roles.includes('customer') && claims.customer_id === undefined) {
    throw unauthenticated("The token's role 'customer' needs the claim 'customer_id'.");
  }
  if (roles.includes('reseller') && claims.reseller_id === undefined) {
    throw unauthenticated("The token's role 'reseller' needs the claim 'reseller_id'.");
  }
}

/** Checks the shape of every claim: a tenant of null, a list or `*` is no tenant. */
function actorFrom(payload: JWTPayload): UserActor {
  const read = claimsShape.safeParse(payload);
  if (!read.success) {
    const claim = read.error.issues[0]?.path.join('.') ?? '';
    throw unauthenticated(`The token's claim '${claim}' does not fit.`);
  }
  const claims = read.data;
  if (claims.exp - claims.iat > LONGEST_SECONDS)
    throw unauthenticated('The token lives longer than 90 days.');
  requireBound(claims);
  return {
    kind: claims.kind ?? 'user',
    subject: claims.sub,
    tenantId: claims.tenant_id as TenantId,
    permissions: permissionsOf(claims.roles ?? [], claims.permissions ?? []),
    expiresAt: instant(claims.exp * 1000),
    ...(claims.customer_id === undefined ? {} : { customerId: claims.customer_id as CustomerId }),
    ...(claims.reseller_id === undefined ? {} : { resellerId: claims.reseller_id as ResellerId }),
  };
}

/**
 * RFC 7519 with an allow-list of algorithms, the issuer, the audience, and the times by the server's own clock.
 * `maxTokenAge` also refuses tokens issued in the future, which `jwtVerify` alone would take.
 */
export function tokenVerifier(rules: TokenRules): VerifyToken {
  return async (token) => {
    const verified = await jwtVerify(token, rules.keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      currentDate: new Date(millis(rules.clock())),
      clockTolerance: SKEW_SECONDS,
      maxTokenAge: LONGEST_SECONDS,
      requiredClaims: ['sub', 'iat', 'exp'],
    }).catch((error: unknown) => {
      throw unauthenticated(failureMessage(error));
    });
    return actorFrom(verified.payload);
  };
}

export function localKeys(jwks: JSONWebKeySet): JWTVerifyGetKey {
  return createLocalJWKSet(jwks);
}

export function remoteKeys(url: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(url), {
    timeoutDuration: 5000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  });
}

export function sharedSecret(secret: string): JWTVerifyGetKey {
  const bytes = new TextEncoder().encode(secret);
  return async () => bytes;
}

/** What a development server signs its own tokens with. */
export interface TokenSigner {
  readonly publicKeys: JSONWebKeySet;
  sign(claims: Readonly<Record<string, unknown>>, now: Instant, lifeSeconds: number): Promise<string>;
}

export const DEVELOPMENT_ISSUER = 'licensegraph-development';

export async function tokenSigner(privateJwk: JWK, audience: string): Promise<TokenSigner> {
  const key = await importJWK(privateJwk, 'EdDSA');
  const { kty, crv, x } = privateJwk;
  const publicJwk = await exportJWK(
    await importJWK({ ...(kty && { kty }), ...(crv && { crv }), ...(x && { x }) }, 'EdDSA'),
  );
  const header = { alg: 'EdDSA', typ: 'JWT', kid: 'development' };
  return {
    publicKeys: { keys: [{ ...publicJwk, kid: header.kid, alg: 'EdDSA', use: 'sig' }] },
    sign: (claims, now, lifeSeconds) => {
      const issuedAt = Math.floor(millis(now) / 1000);
      return new SignJWT({ ...claims })
        .setProtectedHeader(header)
        .setIssuer(DEVELOPMENT_ISSUER)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifeSeconds)
        .sign(key);
    },
  };
}
