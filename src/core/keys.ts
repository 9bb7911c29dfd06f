import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Config } from './config.js';
import type { KeyMaterial, SecretKey } from './crypto.js';
import { StartupError } from './startupError.js';

const keyBytes = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');
const keyList = z
  .array(z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/), key: keyBytes }))
  .min(1)
  .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, 'ids must differ');
const keyDocument = z.object({
  peppers: keyList,
  encryption: keyList,
  /** Private JWK that signs the tokens of a development server. */
  tokens: z.record(z.string(), z.unknown()).optional(),
});

export interface Keys extends KeyMaterial {
  readonly tokenKey: Readonly<Record<string, unknown>> | undefined;
}

function secretKeys(keys: z.output<typeof keyList>): SecretKey[] {
  return keys.map(({ id, key }) => ({ id, bytes: key }));
}

function parseKeys(document: unknown, source: string): Keys {
  const read = keyDocument.safeParse(document);
  if (!read.success) {
    const problems = read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new StartupError(`Key material from ${source} does not fit: ${problems.join('; ')}`);
  }
  const { peppers, encryption, tokens } = read.data;
  return { peppers: secretKeys(peppers), encryption: secretKeys(encryption), tokenKey: tokens };
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StartupError(`Key material from ${source} is not JSON.`);
  }
}

function environmentList(name: string, value: string | undefined): { id: string; key: string }[] {
  if (value === undefined) throw new StartupError(`${name}: is required when keys come from the environment`);
  return value.split(',').map((pair) => {
    const [id = '', key = ''] = pair.split(':', 2);
    return { id: id.trim(), key: key.trim() };
  });
}

async function keysFromCommand(command: string): Promise<Keys> {
  const run = promisify(execFile);
  const { stdout } = await run('/bin/sh', ['-c', command], { timeout: 30_000 }).catch(() => {
    throw new StartupError('LG_KEYS_COMMAND: the command failed; run it by hand to see why');
  });
  return parseKeys(parseJson(stdout, 'LG_KEYS_COMMAND'), 'LG_KEYS_COMMAND');
}

async function keysFromFile(path: string): Promise<Keys> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new StartupError(`LG_KEYS_FILE: cannot read ${path}`);
  });
  return parseKeys(parseJson(text, path), path);
}

function newKeyDocument(): string {
  const secret = (): { id: string; key: string }[] => [{ id: 'k1', key: randomBytes(32).toString('base64') }];
  const tokens = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return JSON.stringify({ peppers: secret(), encryption: secret(), tokens }, null, 2);
}

/** `link` fails if the file is there: of two first starts one makes the keys, both read them. */
async function writeKeys(folder: string, path: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, newKeyDocument(), { mode: 0o600 });
  await link(draft, path).catch(() => undefined);
  await rm(draft);
}

/** Development only. */
async function generatedKeys(folder: string): Promise<Keys> {
  const path = join(folder, 'keys.json');
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known === undefined) {
    await writeKeys(folder, path).catch((error: Error) => {
      throw new StartupError(`LG_DATA_DIR: keys cannot be kept there: ${error.message}`);
    });
  }
  return keysFromFile(path);
}

/** Loads peppers and encryption keys from where the settings say. */
export async function loadKeys(config: Config): Promise<Keys> {
  const source = config.LG_KEYS ?? (config.NODE_ENV === 'production' ? 'env' : undefined);
  if (source === 'command') return keysFromCommand(config.LG_KEYS_COMMAND ?? '');
  if (source === 'file') return keysFromFile(config.LG_KEYS_FILE ?? '');
  if (source === 'env') {
    const document = {
      peppers: environmentList('LG_PEPPERS', config.LG_PEPPERS),
      encryption: environmentList('LG_ENCRYPTION_KEYS', config.LG_ENCRYPTION_KEYS),
    };
    return parseKeys(document, 'the environment');
  }
  return generatedKeys(config.LG_DATA_DIR);
}
