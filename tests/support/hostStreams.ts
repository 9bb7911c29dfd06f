import { EventEmitter, on } from 'node:events';
import { expect } from 'vitest';
import type { HostAnswer } from './hosts.js';
import { RawSocket } from './sockets.js';

const ticking = new EventEmitter().setMaxListeners(0);

/** What a streamed field follows: each tick, as `[number]`. */
export const ticks = (): AsyncIterable<unknown> => on(ticking, 'tick');
export const followers = (): number => ticking.listenerCount('tick');

export function tick(number: number): void {
  ticking.emit('tick', number);
}

/** Waits until so many streams follow the ticks. */
export const untilFollowed = (count: number): Promise<void> => expect.poll(followers).toBe(count);

/** A stream that somebody reads, whatever carries it. */
export interface HostStream {
  /** What came so far: data, or the code of an error. */
  told(): unknown[];
  /** What stood beside it. */
  extensions(): unknown[];
  /** Resolved when the server says that it is over. */
  readonly over: Promise<unknown>;
  stop(): Promise<void>;
}

type Payload = Partial<HostAnswer> | HostAnswer['errors'] | undefined;

function saidBy(payload: Payload): unknown {
  const errors = Array.isArray(payload) ? payload : (payload as Partial<HostAnswer> | undefined)?.errors;
  return errors?.[0]?.extensions?.code ?? (payload as Partial<HostAnswer> | undefined)?.data;
}

const reading = (payloads: () => Payload[]): Pick<HostStream, 'told' | 'extensions'> => ({
  told: () => payloads().map(saidBy),
  extensions: () => payloads().map((payload) => (payload as Partial<HostAnswer> | undefined)?.extensions),
});

interface Greeting {
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: object;
}

/** Over a WebSocket that speaks `graphql-transport-ws`. */
export async function followSocket(
  url: string,
  query: string,
  { headers = {}, payload }: Greeting,
): Promise<HostStream> {
  const raw = await RawSocket.open(url, { headers });
  raw.send({ type: 'connection_init', payload });
  await raw.until(({ type }) => type === 'connection_ack');
  raw.ask('1', query);
  const payloads = (): Payload[] =>
    raw.of('1').flatMap((heard) => (heard.type === 'complete' ? [] : [heard.payload as Payload]));
  const stop = async (): Promise<void> => {
    raw.send({ type: 'complete', id: '1' });
    await untilFollowed(0);
    await raw.hangUp();
  };
  const over = raw.end('1');
  over.catch(() => undefined);
  return { ...reading(payloads), over, stop };
}

/** Over server-sent events, in the distinct connections mode of GraphQL over SSE. */
export async function followEvents(
  url: string,
  query: string,
  headers: Readonly<Record<string, string>>,
): Promise<HostStream> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  });
  const came: Payload[] = [];
  const read = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const data = /^data: (.+)$/m.exec(event)?.[1];
        if (event.includes('event: next') && data !== undefined) came.push(JSON.parse(data));
      }
    }
  };
  const over = read();
  over.catch(() => undefined);
  return { ...reading(() => came), over, stop: async () => leaving.abort() };
}
