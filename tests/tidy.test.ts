import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type GraphQLField,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { refusalCodes } from '../src/core/refusal.js';
import { errorsPage, settingsPage } from '../src/server/printedPages.js';
import { createSchema, printedSchema } from '../src/server/schema.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Imports point one way down this list. */
const direction = [
  'core',
  'sdk',
  'graph',
  'access',
  'audit',
  'templates',
  'licenses',
  'activations',
  'entitlements',
  'billing',
  'orders',
  'analytics',
  'compliance',
  'notifications',
  'jobs',
  'rest',
  'server',
];
/** Folders that run in a browser: they import nothing of the server, and the server nothing of them. */
const pages = ['graphiql', 'portal'];
/** Folders that hold a domain, all with the same file names. */
const domains = new Set(direction.slice(direction.indexOf('access'), direction.indexOf('rest')));
const vocabulary = ['model', 'table', 'queries', 'service', 'schema', 'resolver', 'jobs', 'gateway'];
/** What a domain holds beyond the vocabulary: access, words and layouts of invoices and mail, and somebody else's queue. */
const furtherFiles: Readonly<Record<string, readonly string[]>> = {
  access: ['permissions', 'tokens'],
  billing: ['documents'],
  notifications: ['templates'],
  jobs: ['presence', 'queue', 'reactions', 'runner', 'schedule', 'tasks'],
};

function sources(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => join(folder, path))
    .sort();
}

const src = sources('src');
const everything = [...src, ...sources('tests'), ...sources('bench')];
const folderOf = (path: string): string => path.split('/')[1] ?? '';
/** The word of the vocabulary that a file belongs to: its own name, or its folder's when that outgrew one file. */
const kindOf = (path: string): string => {
  const [, , third = ''] = path.split('/');
  return third.replace(/\.tsx?$/, '');
};

const parsed = new Map(
  everything.map((path) => [path, ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true)]),
);

interface Import {
  readonly path: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
  const file = parsed.get(path);
  return (file?.statements ?? []).flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const name = statement.moduleSpecifier.text;
    const target = name.startsWith('.') ? relative(root, resolve(root, dirname(path), name)) : name;
    return [{ path, target, typeOnly: statement.importClause?.isTypeOnly === true }];
  });
}

function nodesOf(path: string, keep: (node: ts.Node) => boolean): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (keep(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  const file = parsed.get(path);
  if (file !== undefined) visit(file);
  return found;
}

const allImports = src.flatMap(importsOf);

describe('the tree', () => {
  test('imports point one way', () => {
    const wrong = allImports.filter(({ path, target }) => {
      if (!target.startsWith('src/') || path === 'src/main.ts') return false;
      const page = [path, target].map(folderOf).find((folder) => pages.includes(folder));
      if (page !== undefined) return folderOf(path) !== page || folderOf(target) !== page;
      // What others run thinks as the server does: a model knows no more than another model.
      if (folderOf(path) === 'sdk' && kindOf(target.replace(/\.js$/, '.ts')) === 'model') return false;
      return direction.indexOf(folderOf(target)) > direction.indexOf(folderOf(path));
    });

    expect(wrong).toEqual([]);
  });

  test('every folder stands in the direction list', () => {
    const folders = new Set(src.filter((path) => path.split('/').length > 2).map(folderOf));

    const known = [...direction, ...pages];
    expect([...folders].filter((folder) => !known.includes(folder))).toEqual([]);
  });

  test('a domain holds the files of the vocabulary only', () => {
    const strange = src.filter((path) => {
      const folder = folderOf(path);
      if (!domains.has(folder)) return false;
      return !vocabulary.includes(kindOf(path)) && !(furtherFiles[folder] ?? []).includes(kindOf(path));
    });

    expect(strange).toEqual([]);
  });

  test('a kind of file imports only what its kind may', () => {
    const network = [
      'graphql',
      'type-graphql',
      'graphql-scalars',
      'fastify',
      '@apollo/server',
      'node:http',
      'node:net',
    ];
    const forbidden: Readonly<Record<string, readonly string[]>> = {
      model: [...network, 'drizzle-orm', 'postgres', 'node:fs'],
      queries: network,
      service: network,
      table: network,
      resolver: ['drizzle-orm', 'postgres', 'fastify'],
      schema: ['drizzle-orm', 'postgres', 'fastify'],
    };
    const wrong = allImports.filter(({ path, target }) => {
      const banned = domains.has(folderOf(path)) ? (forbidden[kindOf(path)] ?? []) : [];
      return banned.some((name) => target === name || target.startsWith(`${name}/`));
    });

    expect(wrong).toEqual([]);
  });

  test('domain code never imports the graph', () => {
    const inner = new Set(['model', 'table', 'queries', 'service']);
    const wrong = allImports.filter(({ path, target, typeOnly }) => {
      if (!domains.has(folderOf(path)) || !inner.has(kindOf(path)) || !target.startsWith('src/'))
        return false;
      const outer = ['schema', 'resolver'].includes(kindOf(target));
      const own = folderOf(path) === folderOf(target);
      // The shape of an act's own input is written down once, in the schema; its type alone is taken from there.
      if (outer) return !(own && typeOnly && kindOf(target) === 'schema');
      return folderOf(target) === 'graph' && target !== 'src/graph/authorized.js';
    });

    expect(wrong).toEqual([]);
  });

  test('a model only thinks and an act asks no clock', () => {
    const models = src.filter((path) => domains.has(folderOf(path)) && kindOf(path) === 'model');
    const acts = src.filter(
      (path) => domains.has(folderOf(path)) && ['service', 'queries'].includes(kindOf(path)),
    );
    const waiting = models.flatMap((path) =>
      nodesOf(path, (node) => ts.isAwaitExpression(node) || node.kind === ts.SyntaxKind.AsyncKeyword).map(
        () => path,
      ),
    );
    const clocks = [...models, ...acts].filter((path) =>
      /new Date\(\)|Date\.now\(|process\.env/.test(read(path)),
    );

    expect(waiting).toEqual([]);
    expect(clocks).toEqual([]);
  });

  test('a door hands over: no try, no transaction, at most fifteen lines', () => {
    const doors = src.filter((path) => domains.has(folderOf(path)) && kindOf(path) === 'resolver');
    const trying = doors.flatMap((path) => nodesOf(path, ts.isTryStatement).map(() => path));
    const long = doors.flatMap((path) =>
      nodesOf(path, ts.isMethodDeclaration).flatMap((node) =>
        ts.isMethodDeclaration(node) && node.body !== undefined && linesOf(path, node.body) > 15
          ? [`${path} ${node.name.getText()}`]
          : [],
      ),
    );

    expect(trying).toEqual([]);
    expect(long).toEqual([]);
  });
});

function linesOf(path: string, node: ts.Node): number {
  const file = parsed.get(path);
  if (file === undefined) return 0;
  return (
    file.getLineAndCharacterOfPosition(node.end).line -
    file.getLineAndCharacterOfPosition(node.getStart()).line +
    1
  );
}

describe('the page', () => {
  test('files have at most 400 lines', () => {
    expect(everything.filter((path) => read(path).split('\n').length > 401)).toEqual([]);
  });

  test('functions have at most 70 lines, and half of them at most 10', () => {
    const functions = src.flatMap((path) =>
      nodesOf(path, (node) => ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)).map((node) => ({
        name: `${path}:${linesOf(path, node)}`,
        lines: linesOf(path, node),
      })),
    );
    const sorted = functions.map(({ lines }) => lines).sort((left, right) => left - right);

    expect(functions.filter(({ lines }) => lines > 70)).toEqual([]);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(10);
  });

  test('no any, no assertion of being there, no default export', () => {
    const isConfig = (path: string): boolean => basename(path).endsWith('.config.ts');
    const found = everything
      .filter((path) => !isConfig(path))
      .flatMap((path) =>
        nodesOf(
          path,
          (node) =>
            node.kind === ts.SyntaxKind.AnyKeyword ||
            ts.isNonNullExpression(node) ||
            ts.isExportAssignment(node) ||
            (ts.isPropertyDeclaration(node) && node.exclamationToken !== undefined) ||
            (node.kind === ts.SyntaxKind.DefaultKeyword && ts.isClassDeclaration(node.parent)),
        ).map((node) => `${path}: ${node.getText().slice(0, 60)}`),
      );

    expect(found).toEqual([]);
  });

  test('nothing is put off and nothing is silenced', () => {
    const words = new RegExp(
      ['TO', 'DO'].join('') +
        '|FIX' +
        'ME|@ts-(ignore|expect-error|nocheck)|biome-' +
        'ignore|eslint-' +
        'disable',
    );
    const skipped = /\b(it|test|describe)\.(only|todo)\b|vi\.mock\(/;
    const own = 'tests/tidy.test.ts';

    expect(
      everything.filter((path) => path !== own && (words.test(read(path)) || skipped.test(read(path)))),
    ).toEqual([]);
  });

  test('what runs with the server is imported by it', () => {
    const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(read('package.json'));
    const text = src.map(read).join('\n');

    const unused = Object.keys(dependencies).filter(
      (name) => !text.includes(`'${name}'`) && !text.includes(`'${name}/`),
    );

    expect(unused).toEqual([]);
  });

  test('formatter and linter have nothing to say', () => {
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');

    expect(() =>
      execFileSync(process.execPath, [biome, 'check', '.'], { cwd: root, stdio: 'pipe' }),
    ).not.toThrow();
  });

  test.each([
    ['sources, tests and benches', 'tsconfig.json'],
    ['pages', 'tsconfig.pages.json'],
    // A compiler alone on a busy machine took more than a minute.
  ])('the types of %s hold', { timeout: 300_000 }, (_what, project) => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');

    expect(() =>
      execFileSync(process.execPath, [tsc, '--noEmit', '-p', project], { cwd: root, stdio: 'pipe' }),
    ).not.toThrow();
  });
});

describe('the graph', () => {
  const schema = createSchema();
  const named = Object.values(schema.getTypeMap()).filter(
    (type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type),
  );
  const roots = new Set(['Query', 'Mutation', 'Subscription']);

  const argumentsOf = (field: GraphQLField<unknown, unknown>) =>
    field.args.map(({ name, description }) => ({ name: `${field.name}(${name})`, description }));

  function undescribed(type: GraphQLNamedType): string[] {
    const own = type.description || roots.has(type.name) ? [] : [type.name];
    if (isEnumType(type)) {
      return [
        ...own,
        ...type
          .getValues()
          .filter((value) => !value.description)
          .map((value) => `${type.name}.${value.name}`),
      ];
    }
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return own;
    const fields = Object.values(type.getFields());
    const args = isInputObjectType(type) ? [] : Object.values(type.getFields()).flatMap(argumentsOf);
    return [
      ...own,
      ...fields.filter((field) => !field.description).map((field) => `${type.name}.${field.name}`),
      ...args.filter(({ description }) => !description).map(({ name }) => `${type.name}.${name}`),
    ];
  }

  test('every type, field, argument and value is described', () => {
    expect(named.flatMap(undescribed)).toEqual([]);
  });

  test('a mutation takes exactly its input and answers its own nullable payload', () => {
    const wrong = Object.values(schema.getMutationType()?.getFields() ?? {}).filter((field) => {
      const name = `${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}`;
      const [input, ...others] = field.args;
      return !(
        others.length === 0 &&
        input?.name === 'input' &&
        String(input.type) === `${name}Input!` &&
        String(field.type) === `${name}Payload`
      );
    });

    expect(wrong.map((field) => field.name)).toEqual([]);
  });

  test('schema.graphql is what the code prints', () => {
    expect(read('schema.graphql')).toBe(printedSchema(schema));
  });
});

describe('the documents', () => {
  test('docs/errors.md is what the list of codes prints, and every code is in use', () => {
    const code = src
      .filter((path) => path !== 'src/core/refusal.ts')
      .map(read)
      .join('\n');
    const libraries = new Set([
      'BAD_USER_INPUT',
      'GRAPHQL_PARSE_FAILED',
      'GRAPHQL_VALIDATION_FAILED',
      'OPERATION_RESOLUTION_FAILURE',
      'BAD_REQUEST',
      'PERSISTED_QUERY_NOT_FOUND',
      'PERSISTED_QUERY_NOT_SUPPORTED',
    ]);
    const own = /new Refusal\('(\w+)'/g;
    const inList = [...read('src/core/refusal.ts').matchAll(own)].map((match) => match[1]);
    const unused = Object.keys(refusalCodes).filter(
      (name) => !libraries.has(name) && !inList.includes(name) && !code.includes(`'${name}'`),
    );

    expect(read('docs/errors.md')).toBe(errorsPage());
    expect(unused).toEqual([]);
  });

  test('the page of settings is fresh, and the README stays within 200 lines', () => {
    expect(read('docs/settings.md')).toBe(settingsPage());
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(200);
  });

  test('a decision record has at most twenty lines', () => {
    const long = readdirSync(join(root, 'docs/decisions')).filter(
      (name) => read(`docs/decisions/${name}`).trimEnd().split('\n').length > 20,
    );

    expect(long).toEqual([]);
  });
});
