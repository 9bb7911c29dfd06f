import { ObjectType } from 'type-graphql';
import { enumOf } from '../../graph/enums.js';
import type { CertificateStatus } from '../model/certificate.js';

export const CertificateStatusEnum = enumOf<CertificateStatus>(
  'CertificateStatus',
  'What a certificate is worth for the license that it was shown with.',
  {
    VALID: 'It was signed here, for this license, and says what the license is.',
    OUTDATED: 'It was signed here, for this license, which an act has changed since.',
    INVALID: 'It was not signed here, or for another license, or is over.',
  },
);

@ObjectType({ description: 'Whether a license is as the acts of this server have left it.' })
export class LicenseIntegrity {}
