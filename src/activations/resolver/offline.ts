import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import { QR_CHARACTERS, qrCode } from '../../core/qrCode.js';
import type { Work } from '../../core/work.js';
import { ANYONE, Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { armored } from '../../sdk/offline/documents.js';
import * as shapes from '../schema/offline.js';
import { activateOffline } from '../service/activateOffline.js';
import { checkoutLicenseFile } from '../service/checkoutLicenseFile.js';
import { createOfflineRequest } from '../service/offlineRequest.js';
import { signOfflineActivation } from '../service/signOfflineActivation.js';

const fileNames = {
  request: 'license-request.txt',
  response: 'license-response.txt',
  licenseFile: 'license.lic',
} as const;

@Resolver(() => shapes.OfflineDocument)
export class OfflineDocumentFields {
  @FieldResolver(() => String, { description: 'The text of the file, for mail and paper too.' })
  text(@Root() { kind, code }: shapes.OfflineDocument): string {
    return armored(kind, code);
  }

  @FieldResolver(() => String, { description: 'A name for the file.' })
  fileName(@Root() { kind }: shapes.OfflineDocument): string {
    return fileNames[kind];
  }

  @FieldResolver(() => String, { description: 'Its media type.' })
  mediaType(): string {
    return 'text/plain; charset=us-ascii';
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'The code as a QR code in SVG; null if it is too long for one.',
  })
  qrCode(@Root() { code }: shapes.OfflineDocument): string | null {
    return qrCode(code) ?? null;
  }

  @FieldResolver(() => String, { nullable: true, description: 'Why there is no QR code.' })
  qrCodeProblem(@Root() { code }: shapes.OfflineDocument): string | null {
    if (code.length <= QR_CHARACTERS) return null;
    return `It has ${code.length} characters, and a QR code that cameras read holds ${QR_CHARACTERS}: take the file.`;
  }
}

@Resolver()
export class OfflineMutations {
  @Authorized(ANYONE)
  @Mutation(() => shapes.CreateOfflineRequestPayload, {
    nullable: true,
    description:
      'Makes the request of a device that cannot connect, as its application makes it by itself. Needs no token: the key is the proof.',
  })
  createOfflineRequest(
    @Arg('input', () => shapes.CreateOfflineRequestInput, { description: 'The key and the device.' })
    input: shapes.CreateOfflineRequestInput,
    @CurrentWork() work: Work,
    @Ctx() ctx: Context,
  ) {
    return createOfflineRequest(work, input, ctx.seals);
  }

  @Authorized('activation.sign_offline')
  @Mutation(() => shapes.SignOfflineActivationPayload, {
    nullable: true,
    description:
      'Answers the request of a device that cannot connect, and keeps a seat for it. The same request again gets the same answer and no second seat.',
  })
  signOfflineActivation(
    @Arg('input', () => shapes.SignOfflineActivationInput, { description: 'The request.' })
    input: shapes.SignOfflineActivationInput,
    @CurrentWork() work: Work,
    @Ctx() ctx: Context,
  ) {
    return signOfflineActivation(work, input, ctx.seals);
  }

  @Authorized(ANYONE)
  @Mutation(() => shapes.ActivateOfflinePayload, {
    nullable: true,
    description:
      "Registers what was signed for a device: its seat is the device's for good. Works once. Needs no token: the codes are the proof.",
  })
  activateOffline(
    @Arg('input', () => shapes.ActivateOfflineInput, { description: 'Both codes.' })
    input: shapes.ActivateOfflineInput,
    @CurrentWork() work: Work,
    @Ctx() ctx: Context,
  ) {
    return activateOffline(work, input, ctx.seals);
  }

  @Authorized(ANYONE)
  @Mutation(() => shapes.CheckoutLicenseFilePayload, {
    nullable: true,
    description:
      'Takes a license out as a signed file, which a device that holds a seat goes by without a connection. Needs no token where the key, a token or a request is shown.',
  })
  checkoutLicenseFile(
    @Arg('input', () => shapes.CheckoutLicenseFileInput, { description: 'Which license, for which device.' })
    input: shapes.CheckoutLicenseFileInput,
    @CurrentWork() work: Work,
    @Ctx() ctx: Context,
  ) {
    return checkoutLicenseFile(work, input, ctx.seals);
  }
}
