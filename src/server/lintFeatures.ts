import { readFile } from 'node:fs/promises';
import {
  buildASTSchema,
  concatAST,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLSchema,
  isTypeDefinitionNode,
  Kind,
  parse,
} from 'graphql';
import { StartupError } from '../core/startupError.js';
import { requiresFeatureDirective } from '../sdk/directive/marks.js';
import { type LintFindings, lintFeatures } from '../sdk/lint.js';
import { requiresFeatureDirective as directive } from '../sdk/requiresFeature.js';

export interface LintCommandOptions {
  readonly features?: string;
  readonly sensitive: string;
  readonly sensitivePlaces?: string;
  readonly json?: boolean;
}

/** What the command says, and its exit code: 0 for nothing, 1 for findings. A schema that cannot be read is 2. */
export interface LintReport {
  readonly text: string;
  readonly code: 0 | 1;
}

/** The schema, or what the lint is told, does not serve: no finding, and not the absence of one. */
export class LintError extends StartupError {}

const definitions = {
  [Kind.OBJECT_TYPE_EXTENSION]: Kind.OBJECT_TYPE_DEFINITION,
  [Kind.INTERFACE_TYPE_EXTENSION]: Kind.INTERFACE_TYPE_DEFINITION,
  [Kind.INPUT_OBJECT_TYPE_EXTENSION]: Kind.INPUT_OBJECT_TYPE_DEFINITION,
  [Kind.ENUM_TYPE_EXTENSION]: Kind.ENUM_TYPE_DEFINITION,
  [Kind.UNION_TYPE_EXTENSION]: Kind.UNION_TYPE_DEFINITION,
  [Kind.SCALAR_TYPE_EXTENSION]: Kind.SCALAR_TYPE_DEFINITION,
} as const;

/** A subgraph of a federation extends types that others define: here the first extension defines them. */
function completed({ definitions: nodes }: DocumentNode): DocumentNode {
  const defined = new Set(nodes.filter(isTypeDefinitionNode).map(({ name }) => name.value));
  const complete = nodes.map((node): DefinitionNode => {
    if (!(node.kind in definitions) || !('name' in node) || node.name === undefined) return node;
    if (defined.has(node.name.value)) return node;
    defined.add(node.name.value);
    return { ...node, kind: definitions[node.kind as keyof typeof definitions] } as DefinitionNode;
  });
  return { kind: Kind.DOCUMENT, definitions: complete };
}

/** The directive, for a schema whose own text leaves it to its server. */
function withDirective(schema: DocumentNode): DocumentNode {
  const isDeclared = schema.definitions.some(
    (node) => node.kind === Kind.DIRECTIVE_DEFINITION && node.name.value === requiresFeatureDirective.name,
  );
  return isDeclared ? schema : concatAST([parse(directive().typeDefs), schema]);
}

/** Directives that a gateway knows and the text does not are left as they are. */
async function readSchema(path: string): Promise<GraphQLSchema> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new LintError(`cannot read ${path}`);
  });
  try {
    const schema = buildASTSchema(withDirective(completed(parse(text, { noLocation: true }))), {
      assumeValidSDL: true,
    });
    // Lazily built: what leads to no type shows here.
    schema.toConfig();
    return schema;
  } catch (error) {
    throw new LintError(`${path}: ${error instanceof Error ? error.message : 'is no schema'}`);
  }
}

const listed = (text = ''): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const linesOf = ({ mutating, sensitive, unused }: LintFindings): string[] => [
  ...mutating.map((field) => `${field}: changes something and needs no feature`),
  ...sensitive.map((field) => `${field}: is sensitive and needs no feature`),
  ...unused.map((feature) => `${feature}: no field needs this feature`),
];

/** What a schema leaves open, one line a finding, or as JSON. */
export async function lintReport(path: string, options: LintCommandOptions): Promise<LintReport> {
  const { sensitive, json = false } = options;
  if (!/^[_A-Za-z]\w*$/.test(sensitive)) throw new LintError('--sensitive takes a name.');
  const features = listed(options.features);
  const sensitivePlaces = listed(options.sensitivePlaces);
  const { unknown, ...found } = lintFeatures(await readSchema(path), {
    features,
    sensitive,
    sensitivePlaces,
  });
  // A slip of the pen would leave a sensitive field open for good.
  if (unknown.length > 0) throw new LintError(`--sensitive-places: not in the schema: ${unknown.join(', ')}`);
  const lines = linesOf({ ...found, unknown });
  const text = json ? JSON.stringify(found, null, 2) : lines.join('\n');
  return { text, code: lines.length === 0 ? 0 : 1 };
}
