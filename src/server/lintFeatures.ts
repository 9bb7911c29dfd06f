import { readFile } from 'node:fs/promises';
import { buildSchema, type GraphQLSchema } from 'graphql';
import { StartupError } from '../core/startupError.js';
import { requiresFeatureDirective } from '../sdk/directive/marks.js';
import { lintFeatures } from '../sdk/lint.js';
import { requiresFeatureDirective as directive } from '../sdk/requiresFeature.js';

export interface LintCommandOptions {
  readonly features?: string;
  readonly sensitive: string;
}

/** A schema whose own text may leave the directives to its server. */
async function readSchema(path: string, sensitive: string): Promise<GraphQLSchema> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new StartupError(`cannot read ${path}`);
  });
  const isDeclared = (name: string): boolean => new RegExp(`directive\\s+@${name}\\b`).test(text);
  const own = isDeclared(requiresFeatureDirective.name) ? '' : directive().typeDefs;
  const marks = isDeclared(sensitive) ? '' : `directive @${sensitive} on FIELD_DEFINITION | OBJECT`;
  try {
    return buildSchema([own, marks, text].join('\n'), { assumeValidSDL: true });
  } catch (error) {
    throw new StartupError(`${path}: ${error instanceof Error ? error.message : 'is no schema'}`);
  }
}

/** What a schema leaves open, one line a finding; none if everything that should carry a feature does. */
export async function lintReport(path: string, options: LintCommandOptions): Promise<string[]> {
  if (!/^[_A-Za-z]\w*$/.test(options.sensitive)) throw new StartupError('--sensitive takes a name.');
  const schema = await readSchema(path, options.sensitive);
  const features = (options.features ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const found = lintFeatures(schema, { features, sensitive: options.sensitive });
  return [
    ...found.mutating.map((field) => `${field}: changes something and needs no feature`),
    ...found.sensitive.map((field) => `${field}: is sensitive and needs no feature`),
    ...found.unused.map((feature) => `${feature}: no field needs this feature`),
  ];
}
