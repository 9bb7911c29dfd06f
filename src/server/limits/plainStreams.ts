import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

function isConditional({ directives = [] }: SelectionNode): boolean {
  return directives.some(({ name }) => name.value === 'skip' || name.value === 'include');
}

/** The selections at the root of an operation that a condition stands on, fragments opened. */
function conditionalRoots({ definitions }: DocumentNode, root: SelectionSetNode): SelectionNode[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  const found: SelectionNode[] = [];
  const opened = new Set<SelectionSetNode>();
  const open = (set: SelectionSetNode | undefined): void => {
    if (set === undefined || opened.has(set)) return;
    opened.add(set);
    for (const selection of set.selections) {
      if (isConditional(selection)) found.push(selection);
      if (selection.kind === Kind.INLINE_FRAGMENT) open(selection.selectionSet);
      if (selection.kind === Kind.FRAGMENT_SPREAD) open(fragments.get(selection.name.value)?.selectionSet);
    }
  };
  open(root);
  return found;
}

/**
 * A subscription follows exactly one field, which no condition takes away (GraphQL, section 5.2.4.1 of the draft that
 * follows October 2021). graphql-js counts the fields without the variables, and throws out of the validator when a
 * condition is one: so this rule speaks first, and the others see nothing of such a document.
 */
export function plainStreams(context: ValidationContext): ASTVisitor {
  return {
    Document: (document) => {
      const nodes = document.definitions.flatMap((node) =>
        node.kind === Kind.OPERATION_DEFINITION && node.operation === OperationTypeNode.SUBSCRIPTION
          ? conditionalRoots(document, node.selectionSet)
          : [],
      );
      if (nodes.length === 0) return undefined;
      const message = "A subscription's field may stand under no @skip and no @include.";
      context.reportError(new GraphQLError(message, { nodes }));
      return { ...document, definitions: [] };
    },
  };
}
