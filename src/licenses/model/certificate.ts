import type { Instant } from '../../core/clock.js';
import type { SignedKind } from '../../core/tokenTypes.js';
import { canonical } from './seal.js';

export const CERTIFICATE: SignedKind = 'licenseCertificate';
/** A certificate is asked for anew after every change of its license, and is good for a year at most. */
export const CERTIFICATE_SECONDS = 365 * 86_400;

/** What defines a license for its holder, each by the name that stands in a certificate. */
export interface CertifiedFacts {
  readonly id: string;
  readonly tenantId: string;
  readonly productId: string;
  readonly productVersion: string;
  readonly licenseType: string;
  readonly licenseModel: string;
  readonly customerId: string | null;
  readonly issuedTo: string;
  readonly maxActivations: number;
  readonly features: readonly unknown[];
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
}

function factsOf(license: CertifiedFacts): Readonly<Record<string, unknown>> {
  const { productId, productVersion, licenseType, licenseModel, customerId, issuedTo } = license;
  return {
    product_id: productId,
    product_version: productVersion,
    license_type: licenseType,
    license_model: licenseModel,
    customer_id: customerId,
    issued_to: issuedTo,
    max_activations: license.maxActivations,
    features: license.features,
    issued_date: license.issuedDate,
    expiry_date: license.expiryDate,
    maintenance_expiry: license.maintenanceExpiry,
  };
}

export function certificateClaims(license: CertifiedFacts): Readonly<Record<string, unknown>> {
  return { sub: license.id, tenant_id: license.tenantId, license: factsOf(license) };
}

export const certificateStatuses = ['VALID', 'OUTDATED', 'INVALID'] as const;
export type CertificateStatus = (typeof certificateStatuses)[number];

export interface CertificateCheck {
  readonly status: CertificateStatus;
  /** The facts that have changed since it was signed. */
  readonly outdated: readonly string[];
}

/**
 * What a certificate is worth for a license. `claims` are those of one that was signed here, or nothing. One of another
 * license is worth as little as a forged one; one that was signed before a renewal or another act is only old.
 */
export function checkCertificate(
  license: CertifiedFacts,
  claims: Readonly<Record<string, unknown>> | undefined,
): CertificateCheck {
  const own = claims?.sub === license.id && claims.tenant_id === license.tenantId;
  const certified = own ? claims.license : undefined;
  if (typeof certified !== 'object' || certified === null) return { status: 'INVALID', outdated: [] };
  const facts = factsOf(license);
  const then = new Map<string, unknown>(Object.entries(certified));
  const outdated = Object.keys(facts).filter((name) => canonical(facts[name]) !== canonical(then.get(name)));
  return { status: outdated.length === 0 ? 'VALID' : 'OUTDATED', outdated };
}
