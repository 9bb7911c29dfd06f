import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiKey } from '../support/apiKeys.js';
import { createLicense } from '../support/fixtures.js';
import { openFeatureShop } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = join(root, 'node_modules');

/** A folder of somebody else, in which the packed package is installed, and these packages beside it. */
let folder: string;
let installed: string;
let server: TestServer;
beforeAll(async () => {
  expect(existsSync(join(root, 'dist/sdk/index.js')), 'dist/ is missing: run npm test').toBe(true);
  folder = await mkdtemp(join(tmpdir(), 'lg-package-'));
  installed = join(folder, 'node_modules/licensegraph');
  await mkdir(installed, { recursive: true });
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: root });
  await run('tar', ['xzf', join(folder, stdout.trim()), '-C', installed, '--strip-components=1']);
  await mkdir(join(folder, 'node_modules/@types'));
  for (const name of ['graphql', 'jose', 'graphql-yoga', '@types/node', 'undici-types'])
    await symlink(join(modules, name), join(folder, 'node_modules', name));
  server = await startTestServer({ events: true });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Every file of the package that `licensegraph/sdk` loads, and every package. */
async function loaded(entry: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(entry)) return found;
  found.add(entry);
  const text = await readFile(entry, 'utf8');
  for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
    if (fileName.startsWith('.')) await loaded(join(dirname(entry), fileName), found);
    else found.add(fileName);
  }
  return found;
}

test('the packed SDK loads graphql and jose, and nothing of the server, of Node or of a GraphQL server', async () => {
  const found = [...(await loaded(join(installed, 'dist/sdk/index.js')))];
  const files = found.filter((name) => name.startsWith('/')).map((name) => relative(installed, name));
  const packages = found.filter((name) => !name.startsWith('/')).sort();

  expect(files.filter((name) => !name.startsWith('dist/sdk/')).sort()).toEqual([
    'dist/core/code.js',
    'dist/core/tokenTypes.js',
  ]);
  expect(packages).toEqual([
    'graphql',
    'graphql/execution/collectFields.js',
    'graphql/execution/values.js',
    'jose',
  ]);
});

test('the package runs on the graphql of whoever installs it, and brings what its command needs', async () => {
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  const files = await readdir(installed);

  expect(manifest.dependencies.graphql).toBeUndefined();
  expect(manifest.peerDependencies.graphql).toBe('^16.9.0');
  expect(files.sort()).toEqual([
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'bin',
    'dist',
    'docs',
    'drizzle',
    'package.json',
    'schema.graphql',
  ]);
  await symlink(modules, join(installed, 'node_modules'));
  const { stdout } = await run(process.execPath, [join(installed, 'bin/licensegraph.mjs'), '--help']);
  await rm(join(installed, 'node_modules'));

  expect(stdout).toContain('lint-features');
});

/** Declarations that the package exports, by name, as its types say them. */
async function exported(): Promise<Map<string, ts.Node>> {
  const found = new Map<string, ts.Node>();
  const parse = async (path: string): Promise<ts.SourceFile> =>
    ts.createSourceFile(path, await readFile(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const index = await parse(join(installed, 'dist/sdk/index.d.ts'));
  for (const line of index.statements) {
    if (
      !ts.isExportDeclaration(line) ||
      line.exportClause === undefined ||
      !ts.isNamedExports(line.exportClause)
    )
      throw new Error(`${line.getText()} exports what nobody has named`);
    const from = (line.moduleSpecifier as ts.StringLiteral).text.replace(/\.js$/, '.d.ts');
    const { statements } = await parse(join(installed, 'dist/sdk', from));
    for (const { name } of line.exportClause.elements) {
      const declared = statements.find(
        (each) => 'name' in each && (each.name as ts.Node)?.getText() === name.text,
      );
      found.set(name.text, declared ?? line);
    }
  }
  return found;
}

test('whatever the package exports is described, and every option of it', async () => {
  const declarations = await exported();
  const isDescribed = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0;
  const optionsOf = (node: ts.Node): readonly ts.Node[] =>
    ts.isInterfaceDeclaration(node) ? node.members : [];

  const bare = [...declarations].flatMap(([name, node]) => [
    ...(isDescribed(node) ? [] : [name]),
    ...(name.endsWith('Options') ? optionsOf(node) : [])
      .filter((member) => !isDescribed(member))
      .map((member) => `${name}.${member.getText()}`),
  ]);

  expect(declarations.size).toBeGreaterThan(25);
  expect(bare).toEqual([]);
});

const TYPED = `
import { createSchema, createYoga } from 'graphql-yoga';
import { licenseGraph, requiresFeatureDirective, yogaFeatureGate } from 'licensegraph/sdk';
import type { FeatureUse, LicenseGraphOptions, Licensee } from 'licensegraph/sdk';

const graph = licenseGraph({ url: 'https://licenses.example.com/graphql', apiKey: 'lgk_x', failMode: 'CLOSED' });
const { typeDefs, transformer } = requiresFeatureDirective({ features: ['reports'] });
const schema = transformer(createSchema({ typeDefs: [typeDefs, 'type Query { a: Int }'] }));
const gate = yogaFeatureGate({ graph, licensee: ({ request }) => ({ licenseKey: request.headers.get('x-license-key') }) });
export const yoga = createYoga({ schema, plugins: [gate] });
export const use: Promise<FeatureUse> = graph.requireFeature('SELF' satisfies Licensee, 'reports', { consume: 2 });
type FailMode = { url: string; apiKey: string } extends LicenseGraphOptions ? 'implied' : 'declared';
export const failMode: FailMode = 'declared';
`;

test.each([
  ['node16', 'node16'],
  ['bundler', 'esnext'],
])('TypeScript finds its types by moduleResolution %s', { timeout: 180_000 }, async (resolution, module) => {
  const project = join(folder, resolution);
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  await writeFile(join(project, 'main.ts'), TYPED);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module,
    moduleResolution: resolution,
    target: 'es2022',
    lib: ['es2022'],
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: ['../node_modules/@types'],
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));

  const compiled = await run(process.execPath, [join(modules, 'typescript/bin/tsc'), '-p', project]).catch(
    ({ stdout }: { stdout: string }) => ({ stdout }),
  );

  expect(compiled.stdout).toBe('');
});

/** The program as the README prints it. */
async function printedProgram(): Promise<string> {
  const readme = await readFile(join(installed, 'README.md'), 'utf8');
  const program = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  return program.find((text) => text.includes("'licensegraph/sdk'")) ?? '';
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function ask(address: string, licenseKey?: string): Promise<unknown> {
  const headers = licenseKey === undefined ? {} : { 'x-license-key': licenseKey };
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: '{ speed }' }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: { message: string }[] };
  return errors === undefined ? data : errors.map(({ message }) => message);
}

const printed: ChildProcess[] = [];
afterAll(() => {
  for (const child of printed) child.kill('SIGKILL');
});

test('the ten lines of the README gate a field of a Yoga server, as they are printed', async () => {
  const shop = await openFeatureShop(server);
  const url = (await listen(server)).replace('ws:', 'http:');
  const { secret } = await createApiKey(server, shop.admin, { permissions: ['feature.consume'] });
  const { licenseKey } = await createLicense(server, shop, {
    licenseType: 'PERPETUAL',
    features: [{ featureId: 'internet_access', featureName: 'Internet', limitValue: 2 }],
  });
  const program = await printedProgram();
  await writeFile(join(folder, 'server.mjs'), program);
  const port = await freePort();
  const environment = { LICENSEGRAPH_URL: url, LICENSEGRAPH_API_KEY: secret, PORT: String(port) };
  const child = spawn(process.execPath, ['server.mjs'], { cwd: folder, env: environment, stdio: 'inherit' });
  printed.push(child);
  const address = `http://127.0.0.1:${port}/graphql`;
  await expect
    .poll(() =>
      fetch(address).then(
        ({ status }) => status > 0,
        () => false,
      ),
    )
    .toBe(true);

  const answers = [await ask(address, licenseKey), await ask(address), await ask(address, licenseKey)];
  const over = await ask(address, licenseKey);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;

  expect(program.trim().split('\n')).toHaveLength(10);
  expect(answers).toEqual([{ speed: 42 }, ['No active license found for tenant'], { speed: 42 }]);
  expect(over).toEqual(['Feature quota exceeded: 2/2']);
});
