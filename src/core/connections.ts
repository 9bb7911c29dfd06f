import type postgres from 'postgres';

/** A statement on its way: drizzle waits for its rows, or for their bare values. */
export interface Statement extends Promise<postgres.RowList<postgres.Row[]>> {
  values(): Promise<unknown>;
}

export interface Runner {
  unsafe(
    text: string,
    values?: postgres.ParameterOrJSON<never>[],
    options?: postgres.UnsafeQueryOptions,
  ): Statement;
}

/** Makes a client of postgres.js with these options on top of the pool's own. */
export type Connect = (options: postgres.Options<Record<string, never>>) => postgres.Sql;

interface Cancellable extends Promise<unknown> {
  cancel(): void;
}

/** How long the server may take to hear that a statement is not wanted any more. */
const CANCEL_MILLIS = 1_000;

/** After how long unused a connection is closed. */
const IDLE_SECONDS = 60;

/** The statement that was meant has ended by it: no such order is under way any more. */
function wasCancelled(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && error.code === '57014' && /user request/.test(error.message)
  );
}

/** PostgreSQL ends a connection with its last words: a shutdown, an administrator, a transaction left idle. */
function isFatal(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && error.severity === 'FATAL';
}

/**
 * A client with one connection, for one transaction at a time. `reserve()` of postgres.js is not used: when a
 * reserved connection closes, statements that wait behind another are left without an answer, what is sent later ends
 * the process or runs in somebody else's transaction, and a connection that could not be opened is never given back.
 */
export class Connection implements Runner {
  /** Whether a transaction has it. */
  held = false;
  #open = false;
  #restsSince = 0;
  #lost: Error | undefined;
  readonly #client: postgres.Sql;
  readonly #waiting = new Set<(error: unknown) => void>();
  /** On their way or waiting behind another, in their order. */
  readonly #unanswered = new Set<Cancellable>();

  constructor(
    connect: Connect,
    private readonly idleSeconds: number,
  ) {
    // postgres.js would end a connection that has lived for long between two statements of a transaction.
    const life = { idle_timeout: idleSeconds, max_lifetime: null };
    this.#client = connect({ max: 1, ...life, onclose: () => this.#closed() });
  }

  /** Drizzle sets the parsers of the client that it works on here. */
  get options(): postgres.Sql['options'] {
    return this.#client.options;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Opens the connection: what a transaction sends in one go may not be what finds the database away. */
  async ready(): Promise<void> {
    if (this.#open && !this.#mayBeClosing()) return;
    this.#open = false;
    try {
      await this.unsafe('select 1');
      this.#open = true;
    } catch (error) {
      this.#lose(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** Nobody needs it for now. */
  rest(): void {
    this.held = false;
    this.#restsSince = performance.now();
  }

  /** Its client ends what has rested for long by a timer of its own, and says so afterwards. */
  #mayBeClosing(): boolean {
    return performance.now() - this.#restsSince > (this.idleSeconds * 1000) / 2;
  }

  unsafe(
    text: string,
    values: postgres.ParameterOrJSON<never>[] = [],
    options: postgres.UnsafeQueryOptions = {},
  ): Statement {
    if (this.#lost !== undefined) throw this.#lost;
    const query = this.#client.unsafe(text, values, options);
    this.#unanswered.add(query);
    const answered = (): void => void this.#unanswered.delete(query);
    query.then(answered, answered);
    const rows = this.#untilLost(query);
    rows.catch(() => undefined);
    return Object.assign(rows, { values: () => this.#untilLost(query.values()) });
  }

  /**
   * Ends what runs: whoever waits for it is told why at once, and the server that its result is not wanted. Resolves
   * when the connection may be used again, or is lost: an order that reaches the server too late would end a statement
   * of the next transaction (PostgreSQL's protocol, "Canceling Requests in Progress").
   */
  async cancel(reason: unknown): Promise<void> {
    const [running] = this.#unanswered;
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
    if (running === undefined || this.isLost) return;
    running.cancel();
    const late = new Promise<boolean>((resolve) => {
      setTimeout(resolve, CANCEL_MILLIS, false).unref();
    });
    const isCancelled = running.then(() => false, wasCancelled);
    if (await Promise.race([isCancelled, late])) return;
    this.#lose(new Error('a statement could not be cancelled'));
  }

  end(timeoutSeconds: number): Promise<void> {
    return this.#client.end({ timeout: timeoutSeconds });
  }

  /** An idle connection may close and be opened again; one that is held is lost with its transaction. */
  #closed(): void {
    const wasOpen = this.#open;
    this.#open = false;
    if (wasOpen && this.held) this.#lose(new Error('the connection to the database was lost'));
  }

  /** Nothing is sent from here on, and whoever waits for an answer is told. */
  #lose(error: Error): void {
    this.#lost ??= error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  #untilLost<Result>(query: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      query
        .then(resolve, (error: Error) => {
          reject(error);
          if (isFatal(error)) this.#lose(error);
        })
        .finally(() => this.#waiting.delete(reject));
    });
  }
}

/** As many connections as are allowed, opened when they are needed, each handed to one transaction at a time. */
export class Connections {
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #queue: ((connection: Connection) => void)[] = [];

  constructor(
    private readonly connect: Connect,
    private readonly most: number,
    private readonly idleSeconds = IDLE_SECONDS,
  ) {}

  /** Waits until one is free, or until the signal says that it is not wanted any more. */
  async take(signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted();
    const connection = this.#idle.pop() ?? (await this.#another(signal));
    connection.held = true;
    try {
      await connection.ready();
      return connection;
    } catch (error) {
      this.give(connection);
      throw error;
    }
  }

  /** Takes a connection back; in the place of one that is lost another is made when it is needed. */
  give(connection: Connection): void {
    connection.rest();
    if (connection.isLost) this.#replace(connection);
    else this.#hand(connection);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#all].map((connection) => connection.end(5)));
  }

  #replace(connection: Connection): void {
    this.#all.delete(connection);
    connection.end(0).catch(() => undefined);
    if (this.#queue.length > 0) this.#hand(this.#made());
  }

  #hand(connection: Connection): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#idle.push(connection);
    else next(connection);
  }

  #made(): Connection {
    const connection = new Connection(this.connect, this.idleSeconds);
    this.#all.add(connection);
    return connection;
  }

  #another(signal: AbortSignal | undefined): Connection | Promise<Connection> {
    if (this.#all.size < this.most) return this.#made();
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#queue.splice(this.#queue.indexOf(take), 1);
        reject(signal?.reason);
      };
      const take = (connection: Connection): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve(connection);
      };
      this.#queue.push(take);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}
