import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type { RefusalCode } from '../core/refusal.js';
import { requireNarrow, requireUnfoldable, TOKEN_LIMIT } from './bounds.js';

/** What a socket asks for, parsed and validated; or why not, which ends that operation and not the socket. */
export function documentOf(
  schema: GraphQLSchema,
  { query }: SubscribePayload,
): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(query, { maxTokens: TOKEN_LIMIT });
    requireUnfoldable(document);
    const errors = validate(schema, document, specifiedRules);
    const extensions = { code: 'GRAPHQL_VALIDATION_FAILED' };
    return errors.length === 0
      ? document
      : errors.map(({ message, nodes }) => new GraphQLError(message, { nodes: nodes ?? null, extensions }));
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions.code !== undefined) return [error];
    const message = error instanceof GraphQLError ? error.message : 'The document is not GraphQL.';
    return [new GraphQLError(message, { extensions: { code: 'GRAPHQL_PARSE_FAILED' } })];
  }
}

/** Names the variables that do not fit, and never their values: a license key may be among them. */
export function variableProblems(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  try {
    requireNarrow(variables);
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
  const { errors = [] } = getVariableValues(schema, variableDefinitions, variables);
  const names = new Set(errors.map((error) => /^Variable "\$(\w+)"/.exec(error.message)?.[1] ?? ''));
  return [...names].map((name) => refusal('BAD_USER_INPUT', `Variable "$${name}" does not fit its type.`));
}

export function refusal(code: RefusalCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
