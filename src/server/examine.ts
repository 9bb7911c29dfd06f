import { type GraphQLSchema, getOperationAST } from 'graphql';
import type { AskedOperation, Examined } from '../graph/context.js';
import { type MayRun, needsOf } from '../sdk/directive/needs.js';
import { documentOf, variableProblems } from './document.js';

/** Parses and validates an operation as the doors do, and takes down what it needs; nothing of it runs. */
export function examine(schema: GraphQLSchema, asked: AskedOperation, mayRun: MayRun): Examined {
  const rules = { schema, introspection: false, suggestions: false };
  const document = documentOf(rules, { query: asked.document });
  if (!('kind' in document)) return { problems: document.map(({ message }) => message) };
  const operation = getOperationAST(document, asked.operationName);
  if (!operation) return { problems: ['The document has no such operation, or several and none is named.'] };
  const variables = asked.variables ?? {};
  const unfit = variableProblems(rules, operation, variables);
  if (unfit.length > 0) return { problems: unfit.map(({ message }) => message) };
  return { needs: needsOf({ schema, document, operation, variables }, mayRun) };
}
