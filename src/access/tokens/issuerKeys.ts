import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { holdsSecrets } from '../../core/issuers.js';
import { Refusal } from '../../core/refusal.js';

const TIMEOUT_MILLIS = 5000;
/** For so long a token with an unknown key sends nobody to the issuer. */
const COOLDOWN_MILLIS = 30_000;
/** A key that its issuer has taken back verifies for so long. */
const CACHE_MILLIS = 600_000;
/** An issuer that failed is left alone for so long: whoever sends tokens must not make us hammer it. */
const RETRY_MILLIS = 5000;
const LONGEST_DOCUMENT = 1_000_000;

export const RETRY_SECONDS = RETRY_MILLIS / 1000;

function keysAway(): Refusal {
  const message = "The issuer's keys cannot be fetched at the moment; try again.";
  return new Refusal('ISSUER_UNAVAILABLE', message, { retryAfterSeconds: RETRY_SECONDS });
}

/** What is wrong with the token, when the keys were there. */
function concernsToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

/**
 * Whatever else fails while a key is looked for is the issuer's failure, and not the caller's. It is told once in a while,
 * however many tokens come.
 */
function blamingIssuer(keys: JWTVerifyGetKey, failed: (error: unknown) => void): JWTVerifyGetKey {
  let quietUntil = 0;
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (concernsToken(error)) throw error;
      if (performance.now() >= quietUntil) {
        quietUntil = performance.now() + RETRY_MILLIS;
        failed(error);
      }
      throw keysAway();
    }
  };
}

/** Fetches a JWKS document; one with a secret in it is taken for no document at all. */
async function fetchDocument(...[url, options]: Parameters<FetchImplementation>): Promise<Response> {
  const response = await fetch(url, options);
  if (response.status !== 200) return response;
  const text = await response.text();
  if (text.length > LONGEST_DOCUMENT) throw new Error('the JWKS document is too long');
  if (holdsSecrets(JSON.parse(text))) throw new Error('the JWKS document holds a private or shared key');
  return new Response(text);
}

/** After a failure the last error is the answer for a while, without a request. */
function patient(fetchOnce: FetchImplementation): FetchImplementation {
  let failure: unknown;
  let retryAt = 0;
  return async (url, options) => {
    if (performance.now() < retryAt) throw failure;
    try {
      const response = await fetchOnce(url, options);
      if (response.status === 200) return response;
      throw new Error(`the JWKS document was answered with ${response.status}`);
    } catch (error) {
      failure = error;
      retryAt = performance.now() + RETRY_MILLIS;
      throw error;
    }
  };
}

export function localKeys(jwks: JSONWebKeySet): JWTVerifyGetKey {
  return createLocalJWKSet(jwks);
}

/** Keys that are fetched when they are needed, kept, and fetched anew when a token names one that is not among them. */
export function remoteKeys(url: string, failed: (error: unknown) => void): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: TIMEOUT_MILLIS,
    cooldownDuration: COOLDOWN_MILLIS,
    cacheMaxAge: CACHE_MILLIS,
    [customFetch]: patient(fetchDocument),
  });
  return blamingIssuer(keys, failed);
}

export function sharedSecret(secret: string): JWTVerifyGetKey {
  const bytes = new TextEncoder().encode(secret);
  return async () => bytes;
}
