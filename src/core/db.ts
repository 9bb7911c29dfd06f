import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { type Connect, type Connection, Connections, type Runner } from './connections.js';
import { isTenantId, type TenantId } from './id.js';
import { textArrays } from './textArrays.js';

/** Drizzle over one connection, or over a pool: what query functions build their statements on. */
export type Db = PostgresJsDatabase & { readonly $client: postgres.Sql };

export type DatabaseRole = 'lg_owner' | 'lg_worker' | 'lg_app';

export interface PoolOptions {
  readonly url: string;
  readonly role: DatabaseRole;
  readonly maxConnections: number;
  readonly statementSeconds?: number;
  /** Called with each statement's text; tests count with it. */
  readonly onStatement?: (text: string) => void;
}

/** One transaction on one connection. */
export interface Session {
  readonly db: Db;
  /** The same for statements that are planned for their own values, each time that they run. */
  readonly planned: Db;
  /** Row-level security shows nothing until a tenant is set. */
  setTenant(tenantId: TenantId): void;
  /** Shows the row of every tenant in `tenants`, and nothing else of theirs: for operators. */
  showTenants(): void;
  /** How long a statement may wait for a lock from here on. */
  limitLockWait(millis: number): void;
  /** Takes over a statement that was sent: the commit follows it without waiting, and fails as it does. */
  send(statement: Promise<unknown>): void;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface Pool {
  /** Statements outside a transaction: the key directory, health. */
  readonly db: Db;
  /** A signal ends the transaction where it stands, unless its commit is on the way: it is rolled back. */
  begin(mode: 'read' | 'write', signal?: AbortSignal): Promise<Session>;
  /** A writing transaction on a connection that no request waits for: whoever begins it may hold another one already. */
  beginApart(): Promise<Session>;
  /** Wakes whoever listens on a channel. */
  notify(channel: string): Promise<void>;
  end(): Promise<void>;
}

const BEGIN = {
  read: 'begin isolation level repeatable read, read only',
  write: 'begin isolation level read committed, read write',
} as const;

export function connect(url: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
  return postgres(url, { onnotice: () => undefined, fetch_types: false, types: { textArrays }, ...options });
}

/**
 * Drizzle calls `unsafe`, which postgres.js never prepares; asked to, it keeps the server's plan by statement
 * text (a point look-up runs at 0.98 of hand-prepared SQL, against 0.18). So every statement text has to come
 * from a small set: lists are passed as one array, never as one placeholder an element.
 */
function drizzleOver(
  connection: Runner,
  options: postgres.Sql['options'],
  onStatement: ((text: string) => void) | undefined,
  prepare = true,
): Db {
  const client = {
    options,
    unsafe: (text: string, values: postgres.ParameterOrJSON<never>[] = []) => {
      onStatement?.(text);
      return connection.unsafe(text, values, { prepare });
    },
  };
  return drizzle(client as unknown as postgres.Sql);
}

function tenantStatement(tenantId: TenantId): string {
  if (!isTenantId(tenantId)) throw new Error('a tenant id of an unchecked shape reached the database');
  return `set local app.tenant = '${tenantId}'`;
}

/** Drizzle over a connection that is opened for one purpose, outside the pools. */
export function drizzleOn(connection: Runner, options: postgres.Sql['options']): Db {
  return drizzleOver(connection, options, undefined);
}

/** What a transaction has sent without waiting for it: the first failure among it is the transaction's. */
class Sent {
  readonly #statements: Promise<unknown>[] = [];

  readonly take = (statement: Promise<unknown>): void => {
    statement.catch(() => undefined);
    this.#statements.push(statement);
  };

  async answered(): Promise<void> {
    await Promise.all(this.#statements);
  }
}

/** Who went while a connection was opened or handed over hears of no end any more, and would never give it back. */
async function takenFor(connections: Connections, signal: AbortSignal | undefined): Promise<Connection> {
  const connection = await connections.take(signal);
  if (signal?.aborted !== true) return connection;
  connections.give(connection);
  throw signal.reason;
}

/** How a transaction begins: with its settings it is one message, which goes out with the first statement. */
class Opening {
  #texts: string[] | undefined;

  constructor(
    mode: 'read' | 'write',
    private readonly send: (text: string) => void,
  ) {
    this.#texts = [BEGIN[mode]];
  }

  get isSent(): boolean {
    return this.#texts === undefined;
  }

  set(text: string): void {
    if (this.#texts === undefined) this.send(text);
    else this.#texts.push(text);
  }

  goOut(): void {
    const texts = this.#texts;
    this.#texts = undefined;
    if (texts !== undefined) this.send(texts.join('; '));
  }
}

type Settings = Pick<Session, 'setTenant' | 'showTenants' | 'limitLockWait'>;

function settingsOf(opening: Opening, requireOpen: () => void): Settings {
  const set = (text: string): void => {
    requireOpen();
    opening.set(text);
  };
  return {
    setTenant: (tenantId) => set(tenantStatement(tenantId)),
    showTenants: () => set("set local app.operator = 'on'"),
    limitLockWait: (millis) => set(`set local lock_timeout = ${millis}`),
  };
}

async function beginOn(
  connections: Connections,
  mode: 'read' | 'write',
  options: PoolOptions,
  signal?: AbortSignal,
): Promise<Session> {
  const connection = await takenFor(connections, signal);
  // Sent without waiting: the first statement follows in the same round trip, and a failure reaches it.
  const sent = new Sent();
  const opening = new Opening(mode, (text) => sent.take(connection.unsafe(text)));
  let open = true;
  let cancelling: Promise<void> | undefined;
  const cancel = (): void => {
    cancelling = connection.cancel(signal?.reason);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  /** After its end the connection is another's, with another tenant. */
  const requireOpen = (): void => {
    if (!open) throw new Error('a statement came after the end of its transaction');
    signal?.throwIfAborted();
  };
  const end = async (word: 'commit' | 'rollback'): Promise<void> => {
    if (!open) return;
    open = false;
    signal?.removeEventListener('abort', cancel);
    try {
      await cancelling;
      signal?.throwIfAborted();
      if (!opening.isSent) return;
      // PostgreSQL rolls back at the commit of a transaction in which a statement has failed.
      const ended = connection.unsafe(word);
      await sent.answered();
      const result = await ended;
      // A commit of a transaction that has failed answers ROLLBACK and raises nothing.
      if (word === 'commit' && result.command !== 'COMMIT') {
        throw new Error('the transaction was rolled back');
      }
    } catch (error) {
      // Whatever failed, the next to use this connection finds no transaction on it.
      if (!connection.isLost) await connection.unsafe('rollback').catch(() => undefined);
      throw error;
    } finally {
      connections.give(connection);
    }
  };
  const onStatement = (text: string): void => {
    requireOpen();
    opening.goOut();
    options.onStatement?.(text);
  };
  return {
    db: drizzleOver(connection, connection.options, onStatement),
    get planned() {
      return drizzleOver(connection, connection.options, onStatement, false);
    },
    ...settingsOf(opening, requireOpen),
    send: sent.take,
    commit: () => end('commit'),
    rollback: () => end('rollback').catch(() => undefined),
  };
}

/** What runs is committed when it succeeds, and rolled back when it fails. */
export async function committed<Result>(
  { commit, rollback }: Pick<Session, 'commit' | 'rollback'>,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    const result = await run();
    await commit();
    return result;
  } catch (error) {
    await rollback();
    throw error;
  }
}

export function openPool(options: PoolOptions): Pool {
  const statementMillis = (options.statementSeconds ?? 15) * 1000;
  const open: Connect = (own) =>
    connect(options.url, {
      connect_timeout: 10,
      connection: {
        application_name: `licensegraph ${options.role}`,
        role: options.role,
        TimeZone: 'UTC',
        statement_timeout: statementMillis,
        lock_timeout: statementMillis,
        idle_in_transaction_session_timeout: 60_000,
      },
      ...own,
    });
  const connections = new Connections(open, options.maxConnections);
  const counting = new Connections(open, 1);
  const apart = open({ max: 2 });
  return {
    db: drizzleOver(apart, apart.options, options.onStatement),
    begin: (mode, signal) => beginOn(connections, mode, options, signal),
    beginApart: () => beginOn(counting, 'write', options),
    notify: async (channel) => {
      await apart`select pg_notify(${channel}, '')`;
    },
    end: async () => {
      await Promise.all([connections.end(), counting.end(), apart.end({ timeout: 5 })]);
    },
  };
}
