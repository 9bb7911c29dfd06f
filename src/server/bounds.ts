import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** Tokens of a document, the same at every door: the parser stops there. */
export const TOKEN_LIMIT = 5_000;

/** With fragments unfolded: 17 that double each other are 2 kB of text and held the process for seconds. */
export const SELECTION_LIMIT = 20_000;

/** GraphQL compares and quotes every key that it does not know: thousands of them cost the square of their number. */
const MEMBER_LIMIT = 600;
const ENTRY_LIMIT = 1_000;

function tooLarge(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });
}

/** How many selections a document has once its fragments are unfolded; each is counted once, however often it is spread. */
function unfolded(document: DocumentNode): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  const known = new Map<string, number>();
  const ofFragment = (name: string): number => {
    const counted = known.get(name);
    if (counted !== undefined) return counted;
    // A cycle counts as nothing here: validation refuses it by its name.
    known.set(name, 0);
    const fragment = fragments.get(name);
    const count = fragment === undefined ? 0 : ofSet(fragment.selectionSet);
    known.set(name, count);
    return count;
  };
  const ofSet = (set: SelectionSetNode): number =>
    set.selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return sum + 1 + ofFragment(selection.name.value);
      return sum + 1 + (selection.selectionSet === undefined ? 0 : ofSet(selection.selectionSet));
    }, 0);
  return document.definitions.reduce(
    (sum, node) => (node.kind === Kind.OPERATION_DEFINITION ? sum + ofSet(node.selectionSet) : sum),
    0,
  );
}

/** Refuses a document before GraphQL's own rules, whose cost it would drive up. */
export function requireUnfoldable(document: DocumentNode): void {
  if (unfolded(document) <= SELECTION_LIMIT) return;
  throw tooLarge(`The document unfolds to more than ${SELECTION_LIMIT} selections.`);
}

/** Refuses variables that are wide beyond what any input takes, before they are compared with their types. */
export function requireNarrow(value: unknown): void {
  if (value === null || typeof value !== 'object') return;
  const members = Object.values(value);
  if (Array.isArray(value) ? members.length > ENTRY_LIMIT : members.length > MEMBER_LIMIT) {
    throw tooLarge(
      `A variable has an object of more than ${MEMBER_LIMIT} members or a list of more than ${ENTRY_LIMIT}.`,
    );
  }
  for (const member of members) requireNarrow(member);
}
