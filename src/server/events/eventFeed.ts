import { factsAfter, newestPlace, sealedHeads } from '../../audit/queries/stream.js';
import { connect, drizzleOn } from '../../core/db.js';
import type { FedEvent } from '../../core/event.js';
import type { TenantId } from '../../core/id.js';
import { Queue } from '../../core/queue.js';
import type { Followed, Reading } from '../../core/work.js';
import { systemCaller } from '../database/seed.js';
import type { Machinery } from '../operation/operation.js';
import { SEALED, tenantsIn } from './sealer.js';

/** Between two words from the sealer the log is looked at all the same. */
const POLL_MILLIS = 1000;
const BATCH = 500;

class Reader extends Queue<FedEvent> implements Followed {
  readonly from: number;

  constructor(
    private readonly channel: Channel,
    onEnd: () => void,
  ) {
    super(onEnd);
    this.from = channel.sequence;
  }

  get newest(): number {
    return this.channel.sequence;
  }
}

interface Channel {
  readonly readers: Set<Reader>;
  /** The number of the last event that was handed out. */
  sequence: number;
  reading: boolean;
  /** Another word came while the log was being read. */
  again: boolean;
}

/** Hands the sealed events of a tenant to all who read it in this process: each batch is fetched once, not once a reader. */
export class EventFeed {
  readonly #channels = new Map<TenantId, Channel>();
  readonly #opening = new Map<TenantId, Promise<Channel>>();
  readonly #sql;
  readonly #timer: NodeJS.Timeout;
  readonly #db;
  #polling = false;
  #stopped = false;

  constructor(
    private readonly machinery: Machinery,
    url: string,
  ) {
    this.#sql = connect(url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
    this.#db = drizzleOn(this.#sql, this.#sql.options);
    this.#timer = setInterval(() => void this.#poll(), POLL_MILLIS).unref();
  }

  async start(): Promise<void> {
    const { licensees } = this.machinery;
    const heard = (word: string): void => {
      const tenants = tenantsIn(word);
      licensees?.forget(tenants);
      this.#look(tenants);
    };
    // Called for each new connection: what was said while there was none is lost.
    await this.#sql.listen(SEALED, heard, () => licensees?.forget());
  }

  /** Everything that is sealed from now on. */
  async follow(tenantId: TenantId): Promise<Followed> {
    for (;;) {
      const channel = this.#channels.get(tenantId) ?? (await this.#opened(tenantId));
      // Whoever was let in before may have been the last to leave: nobody reads on for a channel that was given up.
      if (this.#channels.get(tenantId) === channel) return this.#letIn(tenantId, channel);
    }
  }

  #opened(tenantId: TenantId): Promise<Channel> {
    const opening = this.#opening.get(tenantId) ?? this.#open(tenantId);
    this.#opening.set(tenantId, opening);
    return opening;
  }

  /** Looked up once for all who come to a tenant at once. */
  async #open(tenantId: TenantId): Promise<Channel> {
    try {
      const { sequence } = await this.#read(tenantId, newestPlace);
      const channel = { readers: new Set<Reader>(), sequence, reading: false, again: false };
      this.#channels.set(tenantId, channel);
      // Behind whoever waits for it: without a reader it would be read for nobody.
      setImmediate(() => this.#look([tenantId]));
      return channel;
    } finally {
      this.#opening.delete(tenantId);
    }
  }

  #letIn(tenantId: TenantId, channel: Channel): Reader {
    const reader: Reader = new Reader(channel, () => this.#leave(tenantId, reader));
    channel.readers.add(reader);
    return reader;
  }

  /** How many streams follow a tenant's events in this process. */
  get readers(): number {
    return [...this.#channels.values()].reduce((sum, { readers }) => sum + readers.size, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const { readers } of this.#channels.values()) for (const reader of readers) reader.end();
    await this.#sql.end({ timeout: 2 });
  }

  #leave(tenantId: TenantId, reader: Reader): void {
    const channel = this.#channels.get(tenantId);
    channel?.readers.delete(reader);
    if (channel?.readers.size === 0) this.#channels.delete(tenantId);
  }

  /** One statement for all that are followed: only those whose log has gone on are read. */
  async #poll(): Promise<void> {
    if (this.#polling || this.#channels.size === 0) return;
    this.#polling = true;
    try {
      const heads = await sealedHeads(this.#db, [...this.#channels.keys()]);
      const isBehind = ([tenantId, head]: readonly [TenantId, number]): boolean =>
        (this.#channels.get(tenantId)?.sequence ?? head) < head;
      this.#look([...heads].filter(isBehind).map(([tenantId]) => tenantId));
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#polling = false;
    }
  }

  #failed(error: unknown): void {
    if (!this.#stopped) this.machinery.log.error({ err: error }, 'the event feed could not read');
  }

  /** Reads on where somebody follows: of some tenants, or of all. */
  #look(tenants: Iterable<TenantId> = this.#channels.keys()): void {
    for (const tenantId of tenants) {
      const channel = this.#channels.get(tenantId);
      if (channel === undefined) continue;
      channel.again = true;
      if (!channel.reading && !this.#stopped) void this.#follow(tenantId, channel);
    }
  }

  async #follow(tenantId: TenantId, channel: Channel): Promise<void> {
    channel.reading = true;
    try {
      while (channel.again && !this.#stopped) {
        channel.again = false;
        await this.#catchUp(tenantId, channel);
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      channel.reading = false;
    }
  }

  async #catchUp(tenantId: TenantId, channel: Channel): Promise<void> {
    for (;;) {
      const from = channel.sequence;
      const batch = await this.#read(tenantId, (reading) => factsAfter(reading, from, BATCH));
      for (const fact of batch) {
        channel.sequence = fact.sequence;
        for (const reader of channel.readers) reader.push(fact);
      }
      if (batch.length < BATCH) return;
    }
  }

  /** With the other looks of streams: however many tenants are followed, whoever asks something gets a connection. */
  #read<Result>(tenantId: TenantId, run: (reading: Reading) => Promise<Result>): Promise<Result> {
    const { streams } = this.machinery;
    return streams.answer((tell) => this.#readNow(tenantId, (reading) => run(reading).then(tell)));
  }

  async #readNow<Result>(tenantId: TenantId, run: (reading: Reading) => Promise<Result>): Promise<Result> {
    const { pool, keys, clock } = this.machinery;
    const session = await pool.begin('read');
    session.setTenant(tenantId);
    const { actor } = systemCaller(tenantId);
    const enter = (): void => undefined;
    const admit = async (): Promise<void> => undefined;
    const nowhere = { missed: admit, address: undefined, country: undefined };
    const reading = { db: session.db, keys, actor, tenantId, now: clock(), enter, admit, ...nowhere };
    return run(reading).finally(session.rollback);
  }
}
