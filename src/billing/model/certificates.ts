/** Whom a certificate speaks for, and who vouches for it. Nothing here asks anybody. */
import { X509Certificate } from 'node:crypto';
import { type Instant, millis } from '../../core/clock.js';

/** A leaf with a few authorities above it. */
const LONGEST_CHAIN = 6;
const SIGNER = /(^|\.)paypal\.com$/;
const RSA_BITS = 2048;

const PEM = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, in its order; undefined when one of them is none. */
export function certificatesIn(pem: string): X509Certificate[] | undefined {
  const texts = pem.match(PEM) ?? [];
  if (texts.length === 0 || texts.length > LONGEST_CHAIN) return undefined;
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch {
    return undefined;
  }
}

export function isCurrent({ validFrom, validTo }: X509Certificate, now: Instant): boolean {
  const at = millis(now);
  return Date.parse(validFrom) <= at && at < Date.parse(validTo);
}

function vouches(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Who is above a certificate, up to a root: found among what came along, each looked at once. */
function reachesRoot(
  certificate: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: Instant,
): boolean {
  if (!isCurrent(certificate, now)) return false;
  if (roots.some((root) => isCurrent(root, now) && vouches(root, certificate))) return true;
  const issuer = others.find((each) => vouches(each, certificate));
  if (issuer === undefined) return false;
  return reachesRoot(
    issuer,
    others.filter((each) => each !== issuer),
    roots,
    now,
  );
}

/** The name that a subject bears; without alternative names the common one stands. */
function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const alternative = (subjectAltName ?? '').split(', ').flatMap((name) => {
    const [kind, value = ''] = name.split(':', 2);
    return kind === 'DNS' ? [value] : [];
  });
  if (alternative.length > 0) return alternative;
  return subject.split('\n').flatMap((line) => (line.startsWith('CN=') ? [line.slice(3)] : []));
}

/**
 * The certificate that PayPal signs with, out of what its address gave: of a name of PayPal's, with a long enough RSA key,
 * current, and vouched for by a root that is trusted.
 */
export function signerIn(
  pem: string,
  roots: readonly X509Certificate[],
  now: Instant,
): X509Certificate | undefined {
  const [leaf, ...others] = certificatesIn(pem) ?? [];
  if (leaf === undefined || leaf.ca || !namesOf(leaf).some((name) => SIGNER.test(name))) return undefined;
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
  if (asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS) return undefined;
  return reachesRoot(leaf, others, roots, now) ? leaf : undefined;
}
