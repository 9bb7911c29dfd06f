import { CompactEncrypt, compactDecrypt, type JSONWebKeySet } from 'jose';
import { refusedVerdict, type Verdict } from '../../activations/model/verdict.js';
import { type Instant, instant, latest } from '../../core/clock.js';
import type { SignedKind } from '../../core/tokenTypes.js';
import { parseLicenseKey } from '../../licenses/model.js';
import { requireFacts, requireKeys, requireObject, requireText } from './arguments.js';
import { codeIn, headerOf, partsOf } from './documents.js';
import { judge, lastSeen, type OfflineFacts, type OfflineRecord } from './judge.js';
import { type DocumentLicense, documentFrom, type LicenseDocument } from './licenseDocument.js';
import { openRevocationList, type RevocationList } from './revocationList.js';
import { signedClaims } from './signature.js';

/** What a document says to a device, by the same rules and in the same words as the server. */
export interface OfflineVerdict extends Verdict {
  /** Null if nothing of the document may be believed. */
  readonly license: DocumentLicense | null;
  readonly activationId: string | null;
  readonly expiresAt: Instant | null;
  /** To be kept, and given when it is asked again. */
  readonly record: OfflineRecord | undefined;
}

const ALGORITHM = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM' } as const;
const SEALED_TYPE = 'licensegraph-license+jwe';
const HEADER = ['alg', 'enc', 'typ', 'p2s', 'p2c'];
/**
 * A key of ours has 80 random bits, which nobody tries, at any speed; an imported one may have fewer: each try takes a
 * hundred thousand hashes (RFC 7518, section 4.8). More of them than these are refused, or a file could keep a device
 * busy for hours.
 */
const ITERATIONS = 100_000;

/** Encrypts a signed file to a license key: whoever finds the file has to have the key as well. */
export function sealLicenseFile(signed: string, licenseKey: string): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(signed))
    .setProtectedHeader({ ...ALGORITHM, typ: SEALED_TYPE })
    .setKeyManagementParameters({ p2c: ITERATIONS })
    .encrypt(new TextEncoder().encode(licenseKey));
}

/** The signed file within an encrypted one; undefined if this key does not open it. */
async function openLicenseFile(code: string, licenseKey: string): Promise<string | undefined> {
  const { alg, enc, typ, p2c } = headerOf(code, HEADER) ?? {};
  if (alg !== ALGORITHM.alg || enc !== ALGORITHM.enc || typ !== SEALED_TYPE || p2c !== ITERATIONS)
    return undefined;
  try {
    const { plaintext } = await compactDecrypt(code, new TextEncoder().encode(licenseKey), {
      keyManagementAlgorithms: [ALGORITHM.alg],
      contentEncryptionAlgorithms: [ALGORITHM.enc],
      maxPBES2Count: ITERATIONS,
    });
    return codeIn('licenseFile', new TextDecoder().decode(plaintext));
  } catch {
    // Another key, or a file that was changed.
    return undefined;
  }
}

const unbelieved = (code: 'SIGNATURE_INVALID' | 'KEY_MALFORMED', kept: OfflineFacts): OfflineVerdict => ({
  ...refusedVerdict(code),
  license: null,
  activationId: null,
  expiresAt: null,
  record: kept.record,
});

/** Why a list is no evidence on a document: not as it was signed, another tenant's, or older than what is known. */
function listProblem(
  list: RevocationList | undefined,
  { tenantId, epoch }: LicenseDocument,
  record: OfflineRecord | undefined,
): string | undefined {
  if (list === undefined) return 'The revocation list is not as the vendor signed it.';
  if (list.tenantId !== tenantId) return "The revocation list is another vendor's.";
  const known = Math.max(epoch, record?.epoch ?? 0);
  return list.epoch < known ? 'The revocation list is older than one that is known.' : undefined;
}

function refusedBecause(message: string, remedy: string): Verdict {
  const reason = { code: 'SIGNATURE_INVALID', message, remedy } as const;
  return { valid: false, code: reason.code, reasons: [reason] };
}

/** Nothing of the document is believed, for a reason that can be told. */
function unbelievedBecause(message: string, remedy: string, asked: OfflineFacts): OfflineVerdict {
  return { ...unbelieved('SIGNATURE_INVALID', asked), ...refusedBecause(message, remedy) };
}

/** What another tenant of the same server signed is as it was signed, and still nothing that this vendor has said. */
function anothers(asked: OfflineFacts): OfflineVerdict {
  const remedy = "Use a license of the product's own vendor.";
  return unbelievedBecause("The document is another vendor's.", remedy, asked);
}

/** Judges a document that was found to be as it was signed, with the list that came along. */
export async function verdictOnDocument(
  document: LicenseDocument,
  keys: JSONWebKeySet,
  asked: OfflineFacts,
): Promise<OfflineVerdict> {
  if ((asked.tenantId ?? document.tenantId) !== document.tenantId) return anothers(asked);
  const now = instant((asked.now ?? new Date()).getTime());
  const { revocations, record } = asked;
  const list = revocations === undefined ? undefined : await openRevocationList(revocations, keys);
  const problem = revocations === undefined ? undefined : listProblem(list, document, record);
  const verdict =
    problem === undefined
      ? await judge(document, asked, now, list)
      : refusedBecause(problem, 'Fetch the revocation list again.');
  const epoch = problem === undefined ? (list?.epoch ?? 0) : 0;
  return {
    ...verdict,
    license: document.license,
    activationId: document.activation?.id ?? null,
    expiresAt: document.expiresAt,
    record: {
      seenAt: latest(lastSeen(document, record), now),
      epoch: Math.max(document.epoch, record?.epoch ?? 0, epoch),
    },
  };
}

/** What a code of one kind says; undefined if it is not as one of these keys signed it. */
export async function signedDocument(
  kind: SignedKind,
  code: string,
  keys: JSONWebKeySet,
): Promise<LicenseDocument | undefined> {
  const signed = await signedClaims(code, keys, [kind]);
  return signed === undefined ? undefined : documentFrom(signed.claims);
}

/**
 * What a license file is worth on this device at this moment, without a connection. Only EdDSA, the type of license
 * files and keys that are given count; a file that is over, or not begun, is that by more than five minutes.
 *
 * @param file The file's text, armoured or bare; an encrypted one needs `licenseKey` in `asked`.
 * @param keys The vendor's public keys, as they came with the application: `/.well-known/jwks.json`.
 * @throws InvalidArgument for an argument of another type than is documented. What is written in a file throws nothing.
 */
export async function verifyLicenseFile(
  file: string,
  keys: JSONWebKeySet,
  asked: OfflineFacts & { readonly licenseKey?: string | undefined } = {},
): Promise<OfflineVerdict> {
  requireText('file', file);
  requireKeys('keys', keys);
  requireFacts('asked', asked);
  const code = codeIn('licenseFile', file);
  if (code === undefined) return unbelieved('SIGNATURE_INVALID', asked);
  const isSealed = partsOf(code) === 5;
  const licenseKey = parseLicenseKey(asked.licenseKey ?? '');
  if (isSealed && licenseKey === undefined) return unbelieved('KEY_MALFORMED', asked);
  const signed = isSealed ? await openLicenseFile(code, licenseKey ?? '') : code;
  const document = signed === undefined ? undefined : await signedDocument('licenseFile', signed, keys);
  if (document === undefined || document.nonce !== null) return unbelieved('SIGNATURE_INVALID', asked);
  return verdictOnDocument(document, keys, asked);
}

/**
 * What the answer to a request is worth on the device that made the request: the same as a license file, for as long as
 * the vendor keeps the seat for it.
 *
 * @param pending What the device has kept of its request.
 * @throws InvalidArgument for an argument of another type than is documented.
 */
export async function verifyOfflineResponse(
  response: string,
  pending: { readonly nonce: string },
  keys: JSONWebKeySet,
  asked: OfflineFacts,
): Promise<OfflineVerdict> {
  requireText('response', response);
  requireObject('pending', pending);
  requireKeys('keys', keys);
  requireFacts('asked', asked);
  const code = codeIn('response', response);
  const document = code === undefined ? undefined : await signedDocument('offlineResponse', code, keys);
  if (document === undefined) {
    const remedy = 'Carry the response here again, whole.';
    return unbelievedBecause('The response is not as the vendor signed it.', remedy, asked);
  }
  const verdict = await verdictOnDocument(document, keys, asked);
  if (!verdict.valid || document.nonce === pending.nonce) return verdict;
  return {
    ...verdict,
    ...refusedBecause('The response answers another request.', 'Have this request signed.'),
  };
}
