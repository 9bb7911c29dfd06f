/**
 * A real PostgreSQL of our own in a folder, for development, evaluation and tests; production sets
 * DATABASE_URL.
 *
 * One server process holds `<folder>/lock`. PostgreSQL listens on a unix socket in a folder of mode 0700 and
 * nowhere else, which is why it may trust whoever connects. It ends with the process that started it, however
 * that one dies.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { StartupError } from '../../core/startupError.js';
import { exists, readText, removeFolder, syncFolder, unless } from './files.js';
import {
  commandLine,
  environment,
  findBinaries,
  findLauncher,
  giveTo,
  INSTEAD,
  type Launcher,
  makeFolder,
} from './postgresBinaries.js';
import { tryLock, unlock } from './processLock.js';

export interface EmbeddedPostgres {
  /** Taken as it is by `postgres` and by `pg`. */
  readonly url: string;
  /** A fast shutdown; resolves when PostgreSQL has ended and the folder is free. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The data folder, absolute or relative to the working directory; made when missing. */
  readonly folder: string;
  /** False gives up safety against a power cut for speed: for tests. */
  readonly durable: boolean;
  readonly maxConnections?: number;
}

const NAME = 'licensegraph';
const SOCKET = '.s.PGSQL.5432';
const POLL_MS = 20;
const PREDECESSOR_LIMIT_MS = 15_000;
/** Recovery after a power cut replays the log: seconds, on a slow disk a minute. */
const START_LIMIT_MS = 120_000;
/** macOS has 104 bytes for a socket's address, the last of them zero; Linux 108. */
const SOCKET_PATH_LIMIT_BYTES = 103;
const LOG_LIMIT_BYTES = 10_000_000;

/**
 * Stands between us and PostgreSQL. Its standard input is a pipe whose other end only we hold: our stop(),
 * our exit and our SIGKILL all end it. SIGINT means a fast shutdown; it is repeated, because one that comes
 * before PostgreSQL has its handlers is lost, and turns into QUIT, an immediate shutdown, after 30 s.
 */
const WATCHDOG = `
trap '' INT TERM HUP
scratch=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
postgres=$!
(
  read -r line <&3
  signal=INT tries=0
  while kill -s $signal $postgres 2>/dev/null; do
    tries=$((tries + 1)); [ $tries -lt 150 ] || signal=QUIT
    sleep 0.2 || sleep 1
  done
) &
reader=$!
wait $postgres; status=$?
kill -s KILL $reader 2>/dev/null
[ -z "$scratch" ] || rm -rf -- "$scratch"
exit $status`;

interface Site {
  readonly folder: string;
  readonly data: string;
  readonly bin: string;
  readonly launcher: Launcher;
  readonly log: Log;
}

interface Log {
  readonly path: string;
  readonly file: fs.FileHandle;
  /** Where the lines of this start begin. */
  readonly offset: number;
}

interface Guarded {
  readonly process: ChildProcess;
  /** Its exit code, or the signal or error that ended it. */
  readonly exited: Promise<string>;
  /** Closes the watchdog's pipe. */
  end(): void;
}

export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const named = resolve(options.folder);
  try {
    await fs.mkdir(named, { recursive: true, mode: 0o700 });
    return await startAlone(await fs.realpath(named), options);
  } catch (error) {
    // A system call that failed: no permission, a full disk, a file system that is read-only.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new StartupError(`PostgreSQL cannot be started in ${named}: ${error.message}. ${INSTEAD}`, {
      cause: error,
    });
  }
}

async function startAlone(folder: string, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const lock = join(folder, 'lock');
  const holder = await tryLock(lock);
  if (holder !== undefined) {
    throw new StartupError(
      `Another LicenseGraph server (process ${holder}) is already using ${folder}. ` +
        'Stop it, or start this one with another LG_DATA_DIR or with DATABASE_URL.',
    );
  }
  try {
    const { server, url } = await start(folder, options);
    const end = async () => {
      server.process.ref();
      await stopped(server);
      await unlock(lock);
    };
    let ending: Promise<void> | undefined;
    const stop = () => {
      ending ??= end();
      return ending;
    };
    return { url, stop };
  } catch (error) {
    await unlock(lock);
    throw error;
  }
}

async function start(
  folder: string,
  options: EmbeddedPostgresOptions,
): Promise<{ server: Guarded; url: string }> {
  const data = join(folder, 'postgres');
  const bin = await findBinaries();
  const launcher = await findLauncher(folder, data, bin);
  await predecessorGone(folder, data);
  const log = await openLog(folder, launcher);
  const site: Site = { folder, data, bin, launcher, log };
  try {
    await initialise(site, options.durable);
    const socket = await makeSocketFolder(site);
    const command = [join(bin, 'postgres'), '-D', data, ...settings(socket.path, options)];
    const server = run(site, command, socket.scratch);
    try {
      await ready(site, server);
      await makeDatabase(socket.path);
    } catch (error) {
      await stopped(server);
      throw error;
    }
    server.process.unref();
    return { server, url: urlOf(socket.path, NAME) };
  } finally {
    await log.file.close();
  }
}

async function stopped(server: Guarded): Promise<void> {
  server.end();
  await server.exited;
}

/**
 * The server before us may have been killed a moment ago, and its PostgreSQL be writing its last checkpoint.
 * The socket is asked too: a container on the same volume has process numbers of its own. What is left of
 * `postmaster.pid` is then removed, since PostgreSQL takes any living process with that number for one of its
 * kind.
 */
async function predecessorGone(folder: string, data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const deadline = Date.now() + PREDECESSOR_LIMIT_MS;
  for (;;) {
    const pid = Number.parseInt(await readText(file), 10);
    const runs = (await commandLine(pid)).includes(data) || (await answers(join(folder, 'socket', SOCKET)));
    if (!runs) break;
    if (Date.now() > deadline) {
      throw new StartupError(
        `PostgreSQL (process ${pid}) is still running on ${data}: stop it first. ${INSTEAD}`,
      );
    }
    await sleep(POLL_MS);
  }
  await fs.rm(file, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(path);
    socket.once('error', () => settle(false));
    socket.once('connect', () => {
      socket.destroy();
      settle(true);
    });
  });
}

function run({ folder, launcher, log }: Site, command: readonly string[], scratch = ''): Guarded {
  const args = ['-c', WATCHDOG, 'licensegraph-watchdog', scratch, ...launcher.prefix, ...command];
  const child = spawn('/bin/sh', args, {
    ...launcher.user,
    cwd: folder,
    // A session of its own: Ctrl-C in the terminal reaches our server, which drains first, not PostgreSQL.
    detached: true,
    env: environment(),
    stdio: ['pipe', log.file.fd, log.file.fd],
  });
  const exited = new Promise<string>((settle) => {
    child.once('exit', (code, signal) => settle(String(code ?? signal)));
    child.once('error', (error) => settle(error.message));
  });
  child.stdin?.on('error', () => {});
  if (child.stdin instanceof Socket) child.stdin.unref();
  return { process: child, exited, end: () => child.stdin?.destroy() };
}

/**
 * Works in a folder beside the real one and renames it: an initdb that was killed is never taken for a
 * finished one.
 */
async function initialise(site: Site, durable: boolean): Promise<void> {
  const { folder, data, launcher } = site;
  const prefix = 'postgres.init-';
  for (const name of await fs.readdir(folder)) {
    if (name.startsWith(prefix)) await removeFolder(join(folder, name));
  }
  if (await exists(join(data, 'PG_VERSION'))) return giveTo(data, launcher);
  const fresh = join(folder, `${prefix}${randomUUID()}`);
  await makeFolder(fresh, launcher);
  // The built-in C.UTF-8 sorts and folds alike everywhere; the C library's is missing on some systems.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['-U', NAME, '--auth=trust', '--no-instructions', ...(durable ? [] : ['--no-sync'])];
  const initdb = run(site, [join(site.bin, 'initdb'), '-D', fresh, ...locale, ...access]);
  const limit = setTimeout(initdb.end, START_LIMIT_MS);
  const status = await initdb.exited;
  clearTimeout(limit);
  if (status !== '0') {
    await removeFolder(fresh);
    throw await failure(site, `PostgreSQL's initdb failed (${status})`);
  }
  await fs.rename(fresh, data);
  if (durable) await syncFolder(folder);
}

function settings(socketFolder: string, options: EmbeddedPostgresOptions): string[] {
  const values = {
    listen_addresses: '',
    port: 5432,
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    max_connections: options.maxConnections ?? 100,
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** In the data folder, or below the temporary folder where that is too long for a socket's address. */
async function makeSocketFolder({ folder, launcher }: Site): Promise<{ path: string; scratch?: string }> {
  const inside = join(folder, 'socket');
  await removeFolder(inside);
  if (fits(inside)) {
    await makeFolder(inside, launcher);
    await fs.symlink('.', join(inside, ','));
    return { path: inside };
  }
  const base = fits(join(tmpdir(), `${NAME}-123456`)) ? tmpdir() : '/tmp';
  const scratch = await fs.mkdtemp(join(base, `${NAME}-`));
  await fs.symlink('.', join(scratch, ','));
  if (launcher.user) await fs.chown(scratch, launcher.user.uid, launcher.user.gid);
  return { path: scratch, scratch };
}

function fits(socketFolder: string): boolean {
  return Buffer.byteLength(join(socketFolder, ',', SOCKET)) <= SOCKET_PATH_LIMIT_BYTES;
}

/**
 * postgres.js 3.4.9 hands `?host=` on to the server, which refuses it, and leaves `%2F` in a host as it is
 * unless the host holds a comma (a list of hosts): such a one it decodes, and takes whole for a socket
 * folder. So the socket folder holds a link named `,` to itself, and the URL goes through it. `pg` decodes
 * any host.
 */
function urlOf(socketFolder: string, database: string): string {
  return `postgres://${NAME}@${encodeURIComponent(join(socketFolder, ','))}/${database}`;
}

async function ready(site: Site, server: Guarded): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  let status: string | undefined;
  server.exited.then((value) => {
    status = value;
  });
  // The eighth line of postmaster.pid is the server's state.
  while ((await readText(join(site.data, 'postmaster.pid'))).split('\n')[7]?.trim() !== 'ready') {
    if (status !== undefined) throw await failure(site, `PostgreSQL did not start (${status})`);
    if (Date.now() > deadline) throw await failure(site, 'PostgreSQL did not start in time');
    await sleep(POLL_MS);
  }
}

async function makeDatabase(socketFolder: string): Promise<void> {
  const sql = postgres(urlOf(socketFolder, 'postgres'), { max: 1, fetch_types: false, ssl: false });
  try {
    const found = await sql`select 1 from pg_database where datname = ${NAME}`;
    if (found.length === 0) await sql`create database ${sql(NAME)}`;
  } finally {
    await sql.end();
  }
}

async function openLog(folder: string, { user }: Launcher): Promise<Log> {
  const path = join(folder, 'postgres.log');
  const size = (await fs.stat(path).catch(unless('ENOENT')))?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) await fs.rename(path, `${path}.1`);
  const file = await fs.open(path, 'a', 0o600);
  if (user) await file.chown(user.uid, user.gid);
  return { path, file, offset: (await file.stat()).size };
}

async function failure({ log }: Site, what: string): Promise<StartupError> {
  const written = (await fs.readFile(log.path)).subarray(log.offset).toString();
  const end = written.trim().split('\n').slice(-10).join('\n');
  return new StartupError(`${what}. ${INSTEAD} The end of ${log.path}:\n${end}`);
}
