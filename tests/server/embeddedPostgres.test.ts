import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StartupError } from '../../src/core/startupError.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/server/database/embeddedPostgres.js';

const onLinux = process.platform === 'linux';

let base: string;
let folder: string;
let running: EmbeddedPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  // The real path is what PostgreSQL is started with, and so what its command line is searched for.
  base = await fs.realpath(await fs.mkdtemp(join(tmpdir(), 'lg-test-')));
  folder = join(base, 'data');
  running = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(running.map((server) => server.stop()));
  await noProcesses(base);
  await fs.rm(base, { recursive: true, force: true });
});

async function start(at = folder): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ folder: at, durable: false, maxConnections: 20 });
  running.push(server);
  return server;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

/** Starts it in a process of its own, from what `npm test` has compiled, and answers when it is ready. */
async function startElsewhere(after: string): Promise<ChildProcess> {
  const module = new URL('../../dist/server/database/embeddedPostgres.js', import.meta.url);
  expect(existsSync(module), 'dist/ is missing: run npm test').toBe(true);
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module.href)});
    await startEmbeddedPostgres({ folder: ${JSON.stringify(folder)}, durable: false });
    console.log('ready');
    ${after}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

async function processesOf(path: string): Promise<string[]> {
  const numbers = onLinux ? (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name)) : [];
  const lines = await Promise.all(
    numbers.map((number) => fs.readFile(`/proc/${number}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(path) && line.includes('postgres'));
}

async function noProcesses(path: string): Promise<void> {
  await expect.poll(() => processesOf(path), { interval: 20 }).toEqual([]);
}

async function refusal(starting: Promise<unknown>): Promise<string> {
  const error = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartupError);
  return error instanceof Error ? error.message : '';
}

test('a first start makes a database that sorts by code point and speaks UTC', async () => {
  const server = await start();

  const rows = await query(
    server.url,
    `select current_database() as database, current_user as user, lower('ÄΩ') as lower,
              'Z' < 'a' as "byCodePoint", current_setting('TimeZone') as zone,
              current_setting('listen_addresses') as addresses,
              current_setting('server_encoding') as encoding`,
  );

  expect(rows).toEqual([
    {
      database: 'licensegraph',
      user: 'licensegraph',
      lower: 'äω',
      byCodePoint: true,
      zone: 'UTC',
      addresses: '',
      encoding: 'UTF8',
    },
  ]);
  expect((await fs.stat(join(folder, 'socket'))).mode & 0o777).toBe(0o700);
});

test('a second start on the same folder is refused, and the first goes on', async () => {
  const first = await start();

  const message = await refusal(start());

  expect(message).toBe(
    `Another LicenseGraph server (process ${process.pid}) is already using ${folder}. ` +
      'Stop it, or start this one with another LG_DATA_DIR or with DATABASE_URL.',
  );
  expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('of five starts at once exactly one gets the folder', async () => {
  await fs.mkdir(folder);
  await fs.writeFile(join(folder, 'lock'), '1 a-boot-long-ago/17\n');

  const starts = await Promise.allSettled([start(), start(), start(), start(), start()]);

  expect(starts.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
});

test('data outlives a stop and a start, and stopping leaves nothing', async () => {
  const first = await start();
  await query(first.url, 'create table kept (value text)');
  await query(first.url, `insert into kept values ('still here')`);

  await Promise.all([first.stop(), first.stop()]);

  // The shell that stood beside it ends a moment behind it.
  await expect.poll(() => processesOf(folder)).toEqual([]);
  expect(existsSync(join(folder, 'lock'))).toBe(false);
  const second = await start();
  expect(await query(second.url, 'select value from kept')).toEqual([{ value: 'still here' }]);
});

test('PostgreSQL ends with a server that is killed, and the folder starts again', async () => {
  const child = await startElsewhere('setInterval(() => {}, 1000)');
  expect(await refusal(start())).toContain(`(process ${child.pid}) is already using`);

  child.kill('SIGKILL');
  await once(child, 'exit');
  // At once: the old PostgreSQL may still be shutting down.
  const server = await start();

  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
  await noProcesses(folder);
});

test('a folder whose path is too long for a socket works', async () => {
  const deep = join(base, 'a-folder-with-a-long-name-'.repeat(4), 'with spaces, commas & "quotes" %2F');

  const server = await start(deep);

  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  const socket = decodeURIComponent(new URL(server.url).hostname);
  expect(socket.startsWith(base)).toBe(false);
  await server.stop();
  expect(existsSync(socket)).toBe(false);
});

test.runIf(onLinux)(
  'a lock, and a postmaster.pid, whose process number belongs to another by now are replaced',
  async () => {
    const first = await start();
    await first.stop();
    await fs.writeFile(join(folder, 'lock'), `${process.pid} another-boot/12345\n`);
    await fs.writeFile(join(folder, 'postgres', 'postmaster.pid'), `${process.pid}\n${folder}/postgres\n`);

    const second = await start();

    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await fs.readFile(join(folder, 'lock'), 'utf8')).not.toContain('another-boot');
  },
);

test('an initdb that was cut short is done again', async () => {
  const half = join(folder, 'postgres.init-half');
  await fs.mkdir(half, { recursive: true });
  await fs.writeFile(join(half, 'PG_VERSION'), '18\n');

  const server = await start();

  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(existsSync(half)).toBe(false);
});

test('a PostgreSQL that does not come up is told with the end of its log', async () => {
  const first = await start();
  await first.stop();
  await fs.appendFile(join(folder, 'postgres', 'postgresql.conf'), '\nno_such_setting = on\n');

  const message = await refusal(start());

  expect(message).toContain('unrecognized configuration parameter "no_such_setting"');
  expect(message).toContain('DATABASE_URL');
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

test('a process that forgets to stop it ends all the same, and so does PostgreSQL', async () => {
  const child = await startElsewhere('');

  const [code] = await once(child, 'exit');

  expect(code).toBe(0);
  await noProcesses(folder);
});
