import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  exportJWK,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  type ProtectedHeaderParameters,
  SignJWT,
} from 'jose';
import { z } from 'zod';
import type { UserActor } from '../core/actor.js';
import { textProblem } from '../core/check.js';
import { type Clock, type Instant, instant, millis } from '../core/clock.js';
import { type CustomerId, isTenantId, isUuid, type ResellerId, type TenantId } from '../core/id.js';
import { Refusal } from '../core/refusal.js';
import { isBearerType } from '../core/tokenTypes.js';
import { tokenExpired } from './model.js';
import { operatorClaim, permissionsOf } from './permissions.js';
import { VerifiedTokens } from './tokens/verified.js';

/** Turns a bearer token into an actor, or refuses it with the code of what is wrong with it. */
export type VerifyToken = (token: string) => Promise<UserActor>;

/** One issuer whose tokens are taken: its own keys, and what it may say. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly keys: JWTVerifyGetKey;
  /** Whether its tokens may make operators. */
  readonly operators: boolean;
  /** The tenants that it speaks for; undefined is all. */
  readonly tenants: readonly string[] | undefined;
}

const LONGEST_SECONDS = 90 * 86_400;
const SKEW_SECONDS = 30;
/** Node takes 16 KiB of headers; over a socket a token could be as long as a message. */
const LONGEST_TOKEN = 16_384;

/** Subjects that the server gives itself: a token that took one would act in the trail under another's name. */
const RESERVED_SUBJECT = /^(api_key|license):/;

const uuid = z.string().refine(isUuid);
const words = z.array(z.string().max(100)).max(200);
const claimsShape = z.object({
  sub: z
    .string()
    .min(1)
    .max(255)
    .refine((subject) => textProblem(subject) === undefined && !RESERVED_SUBJECT.test(subject)),
  tenant_id: z.string().refine(isTenantId),
  customer_id: uuid.optional(),
  reseller_id: uuid.optional(),
  roles: words.optional(),
  permissions: words.optional(),
  kind: z.enum(['user', 'service']).optional(),
  iat: z.number(),
  exp: z.number(),
});
type Claims = z.output<typeof claimsShape>;

const notOurs = 'The bearer token is not a valid JWT.';

const failures: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'The token has a signature that does not verify.',
  ERR_JOSE_ALG_NOT_ALLOWED: 'The token uses a signature algorithm that is not allowed here.',
  ERR_JWKS_NO_MATCHING_KEY: 'The token is signed with a key that its issuer does not publish.',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'The token does not say which of the keys of its issuer signed it.',
};

function invalid(message: string): Refusal {
  return new Refusal('TOKEN_INVALID', message);
}

function badClaim(claim: string, message = `The token's claim '${claim}' does not fit.`): Refusal {
  return new Refusal('TOKEN_CLAIM_INVALID', message, { claim });
}

function claimFailure({ claim, reason }: errors.JWTClaimValidationFailed): Refusal {
  if (claim === 'aud')
    return new Refusal('TOKEN_AUDIENCE_MISMATCH', 'The token was made for another audience.');
  if ((claim === 'nbf' || claim === 'iat') && reason === 'check_failed')
    return new Refusal('TOKEN_NOT_YET_VALID', `The token's claim '${claim}' lies in the future.`);
  return badClaim(claim);
}

/** What is no error of JOSE is none of the token, but a defect on this side or in a key of its issuer. */
function failureOf(error: unknown): Error {
  if (error instanceof errors.JWTExpired) return tokenExpired();
  if (error instanceof errors.JWTClaimValidationFailed) return claimFailure(error);
  if (error instanceof errors.JOSEError) return invalid(failures[error.code] ?? notOurs);
  return error instanceof Error ? error : new Error(String(error));
}

/** A role of one party is nobody's without that party: an issuer that forgets the claim must not open the tenant. */
function requireBound(claims: Claims): void {
  for (const party of ['customer', 'reseller'] as const) {
    if (claims.roles?.includes(party) !== true || claims[`${party}_id`] !== undefined) continue;
    throw badClaim(`${party}_id`, `The token's role '${party}' needs the claim '${party}_id'.`);
  }
}

/** An operator stands above the tenants: not every issuer may make one, and none is bound to a part of a tenant. */
function requireOperatorAllowed(claims: Claims, rules: TokenRules): void {
  const claim = operatorClaim(claims.roles ?? [], claims.permissions ?? []);
  if (claim === undefined) return;
  if (!rules.operators) throw badClaim(claim, "The token's issuer may not make operators.");
  if (claims.customer_id !== undefined || claims.reseller_id !== undefined)
    throw badClaim(claim, 'An operator is not bound to a customer or a reseller.');
}

/** Checks the shape of every claim: a tenant of null, a list or `*` is no tenant. */
function actorFrom(payload: JWTPayload, rules: TokenRules): UserActor {
  const read = claimsShape.safeParse(payload);
  if (!read.success) throw badClaim(String(read.error.issues[0]?.path[0] ?? ''));
  const claims = read.data;
  if (claims.exp - claims.iat > LONGEST_SECONDS)
    throw badClaim('exp', 'The token lives longer than 90 days.');
  if (rules.tenants?.includes(claims.tenant_id) === false)
    throw badClaim('tenant_id', "The token's issuer does not speak for its tenant.");
  requireBound(claims);
  requireOperatorAllowed(claims, rules);
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

/** Keys are chosen by the head alone; the rest of a token is not kept. */
const ONLY_ITS_HEAD = { payload: '', signature: '' } as const;

/** What a token says of itself before anything of it is believed. */
function unverified(token: string): { head: ProtectedHeaderParameters; issuer: unknown } {
  if (token.length > LONGEST_TOKEN) throw invalid('The token is too long.');
  try {
    return { head: decodeProtectedHeader(token), issuer: decodeJwt(token).iss };
  } catch {
    throw invalid(notOurs);
  }
}

/** Our bearer tokens have no critical extension, `b64` of RFC 7797 included, which `jwtVerify` would know. */
function requireBearer({ typ, crit }: ProtectedHeaderParameters): void {
  if (!isBearerType(typ)) throw invalid('The token is of another type, and no bearer token.');
  if (crit !== undefined) throw invalid('The token has a critical extension that is not known here.');
}

/**
 * RFC 7519 with an allow-list of algorithms, the audience, and the times by the server's own clock. The issuer that the
 * token names chooses the keys, and no other keys are tried: whoever signs for one issuer speaks for no other.
 * `maxTokenAge` also refuses tokens issued in the future, which `jwtVerify` alone would take.
 */
export function tokenVerifier(issuers: readonly TokenRules[], clock: Clock): VerifyToken {
  const byName = new Map(issuers.map((rules) => [rules.issuer, rules]));
  const known = new VerifiedTokens();
  return async (token) => {
    const now = clock();
    const before = await known.find(token, now);
    if (before !== undefined) return before;
    const { head, issuer } = unverified(token);
    requireBearer(head);
    const rules = typeof issuer === 'string' ? byName.get(issuer) : undefined;
    if (rules === undefined)
      throw new Refusal('TOKEN_ISSUER_UNKNOWN', 'The token names no issuer whose tokens are taken here.');
    let key: unknown;
    const keys: JWTVerifyGetKey = async (...asked) => {
      const found = await rules.keys(...asked);
      key = found;
      return found;
    };
    const verified = await jwtVerify(token, keys, {
      issuer: rules.issuer,
      audience: rules.audience,
      algorithms: [...rules.algorithms],
      currentDate: new Date(millis(now)),
      clockTolerance: SKEW_SECONDS,
      maxTokenAge: LONGEST_SECONDS,
      requiredClaims: ['sub', 'iat', 'exp'],
    }).catch((error: unknown) => {
      throw failureOf(error);
    });
    const actor = actorFrom(verified.payload, rules);
    const { protectedHeader } = verified;
    known.keep(token, {
      actor,
      since: now,
      key,
      keyNow: async () => rules.keys(protectedHeader, ONLY_ITS_HEAD),
    });
    return actor;
  };
}

/** What a development server signs its own bearer tokens with; every other kind of token has a key of its own. */
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
