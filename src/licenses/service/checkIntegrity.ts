import { enterBySecret } from '../../access/service.js';
import { Refusal } from '../../core/refusal.js';
import type { Sign, Verify } from '../../core/tokenTypes.js';
import type { Reading } from '../../core/work.js';
import {
  CERTIFICATE,
  CERTIFICATE_SECONDS,
  type CertificateCheck,
  certificateClaims,
  checkCertificate,
} from '../model/certificate.js';
import { alteredFields } from '../model/seal.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../model.js';
import { licensesById } from '../queries.js';
import type { License } from '../table.js';

/** What defines the license, signed, for its holder to keep. */
export function licenseCertificate(license: License, sign: Sign): Promise<string> {
  return sign(CERTIFICATE, certificateClaims(license), CERTIFICATE_SECONDS);
}

export interface LicenseIntegrity {
  readonly license: License;
  /** The columns that are not as they were sealed. */
  readonly altered: readonly string[];
  /** Of the certificate that was given, if one was. */
  readonly certificate: CertificateCheck | null;
}

export interface IntegrityQuestion {
  readonly licenseKey: string;
  readonly signature?: string | null;
}

/** Compares the stored row with its seal, and a certificate that is given with what this server signed. */
export async function checkIntegrity(
  reading: Reading,
  { licenseKey, signature }: IntegrityQuestion,
  verify: Verify,
): Promise<LicenseIntegrity> {
  const key = parseLicenseKey(licenseKey);
  if (key === undefined) throw keyMalformed();
  const id = await enterBySecret(reading, 'LICENSE_KEY', key);
  const license = id === undefined ? undefined : (await licensesById(reading, [id])).get(id);
  if (license === undefined) throw licenseNotFound();
  return {
    license,
    altered: alteredFields(reading.keys, license),
    certificate: signature ? checkCertificate(license, await verify(CERTIFICATE, signature)) : null,
  };
}

export function isIntact({ altered, certificate }: LicenseIntegrity): boolean {
  return altered.length === 0 && (certificate === null || certificate.status === 'VALID');
}

/** An old certificate is no tampering: its license was changed by an act. */
export function isTampered({ altered, certificate }: LicenseIntegrity): boolean {
  return altered.length > 0 || certificate?.status === 'INVALID';
}

/** What the door records of such an answer, as if it had been refused. */
export function tamperingIn(integrity: LicenseIntegrity): Refusal | undefined {
  const about = { licenseId: integrity.license.id };
  if (integrity.altered.length > 0) {
    const message = `The stored license is not as it was sealed: ${integrity.altered.join(', ')}.`;
    return new Refusal('LICENSE_TAMPERED', message, {}, about);
  }
  if (integrity.certificate?.status !== 'INVALID') return undefined;
  return new Refusal('SIGNATURE_INVALID', 'The signature is none of this license.', {}, about);
}
