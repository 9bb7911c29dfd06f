import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  Source,
  TokenKind,
  type ValidationContext,
} from 'graphql';
import { Refusal } from '../../core/refusal.js';
import { asDoorError } from '../formatError.js';

/**
 * The most that one request may hold, and in which words a refusal counts it. Each is several times what GraphiQL,
 * introspection or a page of the portal sends; what an operation asks for within them is weighed in cost.ts.
 */
export const limits = {
  // Comments and commas are no tokens and cost time all the same.
  characters: [20_000, 'characters in the document'],
  // Introspection with every option has 184, the widest page of the portal about 400.
  tokens: [2_500, 'tokens in the document'],
  // The parser calls itself for each bracket inside another: at about 2,000 its stack is full.
  nesting: [32, 'levels of brackets'],
  // Saved examples stand in one document; each operation is validated with all of its fragments.
  operations: [20, 'operations'],
  // Validation compares fragments in pairs.
  fragments: [50, 'fragments'],
  // Fragments that spread others twice double with each level: counted as if written out. Validation compares fields
  // of one name in pairs: 500 take 20 ms, 2,000 took 300.
  selections: [500, 'selections in an operation, fragments written out'],
  // Introspection has 13 levels; a graph with cycles has a way to ask for any number.
  depth: [20, 'levels of fields'],
  // Each alias is the same field again: guesses at keys come as aliases.
  aliases: [100, 'aliases in an operation, fragments written out'],
  directives: [50, 'directives in an operation, fragments written out'],
  arguments: [200, 'arguments in an operation, fragments written out'],
  // Each root of a mutation is a transaction.
  rootFields: [50, 'root fields'],
  variables: [100, 'variables of an operation'],
  // The longest list of an input has 1,000 entries, of a few dozen values each.
  values: [50_000, 'values in the variables'],
  entries: [1_000, 'entries in one list of the variables'],
  // The widest object of an input, the metrics of a heartbeat, has 500; of unknown members each is told.
  members: [600, 'members in one object of the variables'],
  // What is kept as JSON is written again by a function that calls itself.
  valueNesting: [32, 'levels of lists and objects in the variables'],
} as const satisfies Record<string, readonly [number, string]>;

export type LimitName = keyof typeof limits;

function requireWithin(limit: LimitName, found: number): void {
  const [maximum, words] = limits[limit];
  if (found <= maximum) return;
  // A number past 2^53 is no longer exact, and one past 2^1024 no JSON.
  const told = Math.min(found, Number.MAX_SAFE_INTEGER);
  const message = `The request has ${told} ${words}; at most ${maximum} are taken.`;
  throw new Refusal('OPERATION_TOO_LARGE', message, { limit, found: told, maximum });
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);

function countTokens(lexer: Lexer): void {
  let tokens = 0;
  let nesting = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    tokens += 1;
    if (OPENING.has(token.kind)) nesting += 1;
    if (CLOSING.has(token.kind)) nesting -= 1;
    requireWithin('tokens', tokens);
    requireWithin('nesting', nesting);
  }
}

/** Before parsing: refuses a text that the parser had better not see. One that is no GraphQL is left to it. */
export function checkSource(source: string): void {
  requireWithin('characters', source.length);
  try {
    countTokens(new Lexer(new Source(source)));
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
  }
}

/** Refuses variables with too many values, too wide or too deep ones, without calling itself for each level. */
export function checkValues(variables: Readonly<Record<string, unknown>>): void {
  let values = 0;
  let level: object[] = [variables];
  for (let depth = 0; level.length > 0; depth += 1) {
    requireWithin('valueNesting', depth);
    const below: object[] = [];
    for (const holder of level) {
      const held: unknown[] = Object.values(holder);
      requireWithin(Array.isArray(holder) ? 'entries' : 'members', held.length);
      values += held.length;
      requireWithin('values', values);
      for (const value of held) if (typeof value === 'object' && value !== null) below.push(value);
    }
    level = below;
  }
}

/** How large a part of a document is, its fragments written out. */
interface Size {
  readonly selections: number;
  readonly depth: number;
  readonly aliases: number;
  readonly directives: number;
  readonly arguments: number;
  /** Fields at its first level. */
  readonly width: number;
}

const NOTHING: Size = { selections: 0, depth: 0, aliases: 0, directives: 0, arguments: 0, width: 0 };

function sumOf(sizes: readonly Size[]): Size {
  return sizes.reduce(
    (sum, size) => ({
      selections: sum.selections + size.selections,
      depth: Math.max(sum.depth, size.depth),
      aliases: sum.aliases + size.aliases,
      directives: sum.directives + size.directives,
      arguments: sum.arguments + size.arguments,
      width: sum.width + size.width,
    }),
    NOTHING,
  );
}

type FragmentSizes = (name: string) => Size;

/** The parts of a selection, its own one last. */
function sizeOfSelection(node: SelectionNode, fragmentSize: FragmentSizes): Size {
  const { directives = [] } = node;
  const onDirectives = directives.reduce((count, directive) => count + (directive.arguments?.length ?? 0), 0);
  const own = { ...NOTHING, selections: 1, directives: directives.length, arguments: onDirectives };
  if (node.kind === Kind.FRAGMENT_SPREAD) return sumOf([fragmentSize(node.name.value), own]);
  const below = node.selectionSet === undefined ? NOTHING : sizeOfSet(node.selectionSet, fragmentSize);
  if (node.kind === Kind.INLINE_FRAGMENT) return sumOf([below, own]);
  const field = {
    ...own,
    aliases: node.alias === undefined ? 0 : 1,
    arguments: onDirectives + (node.arguments?.length ?? 0),
  };
  return { ...sumOf([below, field]), depth: below.depth + 1, width: 1 };
}

function sizeOfSet(set: SelectionSetNode, fragmentSize: FragmentSizes): Size {
  return sumOf(set.selections.map((node) => sizeOfSelection(node, fragmentSize)));
}

/** Each fragment is measured once, so the time does not grow with what it is written out to. */
function fragmentSizes(fragments: readonly FragmentDefinitionNode[]): FragmentSizes {
  const byName = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  const known = new Map<string, Size | 'being measured'>();
  const sizeOf = (name: string): Size => {
    const fragment = byName.get(name);
    const found = known.get(name);
    if (fragment === undefined) return NOTHING;
    // In the validator's words, and before any of its rules walks the cycle.
    if (found === 'being measured') {
      throw new GraphQLError(`Cannot spread fragment "${name}" within itself.`, { nodes: fragment });
    }
    if (found !== undefined) return found;
    known.set(name, 'being measured');
    const directives = fragment.directives?.length ?? 0;
    const size = sumOf([sizeOfSet(fragment.selectionSet, sizeOf), { ...NOTHING, directives }]);
    known.set(name, size);
    return size;
  };
  return sizeOf;
}

function checkSize({ selections, depth, aliases, directives, arguments: given }: Size): void {
  requireWithin('selections', selections);
  requireWithin('depth', depth);
  requireWithin('aliases', aliases);
  requireWithin('directives', directives);
  requireWithin('arguments', given);
}

function checkOperation(operation: OperationDefinitionNode, fragmentSize: FragmentSizes): void {
  const variables = operation.variableDefinitions ?? [];
  requireWithin('variables', variables.length);
  const size = sizeOfSet(operation.selectionSet, fragmentSize);
  const directives = [operation, ...variables].reduce((sum, node) => sum + (node.directives?.length ?? 0), 0);
  checkSize(sumOf([size, { ...NOTHING, directives }]));
  requireWithin('rootFields', size.width);
}

/** Before validation: refuses a document that the validator's rules, some of them quadratic, had better not see. */
export function checkDocument({ definitions }: DocumentNode): void {
  const operations = definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const fragments = definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  requireWithin('operations', operations.length);
  requireWithin('fragments', fragments.length);
  const fragmentSize = fragmentSizes(fragments);
  // Those that no operation spreads are validated as well.
  for (const fragment of fragments) checkSize(fragmentSize(fragment.name.value));
  for (const operation of operations) checkOperation(operation, fragmentSize);
}

function problemOf(document: DocumentNode): GraphQLError | undefined {
  try {
    checkDocument(document);
    return undefined;
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    const refused = asDoorError(error);
    if (refused instanceof GraphQLError) return refused;
    throw error;
  }
}

/**
 * `checkDocument` as a rule of the validator, wherever it stands among them: it speaks before any of them has walked
 * a selection, and of a document that is too large they see nothing.
 */
export function withinLimits(context: ValidationContext): ASTVisitor {
  return {
    Document: (document) => {
      const problem = problemOf(document);
      if (problem === undefined) return undefined;
      context.reportError(problem);
      return { ...document, definitions: [] };
    },
  };
}
