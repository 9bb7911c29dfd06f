import { millis } from '../../src/core/clock.js';
import {
  LicenseClient,
  type LicenseClientOptions,
  memoryStore,
  type Store,
  type Time,
} from '../../src/sdk/client/index.js';
import type { TestServer } from './server.js';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A time that stands still until a test moves it. */
export class TestTime implements Time {
  #timers: Timer[] = [];
  #elapsed = 0;
  chance = 0.5;

  constructor(public wall: number) {}

  now(): number {
    return this.wall;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  random(): number {
    return this.chance;
  }

  after(wait: number, run: () => void): () => void {
    const timer = { at: this.#elapsed + wait, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How long until each timer, the next one first. */
  get waits(): number[] {
    return this.#timers.map(({ at }) => at - this.#elapsed).sort((one, other) => one - other);
  }

  /** Time goes on by so much; what was to run by then runs, in its order. */
  pass(span: number): void {
    const end = this.#elapsed + span;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.wall += next.at - this.#elapsed;
      this.#elapsed = next.at;
      this.#timers = this.#timers.filter((each) => each !== next);
      next.run();
    }
    this.wall += end - this.#elapsed;
    this.#elapsed = end;
  }
}

/** Fetches over a connection of its own each time: what a wire does to one is done to no other. */
export const freshFetch: typeof fetch = (address, init) =>
  fetch(address, { ...init, headers: { ...init?.headers, connection: 'close' } });

export interface TestClient {
  readonly client: LicenseClient;
  readonly time: TestTime;
  readonly store: Store;
}

/** A client whose clock shows what the server's shows now. */
export function newClient(
  { now }: Pick<TestServer, 'now'>,
  given: Pick<LicenseClientOptions, 'url' | 'licenseKey'> & Partial<LicenseClientOptions>,
): TestClient {
  const time = given.time instanceof TestTime ? given.time : new TestTime(millis(now));
  const store = given.store ?? memoryStore();
  const client = new LicenseClient({
    device: { fingerprint: 'the laptop of Ada' },
    trust: 'PUBLISHED',
    outage: { holdSeconds: 3_600 },
    fetch: freshFetch,
    ...given,
    store,
    time,
  });
  return { client, time, store };
}
