import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type { RefusalCode } from '../../core/refusal.js';
import { checkSource, withinLimits } from './limits.js';
import { plainStreams } from './plainStreams.js';

/** What documents may say, the same at every door. */
export interface DocumentRules {
  readonly schema: GraphQLSchema;
  /** Whether the schema may be asked about. */
  readonly introspection: boolean;
  /** Whether errors say which name may have been meant. */
  readonly suggestions: boolean;
}

/** Each error quotes the document, and each unknown name is compared with all that there are: a hundred took 50 ms. */
const ERROR_LIMIT = 10;

/** What our doors ask of a document beyond GraphQL's own rules. */
export function furtherRules({ introspection }: DocumentRules): ValidationRule[] {
  const always = [withinLimits, plainStreams];
  return introspection ? always : [...always, NoSchemaIntrospectionCustomRule];
}

export function validationOptions({ suggestions }: DocumentRules) {
  return { maxErrors: ERROR_LIMIT, hideSuggestions: !suggestions };
}

export const executionOptions = { maxCoercionErrors: ERROR_LIMIT } as const;

function withCode(error: GraphQLError, code: RefusalCode): GraphQLError {
  if (error.originalError !== undefined) return error;
  const { message, nodes = null, source = null, positions = null } = error;
  return new GraphQLError(message, { nodes, source, positions, extensions: { code } });
}

/** What a socket asks for, parsed and validated; or why not, which ends that operation and not the socket. */
export function documentOf(
  rules: DocumentRules,
  { query }: SubscribePayload,
): DocumentNode | readonly GraphQLError[] {
  let document: DocumentNode;
  try {
    checkSource(query);
    document = parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return [withCode(error, 'GRAPHQL_PARSE_FAILED')];
  }
  const errors = validate(
    rules.schema,
    document,
    [...specifiedRules, ...furtherRules(rules)],
    validationOptions(rules),
  );
  return errors.length === 0 ? document : errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
}

/** Names the variables that do not fit, and never their values: a license key may be among them. */
export function variableProblems(
  { schema }: DocumentRules,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  const { errors = [] } = getVariableValues(schema, variableDefinitions, variables, {
    maxErrors: ERROR_LIMIT,
    hideSuggestions: true,
  });
  const names = new Set(errors.flatMap((error) => /^Variable "\$(\w+)"/.exec(error.message)?.[1] ?? []));
  return [...names].map((name) => refusal('BAD_USER_INPUT', `Variable "$${name}" does not fit its type.`));
}

export function refusal(code: RefusalCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}
