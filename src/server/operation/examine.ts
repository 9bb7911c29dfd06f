import { type GraphQLSchema, getOperationAST } from 'graphql';
import type { Actor } from '../../core/actor.js';
import { Refusal } from '../../core/refusal.js';
import type { AskedOperation, Examined } from '../../graph/context.js';
import { needsOf } from '../../sdk/directive/needs.js';
import { requireAffordable } from '../limits/cost.js';
import { documentOf, variableProblems } from '../limits/document.js';
import { mayRun } from './rootActs.js';

export interface Examiner {
  readonly actor: Actor;
  /** Whether the schema may be asked about. */
  readonly introspection: boolean;
}

function examined(schema: GraphQLSchema, asked: AskedOperation, examiner: Examiner): Examined {
  const rules = { schema, introspection: examiner.introspection, suggestions: false };
  const document = documentOf(rules, { query: asked.document });
  if (!('kind' in document)) return { problems: document.map(({ message }) => message) };
  const operation = getOperationAST(document, asked.operationName);
  if (!operation) return { problems: ['The document has no such operation, or several and none is named.'] };
  const variables = asked.variables ?? {};
  const unfit = variableProblems(rules, operation, variables);
  if (unfit.length > 0) return { problems: unfit.map(({ message }) => message) };
  const whole = { schema, document, operation, variables };
  requireAffordable(whole, examiner.actor);
  return { needs: needsOf(whole, mayRun(examiner.actor)) };
}

/** Parses, validates and weighs an operation as the doors do, and takes down what it needs; nothing of it runs. */
export function examine(schema: GraphQLSchema, asked: AskedOperation, examiner: Examiner): Examined {
  try {
    return examined(schema, asked, examiner);
  } catch (error) {
    // What a door would refuse is what was asked about.
    if (!(error instanceof Refusal)) throw error;
    return { problems: [error.message] };
  }
}
