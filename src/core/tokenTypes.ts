/**
 * What each kind of signed token says of itself in its header `typ` (RFC 8725, section 3.11), all in one place. Whoever
 * verifies one kind takes its own words only: a license file, a signed answer or a checkpoint never opens the door as a
 * bearer token, whatever claims it carries and whoever signed it. Each kind has a key of its own as well.
 */
export const signedTypes = {
  /** The answer to a validation that brought a nonce. */
  validation: 'licensegraph-validation+jwt',
  /** A license with its activation, to be checked without a connection. */
  licenseFile: 'licensegraph-license+jwt',
  /** The answer to a device that cannot connect. */
  offlineResponse: 'licensegraph-offline+jwt',
  /** What a licensee may use, for servers that decide by themselves. */
  entitlementSet: 'licensegraph-entitlements+jwt',
  /** The head of the audit trail at an instant. */
  auditCheckpoint: 'licensegraph-checkpoint+jwt',
  /** Licenses that no longer hold. */
  revocationList: 'licensegraph-revocations+jwt',
  /** What defines a license, for its holder to keep: who alters it, or the license behind the server's back, is found out. */
  licenseCertificate: 'licensegraph-certificate+jwt',
} as const;

export type SignedKind = keyof typeof signedTypes;
export const signedKinds = Object.keys(signedTypes) as SignedKind[];

/** Who signs all of these, in `iss`: whoever verifies one asks for it with the words of its kind. */
export const SIGNED_BY = 'licensegraph';

/**
 * What applications encrypt to: the request of a device that cannot connect. Its key stands beside those that sign, is
 * followed and retired like them, and opens nothing but requests.
 */
export const SEALED_REQUEST = 'offlineRequest';
/** What such a request says of itself in its header `typ`. */
export const REQUEST_TYPE = 'licensegraph-request+jwe';

export const keyPurposes = [...signedKinds, SEALED_REQUEST] as const;
export type KeyPurpose = (typeof keyPurposes)[number];

/**
 * What an application verifies with the keys that it brought along: what is carried to where nothing can be fetched, and
 * the signed answers to it. These keys sign for years, are there before anybody needs them, and are followed by ones that
 * were published long before.
 */
export const carriedPurposes: readonly KeyPurpose[] = [
  'validation',
  'licenseFile',
  'offlineResponse',
  'revocationList',
  SEALED_REQUEST,
];

/** Signs a token of a kind, which ends after so many seconds. */
export type Sign = (
  kind: SignedKind,
  claims: Readonly<Record<string, unknown>>,
  lifeSeconds: number,
) => Promise<string>;

/** What a token of a kind says, if this deployment signed it with a key that verifies and it is not over. */
export type Verify = (
  kind: SignedKind,
  token: string,
) => Promise<Readonly<Record<string, unknown>> | undefined>;

/** RFC 7519, section 5.1, and RFC 9068, section 2.1. Many issuers leave the header out. */
const bearerTypes: readonly string[] = ['jwt', 'at+jwt'];

/** A media type without its `application/`, in any case (RFC 7515, section 4.1.9). */
export function isBearerType(typ: unknown): boolean {
  if (typ === undefined) return true;
  return typeof typ === 'string' && bearerTypes.includes(typ.toLowerCase().replace(/^application\//, ''));
}
