import { Arg, Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge } from '../../graph/edge.js';
import { type ApiKeyStatus, apiKeyStatus, permissionsOfKey } from '../model/apiKeys.js';
import { apiKeysPage } from '../queries/apiKeys.js';
import { customersById, resellersById } from '../queries.js';
import {
  ApiKey,
  ApiKeyConnection,
  ApiKeyFilter,
  ApiKeySort,
  ApiKeyStatusEnum,
  CreateApiKeyInput,
  CreateApiKeyPayload,
  RevokeApiKeyInput,
  RevokeApiKeyPayload,
} from '../schema/apiKeys.js';
import { Customer, Reseller } from '../schema.js';
import { createApiKey, revokeApiKey } from '../service/apiKeys.js';
import type { ApiKey as ApiKeyRow } from '../table.js';

@Edge(
  'customer',
  () => Customer,
  customersById,
  (key: ApiKeyRow) => key.customerId,
  {
    permission: 'customer.read',
    nullable: true,
    description: 'The customer whose part of the tenant it sees, if it is bound to one.',
  },
)
@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (key: ApiKeyRow) => key.resellerId,
  {
    permission: 'reseller.read',
    nullable: true,
    description: 'The reseller whose sales it sees, if it is bound to one.',
  },
)
@Resolver(() => ApiKey)
export class ApiKeyEdges {
  @FieldResolver(() => ApiKeyStatusEnum, { description: 'Whether it opens anything at this moment.' })
  status(@Root() key: ApiKeyRow, @Ctx() ctx: Context): ApiKeyStatus {
    return apiKeyStatus(key, ctx.now);
  }

  @FieldResolver(() => [String], {
    description: 'What it may do today, by its roles and by itself, in alphabetical order.',
  })
  grants(@Root() key: ApiKeyRow): string[] {
    return [...permissionsOfKey(key)].toSorted();
  }
}

@Resolver()
export class ApiKeyResolver {
  @Authorized('api_key.read')
  @CheckedArguments(pageChecks)
  @Query(() => ApiKeyConnection, { description: 'API keys, the newest first unless sorted otherwise.' })
  async apiKeys(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => ApiKeyFilter, { nullable: true, description: 'Which ones.' })
    filter: ApiKeyFilter | null,
    @Arg('sort', () => ApiKeySort, { nullable: true, description: 'In which order.' })
    sort: ApiKeySort | null,
    @Ctx() ctx: Context,
  ): Promise<Page<ApiKeyRow>> {
    return apiKeysPage(await ctx.reading(), filter ?? {}, sort, page);
  }

  @Authorized('api_key.create')
  @Mutation(() => CreateApiKeyPayload, {
    nullable: true,
    description: 'Makes an API key, and shows its secret this once.',
  })
  async createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'The key.' }) input: CreateApiKeyInput,
    @CurrentWork() work: Work,
  ): Promise<CreateApiKeyPayload> {
    return createApiKey(work, input);
  }

  @Authorized('api_key.revoke')
  @Mutation(() => RevokeApiKeyPayload, {
    nullable: true,
    description:
      'Revokes an API key, for good: requests with it are refused from here on, and what it holds open is closed on every server. Keys that it made stay; `apiKeys(filter: { createdBy: "api_key:<id>" })` lists them. Doing it twice is the same as doing it once.',
  })
  async revokeApiKey(
    @Arg('input', () => RevokeApiKeyInput, { description: 'Which one.' }) input: RevokeApiKeyInput,
    @CurrentWork() work: Work,
  ): Promise<RevokeApiKeyPayload> {
    return { apiKey: await revokeApiKey(work, input) };
  }
}
