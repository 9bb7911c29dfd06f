import { Field, ID, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import type { LicenseStatus } from '../../licenses/model.js';
import { LicenseStatusEnum } from '../../licenses/schema/types.js';

@ObjectType({
  description: 'A license that would have granted a feature, were it not for its status.',
  simpleResolvers: true,
})
export class LapsedLicense {
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: string;

  @Field(() => LicenseStatusEnum, { description: 'How it stands.' })
  declare readonly status: LicenseStatus;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it ended, its grace included; null if it has no end.',
  })
  declare readonly endedAt: Instant | null;
}

@ObjectType({ description: 'A template on sale that includes a feature.', simpleResolvers: true })
export class UpgradeHint {
  @Field(() => ID, { description: 'The template.' })
  declare readonly templateId: string;

  @Field(() => String, { description: 'What it is called.' })
  declare readonly templateName: string;
}

@ObjectType({
  description: 'What would make a refusal pass, as far as the licensee may see it.',
  simpleResolvers: true,
})
export class RefusalHints {
  @Field(() => LapsedLicense, {
    nullable: true,
    description:
      'Of the licenses of the licensee that would have granted the feature, the one that lapsed last.',
  })
  declare readonly lapsedLicense: LapsedLicense | null;

  @Field(() => [UpgradeHint], {
    description:
      'Templates on sale that include the feature, after a used quota with more units; at most three.',
  })
  declare readonly upgrades: readonly UpgradeHint[];
}
