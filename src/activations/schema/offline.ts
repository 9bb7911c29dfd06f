import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { code, integer, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { DateTime } from '../../graph/scalars.js';
import { License } from '../../licenses/schema/types.js';
import { DOCUMENT_CHARACTERS } from '../../sdk/offline/documents.js';
import { Activation } from '../schema.js';

@ObjectType({ description: 'A document that is carried by hand, in each form in which it can be.' })
export class OfflineDocument {
  declare readonly kind: 'request' | 'response' | 'licenseFile';
  declare readonly code: string;
}

const requestCode = text(1, 20_000);
const responseCode = text(1, DOCUMENT_CHARACTERS);

@InputType({ description: 'A device that cannot connect, described by somebody who can.' })
export class CreateOfflineRequestInput {
  @Checked(text(1, 100))
  @Field(() => String, { description: 'The license key, in any case, with or without dashes.' })
  declare readonly licenseKey: string;

  @Checked(text(1, 1024))
  @Field(() => String, { description: 'What tells the device from others, as the application takes it.' })
  declare readonly deviceFingerprint: string;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Who sits at the device.' })
  declare readonly user?: string | null;

  @Checked(integer(1, 100_000))
  @Field(() => Int, { nullable: true, description: 'Processors or cores of the device.' })
  declare readonly units?: number | null;

  @Checked(code)
  @Field(() => ID, { nullable: true, description: 'The product that asks.' })
  declare readonly productId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: "The machine's name." })
  declare readonly machineName?: string | null;

  @Checked(text(1, 1024))
  @Field(() => String, { nullable: true, description: 'The hardware id.' })
  declare readonly hardwareId?: string | null;

  @Checked(text(12, 17))
  @Field(() => String, { nullable: true, description: 'The MAC address.' })
  declare readonly macAddress?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'The operating system.' })
  declare readonly operatingSystem?: string | null;

  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: "The application's version." })
  declare readonly applicationVersion?: string | null;

  @Checked(text(1, 253))
  @Field(() => String, { nullable: true, description: 'The domain that the device is on.' })
  declare readonly domain?: string | null;

  @Checked(text(2, 2))
  @Field(() => String, {
    nullable: true,
    description: 'The country that it is in, as an ISO 3166 code: US.',
  })
  declare readonly country?: string | null;

  @Checked(text(1, 64))
  @Field(() => String, { nullable: true, description: 'The IANA time zone that it is set to.' })
  declare readonly timezone?: string | null;
}

@InputType({ description: 'A request code that is to be answered.' })
export class SignOfflineActivationInput {
  @Checked(requestCode)
  @Field(() => String, {
    description: 'The request code, as a file, a QR code or a mail gave it: lines and spaces do not matter.',
  })
  declare readonly requestCode: string;
}

@InputType({ description: 'A request and its response, to be registered.' })
export class ActivateOfflineInput {
  @Checked(requestCode)
  @Field(() => String, { description: 'The request code of the device.' })
  declare readonly requestCode: string;

  @Checked(responseCode)
  @Field(() => String, { description: 'The response code that `signOfflineActivation` answered to it.' })
  declare readonly responseCode: string;
}

@InputType({
  description:
    'A license that is to be taken out as a file: named, or shown by its key, a token or a request.',
})
export class CheckoutLicenseFileInput {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'The license; needs the permission license.checkout.' })
  declare readonly licenseId?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'The license key.' })
  declare readonly licenseKey?: string | null;

  @Checked(text(1, 200))
  @Field(() => String, { nullable: true, description: 'The token of the activation that holds the seat.' })
  declare readonly activationToken?: string | null;

  @Checked(requestCode)
  @Field(() => String, {
    nullable: true,
    description: 'The request code of the device, which holds its license key and facts.',
  })
  declare readonly requestCode?: string | null;

  @Checked(text(1, 1024))
  @Field(() => String, {
    nullable: true,
    description: 'The device that the file is for; needed where devices or people are counted.',
  })
  declare readonly deviceFingerprint?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Who sits at the device.' })
  declare readonly user?: string | null;

  @Checked(text(1, 1024))
  @Field(() => String, { nullable: true, description: 'Its hardware id, where the license asks for it.' })
  declare readonly hardwareId?: string | null;

  @Checked(text(12, 17))
  @Field(() => String, { nullable: true, description: 'Its MAC address, where the license asks for it.' })
  declare readonly macAddress?: string | null;

  @Checked(text(1, 253))
  @Field(() => String, { nullable: true, description: 'The domain that it is on.' })
  declare readonly domain?: string | null;

  @Checked(text(2, 2))
  @Field(() => String, { nullable: true, description: 'The country that it is in: US.' })
  declare readonly country?: string | null;

  @Checked(integer(1, 366))
  @Field(() => Int, {
    nullable: true,
    description: 'For how many days; the server, the license and the seat may set an earlier end.',
  })
  declare readonly validDays?: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the file is encrypted to the license key, which whoever reads it then needs.',
  })
  declare readonly encrypted?: boolean | null;
}

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `createOfflineRequest`.')
export class CreateOfflineRequestPayload {
  @Field(() => String, { description: 'What is to be signed; encrypted, nobody who carries it reads it.' })
  declare readonly requestCode: string;

  @Field(() => String, { description: 'What to do with it, in steps.' })
  declare readonly instructions: string;

  @Field(() => OfflineDocument, { description: 'The same to be carried as a file or a QR code.' })
  declare readonly request: OfflineDocument;
}

@payload('The answer of `signOfflineActivation`.')
export class SignOfflineActivationPayload {
  @Field(() => String, { description: 'What the device checks without a connection; bound to it alone.' })
  declare readonly responseCode: string;

  @Field(() => DateTime, { description: 'Until when it holds, and the seat is kept if nobody registers it.' })
  declare readonly expiresAt: Instant;

  @Field(() => Activation, { description: 'The seat that is kept for the device.' })
  declare readonly activation: Activation;

  @Field(() => License, { description: 'The license in use.' })
  declare readonly license: License;

  @Field(() => OfflineDocument, { description: 'The response to be carried as a file or a QR code.' })
  declare readonly response: OfflineDocument;
}

@payload('The answer of `activateOffline`.')
export class ActivateOfflinePayload {
  @Field(() => String, { description: 'The full token. It is shown this once; the server keeps its hash.' })
  declare readonly activationToken: string;

  @Field(() => Activation, { description: 'The activation, registered.' })
  declare readonly activation: Activation;

  @Field(() => License, { description: 'The license in use.' })
  declare readonly license: License;
}

@payload('The answer of `checkoutLicenseFile`.')
export class CheckoutLicenseFilePayload {
  @Field(() => String, { description: "The file's text." })
  declare readonly licenseFile: string;

  @Field(() => DateTime, { description: 'Until when it holds.' })
  declare readonly expiresAt: Instant;

  @Field(() => License, { description: 'The license in it.' })
  declare readonly license: License;

  @Field(() => Activation, {
    nullable: true,
    description: 'The activation in it; null for a license whose devices are not counted.',
  })
  declare readonly activation: Activation | null;

  @Field(() => OfflineDocument, { description: 'The file to be carried as such or as a QR code.' })
  declare readonly file: OfflineDocument;
}
