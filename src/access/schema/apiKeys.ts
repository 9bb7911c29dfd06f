import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { ApiKeyId, CustomerId, ResellerId } from '../../core/id.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import { type SortDirection, SortDirectionEnum } from '../../graph/sort.js';
import { API_KEY_LIMIT, type ApiKeyStatus, PERMISSION_LIMIT, ROLE_LIMIT } from '../model/apiKeys.js';
import type { ApiKeySortField } from '../queries/apiKeys.js';

export const ApiKeyStatusEnum = enumOf<ApiKeyStatus>('ApiKeyStatus', 'Whether an API key opens anything.', {
  ACTIVE: 'Is taken.',
  EXPIRED: 'Is over.',
  REVOKED: 'Was revoked, for good.',
});

export const ApiKeySortFieldEnum = enumOf<ApiKeySortField>(
  'ApiKeySortField',
  'What API keys are ordered by.',
  {
    CREATED_AT: 'When the key was made.',
    LAST_USED_AT: 'When it was last used; keys that nobody used yet are the oldest.',
    NAME: 'What it is called.',
  },
);

@ObjectType({
  description:
    'A long-lived secret of a program, sent as `Authorization: Bearer lgk_…`. The secret itself is kept nowhere.',
  simpleResolvers: true,
})
export class ApiKey {
  @Field(() => ID, { description: "The key's id." })
  declare readonly id: ApiKeyId;

  @Field(() => String, { description: 'What it is called.' })
  declare readonly name: string;

  @Field(() => String, { description: 'The last four characters of the secret, to tell keys apart.' })
  declare readonly keyHint: string;

  @Field(() => [String], { description: 'The roles that it was made with.' })
  declare readonly roles: readonly string[];

  @Field(() => [String], { description: 'The single permissions that it was made with.' })
  declare readonly permissions: readonly string[];

  @Field(() => String, {
    description: 'Who made it: a subject of tokens, or `api_key:` and the id of a key.',
  })
  declare readonly createdBy: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it ends; null if it does not.' })
  declare readonly expiresAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked.' })
  declare readonly revokedAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was last used, to about a minute; null if nobody used it yet.',
  })
  declare readonly lastUsedAt: Instant | null;
}

export const { Connection: ApiKeyConnection, ConnectionResolver: ApiKeyConnectionResolver } = connectionOf(
  () => ApiKey,
  'ApiKey',
  'API keys',
);

@InputType({ description: 'Which API keys to list.' })
export class ApiKeyFilter {
  @Field(() => ApiKeyStatusEnum, { nullable: true, description: 'Only those of this status.' })
  declare readonly status?: ApiKeyStatus | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that are bound to this customer.' })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that are bound to this reseller.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those that this subject made.' })
  declare readonly createdBy?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those whose name contains this text.' })
  declare readonly search?: string | null;
}

@InputType({ description: 'The order of a list of API keys.' })
export class ApiKeySort {
  @Field(() => ApiKeySortFieldEnum, { description: 'What to order by.' })
  declare readonly field: ApiKeySortField;

  @Field(() => SortDirectionEnum, { defaultValue: 'ASC', description: 'Which end comes first.' })
  declare readonly direction: SortDirection;
}

@InputType({
  description: `A new API key. It may do no more than its maker may, and names at least one role or permission. A tenant has at most ${API_KEY_LIMIT} that are neither revoked nor over.`,
})
export class CreateApiKeyInput {
  @Checked(text(1, 255))
  @Field(() => String, { description: 'What it is called: which program uses it, and where.' })
  declare readonly name: string;

  @Checked(listOf(ROLE_LIMIT))
  @Field(() => [String], {
    nullable: true,
    description:
      'Its roles, of those that tokens carry. What a role lets its holder do is looked up when the key is used.',
  })
  declare readonly roles?: readonly string[] | null;

  @Checked(listOf(PERMISSION_LIMIT))
  @Field(() => [String], { nullable: true, description: 'Single permissions, beside its roles.' })
  declare readonly permissions?: readonly string[] | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description:
      "Binds it to a customer's part of the tenant. A maker who is bound to one makes keys of that one.",
  })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'Binds it to what a reseller sold. A maker who is bound to one makes keys of that one.',
  })
  declare readonly resellerId?: ResellerId | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'When it ends; it does not if left out. A key that was made by a key ends no later than that one does.',
  })
  declare readonly expiresAt?: Instant | null;
}

@InputType({ description: 'Which API key to revoke.' })
export class RevokeApiKeyInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The key to revoke.' })
  declare readonly apiKeyId: ApiKeyId;
}

@ObjectType({ description: 'The answer of `createApiKey`.', simpleResolvers: true })
export class CreateApiKeyPayload {
  @Field(() => ApiKey, { description: 'The new key.' })
  declare readonly apiKey: ApiKey;

  @Field(() => String, {
    description: 'The secret, `lgk_` and 43 characters. It is shown here and never again.',
  })
  declare readonly secret: string;
}

@ObjectType({ description: 'The answer of `revokeApiKey`.', simpleResolvers: true })
export class RevokeApiKeyPayload {
  @Field(() => ApiKey, { description: 'The key after the act.' })
  declare readonly apiKey: ApiKey;
}
