import { getOperationAST, OperationTypeNode } from 'graphql';
import type { DocumentRules } from '../limits/document.js';
import { type Documents, isRecord } from '../limits/documents.js';
import type { KnownDocuments } from '../limits/knownDocuments.js';
import type { HttpOperation } from './httpOperation.js';

interface Doors {
  readonly rules: DocumentRules;
  readonly documents: Documents;
  readonly known: KnownDocuments;
}

/** What a request asks, as Apollo would read it. */
interface Plain {
  readonly text: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

function plainIn(body: unknown, documents: Documents): Plain | undefined {
  if (!isRecord(body)) return undefined;
  const { operationName = null, variables, extensions } = body;
  const isNamed = operationName === null || typeof operationName === 'string';
  if (!isNamed || !isRecord(variables ?? {}) || !isRecord(extensions ?? {})) return undefined;
  const text = documents.find(body);
  return text === undefined
    ? undefined
    : { text, operationName, variables: isRecord(variables) ? variables : {} };
}

/**
 * Runs what nothing is unusual about: a document that was parsed and validated before, in an operation that is refused
 * nothing and fails nowhere. Of all else it answers nothing, and Apollo answers it: with the same operation, so that nothing
 * runs twice, and every error is Apollo's and graphql-js's to the byte. What Apollo does around an execution takes several
 * times as long as a small one.
 */
export async function answerKnown(
  { rules: { schema }, documents, known }: Doors,
  body: unknown,
  context: HttpOperation,
): Promise<string | undefined> {
  try {
    const asked = plainIn(body, documents);
    const document = asked && known.find(asked.text);
    const operation = document && getOperationAST(document, asked?.operationName);
    if (!asked || !document || !operation || operation.operation === OperationTypeNode.SUBSCRIPTION)
      return undefined;
    const { operationName, variables } = asked;
    await context.begin({ schema, document, operation, variables });
    const { data, errors } = await context.execute({ schema, document, operationName, variables });
    if (errors !== undefined) return undefined;
    await context.finish();
    return `${JSON.stringify({ data, extensions: context.features.extensions })}\n`;
  } catch {
    // Whatever it was comes up again, where it is formatted and logged.
    return undefined;
  }
}
