/** Small answers about files, for the code that starts PostgreSQL. */
import * as fs from 'node:fs/promises';

export function exists(path: string): Promise<boolean> {
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

/** Empty when there is no such file, or it cannot be read. */
export function readText(path: string): Promise<string> {
  return fs.readFile(path, 'utf8').catch(() => '');
}

export function removeFolder(path: string): Promise<void> {
  return fs.rm(path, { recursive: true, force: true, maxRetries: 10 });
}

/** Makes what was renamed into this folder outlive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await fs.open(path);
  await handle.sync().finally(() => handle.close());
}

/** For `catch`: undefined for this one error code, any other error again. */
export function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (errorCode(error) !== code) throw error;
  };
}

export function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
