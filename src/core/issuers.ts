import { createPublicKey } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { isTenantId } from './id.js';

export const ALGORITHMS = [
  'EdDSA',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
];

/** Members of a JWK that only its owner may have (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const RSA_BITS = 2048;

type Key = Readonly<Record<string, unknown>>;

function secretProblem(key: Key): string | undefined {
  if (key.kty === 'oct') return 'is a shared secret; publish public keys only';
  return SECRET_MEMBERS.some((member) => member in key)
    ? 'is a private key; publish public keys only'
    : undefined;
}

function keyProblem(key: Key): string | undefined {
  const secret = secretProblem(key);
  if (secret !== undefined) return secret;
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: { ...key }, format: 'jwk' });
    const bits = asymmetricKeyDetails?.modulusLength;
    return bits === undefined || bits >= RSA_BITS ? undefined : `has fewer than ${RSA_BITS} bits`;
  } catch {
    return 'is no public key in the form of a JWK';
  }
}

const anyKey = z.looseObject({ kty: z.string() });
const keyDocument = z.object({ keys: z.array(anyKey).max(100) });

/** A document that an issuer publishes may hold kinds of keys that we do not know, but nothing that is secret. */
export function holdsSecrets(document: unknown): boolean {
  const { data } = keyDocument.safeParse(document);
  return data?.keys.some((key) => secretProblem(key) !== undefined) === true;
}

/** A JWKS document that is part of our own settings: every key of it has to be one that verifies. */
export const publicKeySet = z
  .object({ keys: z.array(anyKey).min(1).max(100) })
  .superRefine(({ keys }, context) => {
    for (const [index, key] of keys.entries()) {
      const message = keyProblem(key);
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['keys', index], message });
    }
  })
  .transform((document) => document as JSONWebKeySet);

export const keysUrl = z.url({ protocol: /^https?$/, error: 'must be an address with https' });

/** JSON in a setting. What was written there is not repeated: it may be a secret that was put in the wrong place. */
export function json<Value extends z.ZodType>(type: Value) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(type);
}

const issuer = z
  .strictObject({
    /** The `iss` that its tokens have. */
    issuer: z.string().min(1).max(255),
    audience: z.string().min(1).max(255).optional(),
    jwksUrl: keysUrl.optional(),
    jwks: publicKeySet.optional(),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).optional(),
    /** Whether its tokens may make operators, who stand above the tenants. */
    operators: z.boolean().default(false),
    /** The tenants that it speaks for; all of them if left out. */
    tenants: z.array(z.string().refine(isTenantId, 'is no code of a tenant')).min(1).optional(),
  })
  .refine(({ jwksUrl, jwks }) => (jwksUrl === undefined) !== (jwks === undefined), {
    message: 'takes either `jwksUrl` or `jwks`',
  });

export type IssuerSettings = z.output<typeof issuer>;

export const issuerList = z
  .array(issuer)
  .min(1)
  .max(50)
  .superRefine((issuers, context) => {
    const names = issuers.map((each) => each.issuer);
    for (const [index, name] of names.entries()) {
      if (names.indexOf(name) < index)
        context.addIssue({ code: 'custom', path: [index, 'issuer'], message: 'stands twice' });
    }
  });
