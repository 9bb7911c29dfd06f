import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
    if (Math.abs(Date.now() - mtimeMs) > LOCK_MILLIS) await rm(lock, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
  return false;
}

/**
 * Keeps one file for each license in a folder of the user's own; a file is replaced whole, by rename, so that a crash
 * leaves the old one or the new one.
 */
export function fileStore(folder: string): Store {
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
      await mkdir(folder, { recursive: true, mode: OWN_FOLDER_ONLY });
      const path = join(folder, name);
      const half = `${path}.${process.pid}-${crypto.randomUUID()}`;
      await writeFile(half, text, { mode: OWN_FILES_ONLY, flag: 'wx' });
      await chmod(half, OWN_FILES_ONLY);
      await rename(half, path);
    },
    async alone(name, act) {
      const lock = join(folder, `${name}.lock`);
      await mkdir(folder, { recursive: true, mode: OWN_FOLDER_ONLY }).catch(() => undefined);
      const isOurs = await isLocked(lock);
      try {
        return await act();
      } finally {
        if (isOurs) await rm(lock, { force: true }).catch(() => undefined);
      }
    },
  };
}
