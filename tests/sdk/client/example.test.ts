import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PAGE = 'docs/examples/application/README.md';
const READY = /LicenseGraph is ready[\s\S]*licenseKey: \\"([0-9A-Z-]+)\\"/;

let folder: string;
let environment: NodeJS.ProcessEnv;
let server: ChildProcess | undefined;
beforeAll(async () => {
  expect(existsSync(join(root, 'dist/sdk/client/index.js')), 'dist/ is missing: run npm test').toBe(true);
  folder = await mkdtemp(join(tmpdir(), 'lg-example-'));
  const port = await freePort();
  environment = {
    PATH: process.env.PATH,
    HOME: folder,
    PORT: String(port),
    LG_DATA_DIR: join(folder, 'server'),
    LICENSEGRAPH_URL: `http://127.0.0.1:${port}/graphql`,
    APPLICATION_DATA: join(folder, 'application-data'),
  };
});
afterAll(async () => {
  await stopServer();
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

interface Step {
  readonly commands: readonly string[];
  readonly expected: string;
}

/** The commands of the page, each block with the output that stands below it. */
function stepsIn(page: string): Step[] {
  const blocks = [...page.matchAll(/```(sh|text)\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, kind, text = ''], index) => {
    if (kind !== 'sh') return [];
    const [, nextKind, next = ''] = blocks[index + 1] ?? [];
    return [{ commands: text.trim().split('\n'), expected: nextKind === 'text' ? next : '' }];
  });
}

/** Starts the server by the page's own command, in a group of its own, and waits for the key that it prints. */
async function startServer(command: string): Promise<string> {
  const child = spawn('sh', ['-c', command], { cwd: root, env: environment, detached: true });
  server = child;
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await expect.poll(() => READY.test(said) || child.exitCode !== null, { timeout: 90_000 }).toBe(true);
  const key = READY.exec(said)?.[1];
  if (key === undefined) throw new Error(`the server did not start:\n${said}`);
  return key;
}

/** As Ctrl-C in its terminal: a signal to all that runs in it. */
async function stopServer(): Promise<void> {
  const child = server;
  server = undefined;
  if (child?.pid === undefined || child.exitCode !== null) return;
  const exited = once(child, 'close');
  process.kill(-child.pid, 'SIGINT');
  await exited;
}

async function output(command: string): Promise<string> {
  const child = spawn('sh', ['-c', command], { cwd: root, env: environment });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  return said.replaceAll(environment.APPLICATION_DATA ?? '', 'application-data');
}

test('the commands of the page, as they stand there, say what stands there', {
  timeout: 240_000,
}, async () => {
  const page = await readFile(join(root, PAGE), 'utf8');
  const steps = stepsIn(page);
  const said: string[] = [];

  for (const { commands, expected } of steps) {
    if (commands[0] === 'npm start') {
      environment.LICENSE_KEY = await startServer('npm start');
      continue;
    }
    if (expected.startsWith('offline:')) await stopServer();
    let text = '';
    for (const command of commands) text += await output(command);
    said.push(text);
  }

  expect(steps.filter(({ commands }) => commands[0] === 'npm start')).toHaveLength(2);
  expect(said).toEqual(steps.map(({ expected }) => expected).filter((text) => text !== ''));
});

test('without a key or a command it says how it is used', async () => {
  const { LICENSE_KEY: _, ...without } = environment;
  environment = without;

  const said = await output('node docs/examples/application/application.mjs run');

  expect(said).toContain('usage: LICENSE_KEY=…');
});

test.each([
  ['offline', '', 'offline: NO_FILE: There is no application-data/license.lic: run checkout first.\n'],
  [
    'run',
    'LICENSEGRAPH_URL=nowhere',
    'run: TypeError: url: has to be the address of a license server, https://…/graphql\n',
  ],
])('what stands in the way of %s it says in a line', async (command, setting, expected) => {
  const program = `LICENSE_KEY=AAAA-BBBB-CCCC-DDDD-EEEE APPLICATION_DATA="${join(folder, 'none')}" ${setting}`;

  const said = await output(`${program} node docs/examples/application/application.mjs ${command}`);

  expect(said.replaceAll(join(folder, 'none'), 'application-data')).toBe(expected);
});
