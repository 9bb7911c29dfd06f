import {
  type ArgumentNode,
  BREAK,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { marksOf } from '../../sdk/directive/marks.js';
import type { OperationDocument } from '../../sdk/directive/needs.js';

function holdsVariable(node: ArgumentNode): boolean {
  let found = false;
  visit(node, {
    Variable: () => {
      found = true;
      return BREAK;
    },
  });
  return found;
}

/** Whether a variable decides what runs, how long a page is, or how many units a field takes. */
function variablesDecide(document: DocumentNode, schema: GraphQLSchema): boolean {
  const types = new TypeInfo(schema);
  let found = false;
  const look = (args: readonly ArgumentNode[] | undefined, decides: (name: string) => boolean): void => {
    found ||= (args ?? []).some((argument) => decides(argument.name.value) && holdsVariable(argument));
  };
  visit(
    document,
    visitWithTypeInfo(types, {
      Directive: (node) => look(node.arguments, () => true),
      Field: (node) => {
        const field = types.getFieldDef();
        const isCounted = field ? marksOf(field).some(({ amountFrom }) => amountFrom !== undefined) : true;
        look(node.arguments, (name) => isCounted || name === 'first');
      },
    }),
  );
  return found;
}

const fixed = new WeakMap<DocumentNode, boolean>();

/** Whether an operation of this document is the same whatever its variables hold, as long as they fit their types. */
export function isFixed({ document, schema }: OperationDocument): boolean {
  const known = fixed.get(document);
  if (known !== undefined) return known;
  const found = !variablesDecide(document, schema);
  fixed.set(document, found);
  return found;
}

/** What is found out of an operation by its document alone is found out once. */
export function oncePerDocument<Result>(
  find: (asked: OperationDocument) => Result,
): (asked: OperationDocument) => Result {
  const known = new WeakMap<OperationDefinitionNode, { readonly result: Result }>();
  return (asked) => {
    const before = known.get(asked.operation);
    if (before !== undefined) return before.result;
    const result = find(asked);
    if (isFixed(asked)) known.set(asked.operation, { result });
    return result;
  };
}
