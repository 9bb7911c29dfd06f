import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a file has at run time of another: types are gone by then. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/^import (?!type )[^;]*?from '([^']+)';/gms)].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, resolve(root, dirname(path), name)).replace(/\.js$/, '.ts') : name,
  );
}

test('what devices run offline needs models and pure files alone: no Node, no server', () => {
  const folder = 'src/sdk/offline';
  const reached = new Set(readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  const packages = new Set<string>();
  for (const path of reached) {
    for (const name of importsOf(path)) (name.startsWith('src/') ? reached : packages).add(name);
  }

  expect([...packages].sort()).toEqual(['decimal.js', 'ipaddr.js', 'jose', 'temporal-polyfill']);
  expect([...reached].filter((path) => !/^src\/(core|sdk\/offline)\/|\/model(\/|\.ts)/.test(path))).toEqual(
    [],
  );
});
