import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from './stores.js';

/** What `licensegraph/client/node` exports, for applications on Node.js: a store of files, and a machine's fingerprint. */
export { type MachineFacts, machineFacts, machineFingerprint } from './machine.js';

const OWN_FILES_ONLY = 0o600;
const OWN_FOLDER_ONLY = 0o700;

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
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
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
  };
}
