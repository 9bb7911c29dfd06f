import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { ANYONE, Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import { Edge } from '../../graph/edge.js';
import { Misuse } from '../../graph/misuse.js';
import { licensesById } from '../../licenses/queries.js';
import { License } from '../../licenses/schema/types.js';
import { activationsById } from '../queries.js';
import * as shapes from '../schema/validation.js';
import { Activation } from '../schema.js';
import { signedAnswer } from '../service/signedAnswer.js';
import { retireEarlierTokens } from '../service/tokens.js';
import * as ask from '../service/validate.js';

const licenseEdge = {
  permission: 'license.read',
  nullable: true,
  answersAbsence: true,
  description: 'The license, if the caller may see it.',
};

@Edge(
  'license',
  () => License,
  licensesById,
  (answer: ask.Validation) => answer.license?.id ?? null,
  licenseEdge,
)
@Edge(
  'activation',
  () => Activation,
  activationsById,
  (answer: ask.Validation) => answer.activation?.id ?? null,
  {
    permission: 'activation.read_shown',
    nullable: true,
    answersAbsence: true,
    description: 'The activation of the device or token, if there is one.',
  },
)
@Resolver(() => shapes.LicenseValidation)
export class ValidationEdges {}

@Resolver()
export class ValidationQueries {
  @Authorized(ANYONE)
  @Misuse(ask.misuseOf)
  @CheckedArguments(shapes.validationChecks)
  @Query(() => shapes.LicenseValidation, {
    description:
      'Says whether a license key may be used, and if not, every reason. Needs no token: the key is the proof.',
  })
  async validateLicenseKey(
    @Args(() => shapes.ValidateLicenseKeyArgs) question: shapes.ValidateLicenseKeyArgs,
    @Ctx() ctx: Context,
  ): Promise<ask.Answer> {
    const reading = await ctx.reading();
    const validation = await ask.validateLicenseKey(reading, question);
    ask.takeDownLook(ctx, validation);
    return signedAnswer(reading, question, validation, ctx.sign);
  }

  @Authorized(ANYONE)
  @Misuse(ask.misuseOf)
  @CheckedArguments(shapes.validationChecks)
  @Query(() => shapes.LicenseValidation, {
    description:
      'Says whether an activation may go on, and if not, every reason. Needs no token but the activation’s.',
  })
  async validateActivation(
    @Args(() => shapes.ValidateActivationArgs) question: shapes.ValidateActivationArgs,
    @Ctx() ctx: Context,
  ): Promise<ask.Answer> {
    const reading = await ctx.reading();
    const validation = await ask.validateActivation(reading, question);
    const { license, endsOthers } = validation;
    ask.takeDownLook(ctx, validation);
    if (endsOthers && license !== null)
      ctx.afterAnswer((work) => retireEarlierTokens(work, license.id, question.activationToken));
    return signedAnswer(reading, question, validation, ctx.sign);
  }
}
