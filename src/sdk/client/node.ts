import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Store } from './stores.js';

/** What `licensegraph/client/node` exports, for applications on Node.js: a store of files, and a machine's fingerprint. */
export { type MachineFacts, machineFacts, machineFingerprint } from './machine.js';

const OWN_FILES_ONLY = 0o600;
const OWN_FOLDER_ONLY = 0o700;

/** Nobody changes a file for longer: the process that has locked it has died. */
const LOCK_MILLIS = 5_000;
/** Whoever cannot have the lock by then goes on without: a license is not worth an application that hangs. */
const LONGEST_WAIT_MILLIS = 2 * LOCK_MILLIS;
const POLL_MILLIS = 10;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A file that only one can make. Of two who find it left behind at once both may take it: then one loses what it keeps. */
async function isLocked(lock: string): Promise<boolean> {
  const end = performance.now() + LONGEST_WAIT_MILLIS;
  while (performance.now() < end) {
    try {
      await writeFile(lock, '', { mode: OWN_FILES_ONLY, flag: 'wx' });
      return true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') return false;
    }
    const { mtimeMs = Date.now() } = (await stat(lock).catch(() => undefined)) ?? {};
    if (Math.abs(Date.now() - mtimeMs) <= LOCK_MILLIS)
      await new Promise((next) => setTimeout(next, POLL_MILLIS));
    else if (!(await isRemoved(lock))) return false;
  }
  return false;
}

/** Not in a folder that has become read-only since, nor a folder that somebody has put there: no act fails by that. */
function isRemoved(lock: string): Promise<boolean> {
  return rm(lock, { force: true }).then(
    () => true,
    () => false,
  );
}

/** Not by `recursive`: where no folder can be made, as below `/proc`, Node.js tries for ever. */
async function makeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: OWN_FOLDER_ONLY }).catch((error: unknown) => {
    // Another process has made it; of what else is in its place, writing tells.
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

/**
 * Keeps one file for each license in a folder of the user's own; a file is replaced whole, by rename, so that a crash
 * leaves the old one or the new one.
 */
export function fileStore(folder: string): Store {
  if (typeof folder !== 'string' || folder === '')
    throw new TypeError('folder: has to be the path of a folder');
  return {
    async get(name) {
      try {
        return await readFile(join(folder, name), 'utf8');
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async set(name, text) {
      await makeFolder(resolve(folder));
      const path = join(folder, name);
      const half = `${path}.${process.pid}-${crypto.randomUUID()}`;
      try {
        await writeFile(half, text, { mode: OWN_FILES_ONLY, flag: 'wx' });
        await chmod(half, OWN_FILES_ONLY);
        await rename(half, path);
      } catch (error) {
        // A full disk takes the name of a file and not its text: each try would leave one more.
        await rm(half, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    async alone(name, act) {
      const lock = join(folder, `${name}.lock`);
      await makeFolder(resolve(folder)).catch(() => undefined);
      const isOurs = await isLocked(lock);
      try {
        return await act();
      } finally {
        if (isOurs) await rm(lock, { force: true }).catch(() => undefined);
      }
    },
  };
}
