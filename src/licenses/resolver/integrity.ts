import { Arg, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { text } from '../../core/check.js';
import { ANYONE, Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import { Misuse } from '../../graph/misuse.js';
import type { CertificateStatus } from '../model/certificate.js';
import { CertificateStatusEnum, LicenseIntegrity } from '../schema/integrity.js';
import { License } from '../schema/types.js';
import * as ask from '../service/checkIntegrity.js';
import type { License as LicenseRow } from '../table.js';

@Resolver(() => License)
export class LicenseCertificateEdges {
  @Authorized('license.read_certificate')
  @FieldResolver(() => String, {
    description:
      'What defines the license, signed (JWS, `licensegraph-certificate+jwt`), to be kept with it: `checkLicenseIntegrity` takes it as `signature`. Good for a year, and until the license is changed.',
  })
  certificate(@Root() license: LicenseRow, @Ctx() ctx: Context): Promise<string> {
    return ask.licenseCertificate(license, ctx.sign);
  }
}

@Resolver(() => LicenseIntegrity)
export class LicenseIntegrityResolver {
  @Authorized(ANYONE)
  @CheckedArguments({ signature: text(1, 65_536) })
  @Misuse(ask.tamperingIn)
  @Query(() => LicenseIntegrity, {
    nullable: true,
    description:
      'Compares what is stored of a license with its seal, and a certificate with what this server signed. Needs no token: the key is the proof.',
  })
  async checkLicenseIntegrity(
    @Arg('licenseKey', () => String, { description: 'The key, in any case, with or without dashes.' })
    licenseKey: string,
    @Arg('signature', () => String, { nullable: true, description: "The license's `certificate`." })
    signature: string | null,
    @Ctx() ctx: Context,
  ): Promise<ask.LicenseIntegrity> {
    return ask.checkIntegrity(await ctx.reading(), { licenseKey, signature }, ctx.verify);
  }

  @FieldResolver(() => Boolean, {
    description: 'Whether the row is as it was sealed and the signature, if one was given, VALID.',
  })
  integrityCheck(@Root() integrity: ask.LicenseIntegrity): boolean {
    return ask.isIntact(integrity);
  }

  @FieldResolver(() => Boolean, {
    description: 'Whether the row was altered behind the back of the server, or the signature is INVALID.',
  })
  tamperingDetected(@Root() integrity: ask.LicenseIntegrity): boolean {
    return ask.isTampered(integrity);
  }

  @FieldResolver(() => CertificateStatusEnum, {
    nullable: true,
    description: 'What the given signature is worth; null if none was given.',
  })
  certificateStatus(@Root() { certificate }: ask.LicenseIntegrity): CertificateStatus | null {
    return certificate?.status ?? null;
  }

  @Authorized('license.read_integrity')
  @FieldResolver(() => [String], {
    description:
      'The columns of the row that are not as they were sealed; `seal` if it is missing or cannot tell which.',
  })
  altered(@Root() { altered }: ask.LicenseIntegrity): readonly string[] {
    return altered;
  }

  @Authorized('license.read_integrity')
  @FieldResolver(() => [String], {
    description: 'What acts have changed of the license since the given signature.',
  })
  outdated(@Root() { certificate }: ask.LicenseIntegrity): readonly string[] {
    return certificate?.outdated ?? [];
  }
}
