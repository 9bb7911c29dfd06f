import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import * as exported from '../../../src/sdk/client/index.js';
import * as onNode from '../../../src/sdk/client/node.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What a file loads at run time, of ours and of others: its imports and exports, without those of types. */
function loadedBy(path: string): string[] {
  const { outputText } = ts.transpileModule(readFileSync(join(root, path), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  return ts
    .preProcessFile(outputText, true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith('.')
        ? relative(root, resolve(root, dirname(path), fileName)).replace(/\.js$/, '.ts')
        : fileName,
    );
}

function reachedFrom(entry: string): { files: string[]; packages: string[] } {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const path of files) {
    for (const name of loadedBy(path)) (name.startsWith('src/') ? files : packages).add(name);
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

test('the client loads models, pure files and jose: no Node, no server, no GraphQL', () => {
  const { files, packages } = reachedFrom('src/sdk/client/index.ts');

  expect(packages).toEqual(['decimal.js', 'ipaddr.js', 'jose', 'temporal-polyfill']);
  expect(files.filter((path) => !/^src\/(core|sdk)\/|\/model(\/|\.ts)/.test(path))).toEqual([]);
  expect(files).not.toContain('src/sdk/client/machine.ts');
});

test('the entry for Node.js loads Node.js alone', () => {
  const { packages } = reachedFrom('src/sdk/client/node.ts');

  expect(packages.every((name) => name.startsWith('node:'))).toBe(true);
});

test('what the package exports is this and no more', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  expect(exports['./client'].default).toBe('./dist/sdk/client/index.js');
  expect(exports['./client/node'].default).toBe('./dist/sdk/client/node.js');
  expect(Object.keys(exported).sort()).toEqual([
    'FloatingLease',
    'Heartbeats',
    'InvalidArgument',
    'LicenseClient',
    'clientCodes',
    'createOfflineRequest',
    'exhausted',
    'memoryStore',
    'openRevocationList',
    'outageReasons',
    'refusalCodes',
    'storedFingerprint',
    'systemTime',
    'verdictCodes',
    'verifyOffline',
    'verifyOfflineResponse',
    'webStore',
  ]);
  expect(Object.keys(onNode).sort()).toEqual(['fileStore', 'machineFacts', 'machineFingerprint']);
});
