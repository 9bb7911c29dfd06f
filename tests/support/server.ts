import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type postgres from 'postgres';
import { expect, inject } from 'vitest';
import type { Role } from '../../src/access/permissions.js';
import { InvoicePrinter, type PrinterLimits } from '../../src/billing/documents/printer.js';
import { addMillis, type Clock, type Instant, parseInstant } from '../../src/core/clock.js';
import { readConfig } from '../../src/core/config.js';
import { connect } from '../../src/core/db.js';
import type { Keys } from '../../src/core/keys.js';
import { createLog } from '../../src/core/log.js';
import { openTokens, type Tokens } from '../../src/server/callers/openTokens.js';
import { createApp } from '../../src/server/http/app.js';
import { JOB_CONNECTIONS } from '../../src/server/jobs.js';
import type { Machinery } from '../../src/server/operation/operation.js';
import { createSchema } from '../../src/server/schema.js';
import { followEvents, openMachinery } from '../../src/server/start.js';
import { onDatabase, TEMPLATE } from './database.js';
import { TestJobs } from './jobs.js';

const schema = createSchema();

export function at(text: string): Instant {
  const read = parseInstant(text);
  if (read === undefined) throw new Error(`${text} is no instant`);
  return read;
}

export const START = at('2026-03-01T12:00:00Z');

export interface GraphError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: {
    readonly code: string;
    readonly fields?: { field: string; message: string }[];
  } & Record<string, unknown>;
}

/** An answer's data, read by its path; an expectation checks what is there. */
export type Json = { readonly [key: string]: Json };

export interface Answer {
  readonly status: number;
  readonly data: Json | null;
  readonly errors: readonly GraphError[];
  /** The code of the first error. */
  readonly code: string | undefined;
}

export interface Claims {
  readonly tenant_id: string;
  readonly sub?: string;
  readonly roles?: readonly Role[];
  readonly permissions?: readonly string[];
  readonly kind?: 'user' | 'service';
  readonly customer_id?: string;
  readonly reseller_id?: string;
}

export class TestServer {
  now: Instant = START;
  /** The text of every statement that requests have run since the list was last emptied. */
  readonly statements: string[] = [];

  constructor(
    /** Every line of the log. */
    readonly logged: readonly string[],
    readonly app: FastifyInstance,
    readonly tokens: Tokens,
    /** A superuser's connection to this file's database, past row-level security. */
    readonly sql: postgres.Sql,
    readonly url: string,
    readonly adminUrl: string,
    readonly keys: Keys,
    /** What the server's operations use, for acts that no root field offers yet. */
    readonly machinery: Machinery,
    /** Runs the jobs that are due at this server's instant. */
    readonly jobs: TestJobs,
    readonly stop: () => Promise<void>,
  ) {}

  pass(millis: number): void {
    this.now = addMillis(this.now, millis);
  }

  token(claims: Claims): Promise<string> {
    return (
      this.tokens.signer?.sign({ sub: 'tester', ...claims }, this.now, 3600) ??
      Promise.reject(new Error('no signer'))
    );
  }

  /** Sends one operation over HTTP, as the bearer of these claims or as nobody. */
  async graphql(
    query: string,
    variables: object = {},
    as?: Claims | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const token = typeof as === 'object' ? await this.token(as) : as;
    const response = await this.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      payload: JSON.stringify({ query, variables }),
    });
    const body = response.json<{ data?: Json | null; errors?: GraphError[] }>();
    const errors = body.errors ?? [];
    return { status: response.statusCode, data: body.data ?? null, errors, code: errors[0]?.extensions.code };
  }

  /** The same, for an operation that has to succeed. */
  async ok(
    query: string,
    variables: object = {},
    as?: Claims | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Json> {
    const answer = await this.graphql(query, variables, as, headers);
    expect(answer.errors, this.logged.filter((line) => line.includes('"level":50')).join('\n')).toEqual([]);
    if (answer.data === null) throw new Error('an answer without data');
    return answer.data;
  }

  /** A tenant of its own for a test, with its administrator's claims. */
  async tenant(id = `t-${randomUUID().slice(0, 8)}`): Promise<Claims> {
    await this.sql`insert into tenants (id, name, settings, created_at, updated_at)
      values (${id}, ${id}, ${this.sql.json({ feature_flags: { graphql_enabled: 'graphql_api' } })}, now(), now())`;
    return { tenant_id: id, roles: ['admin'] };
  }

  async count(table: string, where = 'true'): Promise<number> {
    const [row] = await this.sql.unsafe(`select count(*)::int as count from ${table} where ${where}`);
    return Number(row?.count);
  }
}

export function newKeys(): Keys {
  const secret = () => [{ id: 'k1', bytes: randomBytes(32) }];
  const tokenKey = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { peppers: secret(), encryption: secret(), tokenKey: { ...tokenKey } };
}

interface Database {
  readonly adminUrl: string;
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** A database of this file's own, copied from the migrated template. */
export async function newDatabase(): Promise<Database> {
  const name = `lg_test_${randomUUID().replaceAll('-', '')}`;
  const [adminUrl, loginUrl] = [inject('adminUrl'), inject('loginUrl')];
  const run = async (text: string): Promise<void> => {
    const admin = connect(adminUrl, { max: 1 });
    await admin.unsafe(text).finally(() => admin.end());
  };
  await run(`create database ${name} template ${TEMPLATE} owner lg_test_login`);
  return {
    adminUrl: onDatabase(adminUrl, name),
    url: onDatabase(loginUrl, name),
    drop: () => run(`drop database ${name} with (force)`),
  };
}

export interface TestServerOptions {
  readonly environment?: NodeJS.ProcessEnv;
  readonly keys?: Keys;
  /** Another graph than the product's, with guards of its own. */
  readonly graph?: GraphQLSchema;
  /** Numbers events and feeds subscriptions. */
  readonly events?: boolean;
  /** A second server on the database, and with the keys, of this one; stop it first. */
  readonly beside?: Pick<TestServer, 'adminUrl' | 'url' | 'keys'>;
}

function sharedDatabase({ adminUrl, url }: Pick<TestServer, 'adminUrl' | 'url'>): Database {
  return { adminUrl, url, drop: async () => undefined };
}

/** Its clock stands still, and with it every window of the rate limits: tests of those set them. */
const surroundings = {
  NODE_ENV: 'test',
  LG_DATABASE_POOL: '8',
  LG_RATE_ADDRESS_PER_MINUTE: '0',
  LG_RATE_LICENSE_PER_MINUTE: '0',
  LG_INCIDENT_MISSES: '0',
  LG_RATE_MISSES_PER_10_MINUTES: '0',
};

/** Its thread is one of Node's own, which runs what is compiled. */
export function invoicePrinter(limits: Partial<PrinterLimits> = {}): InvoicePrinter {
  return new InvoicePrinter(new URL('../../dist/billing/documents/thread.js', import.meta.url), limits);
}

/** The whole server in this process, on real PostgreSQL, with a clock that stands still until a test moves it. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { beside } = options;
  const database = beside === undefined ? await newDatabase() : sharedDatabase(beside);
  const config = readConfig({ ...surroundings, ...options.environment });
  const keys = options.keys ?? beside?.keys ?? newKeys();
  const holder: { server?: TestServer } = {};
  const clock: Clock = () => holder.server?.now ?? START;
  const logged: string[] = [];
  const log = createLog('info', { write: (line: string) => void logged.push(line) });
  const onStatement = (text: string): void => void holder.server?.statements.push(text);
  const parts = { config, keys, url: database.url, log, clock };
  const opened = openMachinery({ ...parts, onStatement }, 'lg_app');
  const openWorker = () => openMachinery({ ...parts, maxConnections: JOB_CONNECTIONS }, 'lg_worker');
  const jobs = new TestJobs({ url: database.url, config, openWorker });
  const following = options.events === true ? await followEvents(opened, database.url) : undefined;
  const machinery = following?.machinery ?? opened;
  const tokens = await openTokens(config, keys, clock);
  const { verify: verifyToken, publicKeys } = tokens;
  const app = await createApp({
    config,
    machinery,
    schema: options.graph ?? schema,
    verifyToken,
    publicKeys,
    printer: invoicePrinter(),
  });
  const sql = connect(database.adminUrl, { max: 3 });
  const stop = async (): Promise<void> => {
    await app.close();
    await jobs.end();
    await following?.stop();
    await machinery.pool.end();
    await sql.end();
    await database.drop();
  };
  const { url, adminUrl } = database;
  holder.server = new TestServer(logged, app, tokens, sql, url, adminUrl, keys, machinery, jobs, stop);
  return holder.server;
}
