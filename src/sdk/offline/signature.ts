import { compactVerify, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { SIGNED_BY, type SignedKind, signedTypes } from '../../core/tokenTypes.js';
import { headerOf, isCanonicalCode, partsOf } from './documents.js';

/** Clocks of machines that are never set drift; what is over or not yet so is that by more than this. */
export const CLOCK_TOLERANCE_SECONDS = 300;

/** What a signed document of these kinds says, before it is read. */
export interface Signed {
  readonly kind: SignedKind;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The one key of this id that signs; of two with one id neither is taken. */
function keyOf(keys: JSONWebKeySet, kid: unknown): JWK | undefined {
  const known = Array.isArray(keys.keys) ? keys.keys.filter((key) => key.kid === kid) : [];
  const [key] = known;
  const signs = key?.kty === 'OKP' && key.crv === 'Ed25519' && key.use === 'sig' && key.alg === 'EdDSA';
  return signs && known.length === 1 ? { kty: 'OKP', crv: 'Ed25519', x: key.x ?? '' } : undefined;
}

/**
 * What a code says that one of these keys has signed as one of these kinds. The header has exactly an algorithm, a type
 * and a key id: no `crit`, no key of its own, no unencoded payload (RFC 8725, sections 3.1, 3.2 and 3.11; RFC 7797).
 * Undefined for anything else, whatever is wrong with it, a second text of the same bytes included.
 */
export async function signedClaims(
  code: string,
  keys: JSONWebKeySet,
  kinds: readonly SignedKind[],
): Promise<Signed | undefined> {
  const header =
    partsOf(code) === 3 && isCanonicalCode(code) ? headerOf(code, ['alg', 'typ', 'kid']) : undefined;
  const kind = kinds.find((each) => signedTypes[each] === header?.typ);
  const key = typeof header?.kid === 'string' ? keyOf(keys, header.kid) : undefined;
  if (header?.alg !== 'EdDSA' || kind === undefined || key === undefined) return undefined;
  try {
    const verified = await compactVerify(code, await importJWK(key, 'EdDSA'), { algorithms: ['EdDSA'] });
    const claims: unknown = JSON.parse(new TextDecoder().decode(verified.payload));
    if (claims === null || typeof claims !== 'object' || Array.isArray(claims)) return undefined;
    const read = claims as Readonly<Record<string, unknown>>;
    return read.iss === SIGNED_BY ? { kind, claims: read } : undefined;
  } catch {
    // A key that is none, a signature that does not fit, a payload that is no JSON: not signed by us.
    return undefined;
  }
}
