import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Lane } from '../../core/lane.js';
import { Refusal } from '../../core/refusal.js';
import type { InvoiceSheet } from './layout.js';
import type { Printed } from './thread.js';

export interface PrinterLimits {
  /** Of one document: on a busy machine the first one of five hundred lines takes a second and a half. */
  readonly millis: number;
  /** Of the thread's heap: three thousand lines were made with 48. */
  readonly megabytes: number;
  /** After so long without a document the thread ends and gives its memory back. */
  readonly idleMillis: number;
  readonly waiting: number;
  /** Of one tenant: nobody takes the whole queue. */
  readonly waitingOfOne: number;
}

const LIMITS: PrinterLimits = {
  millis: 20_000,
  megabytes: 256,
  idleMillis: 60_000,
  waiting: 32,
  waitingOfOne: 16,
};

function busy(message: string): Refusal {
  return new Refusal('SERVER_BUSY', message);
}

/** Prints invoices, one after the other, in a thread that is there while there is something to print. */
export class InvoicePrinter {
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #lane = new Lane(1);
  /** The tenants of those that wait, once for each. */
  readonly #waiting: string[] = [];
  readonly #limits: PrinterLimits;

  constructor(
    /** The compiled file of the thread. */
    private readonly file: URL,
    limits: Partial<PrinterLimits> = {},
  ) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** The invoice as a PDF. */
  async print(sheet: InvoiceSheet): Promise<Buffer> {
    const { tenantId } = sheet.invoice;
    this.#requireRoom(tenantId);
    this.#waiting.push(tenantId);
    try {
      return await this.#lane.take(() => this.#printed(sheet));
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(tenantId), 1);
    }
  }

  async end(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  #requireRoom(tenantId: string): void {
    const own = this.#waiting.filter((tenant) => tenant === tenantId).length;
    if (this.#waiting.length < this.#limits.waiting && own < this.#limits.waitingOfOne) return;
    throw busy('Too many documents are being made; ask again in a while.');
  }

  async #printed(sheet: InvoiceSheet): Promise<Buffer> {
    clearTimeout(this.#idle);
    const inTime = AbortSignal.timeout(this.#limits.millis);
    try {
      const thread = this.#opened();
      const answered = once(thread, 'message', { signal: inTime });
      thread.postMessage(sheet);
      const [printed] = (await answered) as [Printed];
      if ('failure' in printed) throw printed.failure;
      this.#idle = setTimeout(() => void this.end(), this.#limits.idleMillis).unref();
      return Buffer.from(printed.bytes.buffer);
    } catch (error) {
      // What has failed may have left anything behind: the next one finds a thread of its own.
      await this.end();
      throw inTime.aborted ? busy('The document takes too long to make; ask again in a while.') : error;
    }
  }

  #opened(): Worker {
    this.#thread ??= this.#begun();
    return this.#thread;
  }

  /** It needs nothing of the environment, in which there are secrets, and keeps no process from ending. */
  #begun(): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: this.#limits.megabytes };
    const thread = new Worker(this.file, { env: {}, execArgv: [], resourceLimits });
    // Between two documents nobody listens; an error without a listener would end the process.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    thread.unref();
    return thread;
  }
}
