import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { SecretKey } from '../../src/core/crypto.js';
import type { Answer, GraphError, Json, TestServer } from './server.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** A start takes one to three seconds; several at once, on a machine that others use too, ten times that. */
const READY_MS = 90_000;

/** A server in a process of its own, from what `npm test` has compiled. Its clock is the system's. */
export class ServerProcess {
  constructor(
    readonly address: string,
    /** Everything that it has printed, its log among it. */
    readonly output: readonly string[],
    private readonly child: ChildProcess,
  ) {
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
  }

  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Sends one operation, as the bearer of this token or as nobody. */
  async graphql(
    query: string,
    variables: object = {},
    token?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization, ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as { data?: Json | null; errors?: GraphError[] };
    const errors = body.errors ?? [];
    return { status: response.status, data: body.data ?? null, errors, code: errors[0]?.extensions.code };
  }

  /** Ends it as a power cut would: nothing of its own runs any more. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    // Many callers may kill one server: all wait for the one end of it.
    await this.exited;
  }
}

function keyList(keys: readonly SecretKey[]): { id: string; key: string }[] {
  return keys.map(({ id, bytes }) => ({ id, key: bytes.toString('base64') }));
}

const SERVING = /LicenseGraph is ready[\s\S]*Graph +(http\S+)\/graphql/;
const WORKING = /LicenseGraph works()/;

/** Waits for the words that a start ends with, and reads the address from them. */
function addressIn(child: ChildProcess, output: string[], ready = SERVING): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`a server ${why}:\n${output.join('')}`));
    const limit = setTimeout(() => fail(`was not ready in ${READY_MS} ms`), READY_MS);
    let isReady = false;
    const read = (chunk: Buffer): void => {
      output.push(chunk.toString());
      // All that it says later is kept and not read again: a busy server's log has thousands of lines.
      const address = isReady ? undefined : ready.exec(output.join(''))?.[1];
      if (address === undefined) return;
      isReady = true;
      clearTimeout(limit);
      resolve(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(limit);
      fail(`ended with ${code}`);
    });
  });
}

/** Server processes on the database, and with the keys, of a test server. Whoever opens them ends them. */
export class Processes {
  private readonly started: ServerProcess[] = [];

  private constructor(
    private readonly folder: string,
    private readonly environment: NodeJS.ProcessEnv,
  ) {}

  static async open({ keys, url }: TestServer, environment: NodeJS.ProcessEnv = {}): Promise<Processes> {
    expect(existsSync(MAIN), 'dist/ is missing: run npm test').toBe(true);
    const folder = await mkdtemp(join(tmpdir(), 'lg-processes-'));
    const keysFile = join(folder, 'keys.json');
    const { peppers, encryption, tokenKey: tokens } = keys;
    const document = { peppers: keyList(peppers), encryption: keyList(encryption), tokens };
    await writeFile(keysFile, JSON.stringify(document), { mode: 0o600 });
    return new Processes(folder, {
      PATH: process.env.PATH,
      NODE_ENV: 'development',
      PORT: '0',
      DATABASE_URL: url,
      LG_DATA_DIR: folder,
      LG_KEYS: 'file',
      LG_KEYS_FILE: keysFile,
      ...environment,
    });
  }

  start(environment: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    return this.#run('serve', SERVING, environment);
  }

  /** One that runs jobs and nothing else: it has no address. */
  work(environment: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    return this.#run('work', WORKING, environment);
  }

  async #run(word: string, ready: RegExp, environment: NodeJS.ProcessEnv): Promise<ServerProcess> {
    const child = spawn(process.execPath, [MAIN, word], {
      env: { ...this.environment, ...environment },
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A run that is cut short takes its servers with it.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.removeListener('exit', end));
    const output: string[] = [];
    try {
      const server = new ServerProcess(await addressIn(child, output, ready), output, child);
      this.started.push(server);
      return server;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Runs the command line beside the servers, with their settings. */
  async command(...words: readonly string[]): Promise<{ code: unknown; said: string; complained: string }> {
    const child = spawn(process.execPath, [MAIN, ...words], { env: this.environment, cwd: this.folder });
    const [said, complained]: [string[], string[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => complained.push(chunk.toString()));
    const [code] = await once(child, 'close');
    return { code, said: said.join(''), complained: complained.join('') };
  }

  async end(): Promise<void> {
    await Promise.all(this.started.map((server) => server.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
