import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { integer, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { DateTime } from '../../graph/scalars.js';
import { Activation } from '../schema.js';

const token = text(1, 200);

@InputType({ description: 'A floating seat that is taken along, for hours without a connection.' })
export class BorrowLeaseInput {
  @Checked(token)
  @Field(() => String, { description: 'The token that activation answered.' })
  declare readonly activationToken: string;

  @Checked(integer(1, 8784))
  @Field(() => Int, {
    description: 'For how many hours, counted from now; it ends with the license at the latest.',
  })
  declare readonly hours: number;
}

@InputType({ description: 'A floating seat that is given up, named by the activation or by its token.' })
export class ReleaseLeaseInput {
  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'The activation; needs the permission activation.deactivate.',
  })
  declare readonly activationId?: string | null;

  @Checked(token)
  @Field(() => String, { nullable: true, description: "The activation's own token." })
  declare readonly activationToken?: string | null;
}

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `borrowLease`.')
export class BorrowLeasePayload {
  @Field(() => Activation, { description: 'The activation, with the end of its loan.' })
  declare readonly activation: Activation;
}

@payload('The answer of `releaseLease`.')
export class ReleaseLeasePayload {
  @Field(() => Activation, { description: 'The activation, without a seat.' })
  declare readonly activation: Activation;
}

@payload('How many devices of a license may be given up in the year that runs, counted from its issue date.')
export class DeactivationAllowance {
  @Field(() => Int, { description: 'How many may be.' })
  declare readonly limit: number;

  @Field(() => Int, { description: 'How many were.' })
  declare readonly used: number;

  @Field(() => Int, { description: 'How many still may be.' })
  declare readonly left: number;

  @Field(() => DateTime, { description: 'When the next year begins.' })
  declare readonly renewsAt: Instant;
}
