import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vi } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { Held } from '../../src/core/held.js';
import type { TenantId } from '../../src/core/id.js';
import { createLog } from '../../src/core/log.js';
import type { Work } from '../../src/core/work.js';
import type { SendOptions } from '../../src/notifications/gateway/sendWebhook.js';
import { sweepWebhooks } from '../../src/notifications/jobs/sweepWebhooks.js';
import { sendOptions, WebhookDispatcher } from '../../src/notifications/jobs/webhookDispatcher.js';
import { systemCaller } from '../../src/server/database/seed.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { openMachinery } from '../../src/server/start.js';
import { mutation } from './acts.js';
import type { Claims, Json, TestServer } from './server.js';

/** What tests of webhooks start their server with: receivers listen on this machine. */
export const ALLOWING = { LG_WEBHOOK_PRIVATE: 'allow' };

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

export type Answering = (received: Received, response: ServerResponse) => void;

/** A receiver on this machine, which keeps what it gets and answers as it is told. */
export interface Receiver {
  readonly url: string;
  readonly got: Received[];
  answer: Answering;
  stop(): Promise<void>;
}

export const taking: Answering = (_received, response) => void response.writeHead(204).end();

export function answering(status: number, headers: Record<string, string> = {}, body = ''): Answering {
  return (_received, response) => void response.writeHead(status, headers).end(body);
}

function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

export async function startReceiver(answer: Answering = taking): Promise<Receiver> {
  const server = createServer((request, response) => {
    bodyOf(request).then(
      (body) => {
        const received = { headers: request.headers, body, at: performance.now() };
        receiver.got.push(received);
        receiver.answer(received, response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  const receiver: Receiver = { url: `http://127.0.0.1:${port}/hook`, got: [], answer, stop };
  return receiver;
}

export interface Sending {
  readonly dispatcher: WebhookDispatcher;
  /** What it has logged. */
  readonly logged: readonly string[];
  /** Seals what there is, makes deliveries of it, and sends all that is due at the server's clock. */
  drain(): Promise<number>;
  /** What the schedule does with what is over. */
  sweep(): Promise<unknown>;
  stop(): Promise<void>;
}

/** A dispatcher of its own, with the clock and the keys of a test server. */
export function openSending(server: TestServer, options: Partial<SendOptions> = {}): Sending {
  const config = readConfig({ NODE_ENV: 'test', LG_DATABASE_POOL: '6', ...ALLOWING });
  const logged: string[] = [];
  const log = createLog('info', { write: (line: string) => void logged.push(line) });
  const clock = () => server.now;
  const worker = openMachinery({ config, keys: server.keys, url: server.url, log, clock }, 'lg_worker');
  const parts = {
    pool: worker.pool,
    clock,
    keys: worker.keys,
    log,
    act: async <Result>(tenantId: TenantId, run: (work: Work) => Promise<Result>) => {
      const { work, session } = await openWork(worker, systemCaller(tenantId));
      try {
        const result = await run(work);
        await session.commit();
        return result;
      } catch (error) {
        await session.rollback();
        throw error;
      }
    },
  };
  const limits = { connectMillis: 30_000, totalMillis: 30_000 };
  const dispatcher = new WebhookDispatcher(parts, { ...sendOptions(config), limits, ...options });
  const drain = async (): Promise<number> => {
    await sealed(server);
    return dispatcher.drain();
  };
  const sweep = (): Promise<unknown> => {
    const context = {
      ...parts,
      config,
      sign: worker.signing.sign,
      held: new Held(),
      signal: new AbortController().signal,
      progress: async () => undefined,
    };
    return sweepWebhooks.run(context, { dueAt: server.now, since: server.now });
  };
  const stop = async (): Promise<void> => {
    await dispatcher.stop();
    await worker.pool.end();
  };
  return { dispatcher, logged, drain, sweep, stop };
}

/** Waits until every event that is committed has its number; in hooks too, where `expect.poll` is not to be had. */
export async function sealed(server: TestServer): Promise<void> {
  const isSealed = async () => (await server.count('unsealed_events')) === 0;
  await vi.waitUntil(isSealed, { interval: 5, timeout: 60_000 });
}

export interface MadeEndpoint {
  readonly id: string;
  readonly secret: string;
}

export async function createEndpoint(
  server: TestServer,
  as: Claims,
  url: string,
  events: readonly string[] = ['*'],
): Promise<MadeEndpoint> {
  const act = mutation('createWebhookEndpoint', 'secret endpoint { id }');
  const data = await server.ok(act, { input: { url, events } }, as);
  return {
    id: String(data.createWebhookEndpoint?.endpoint?.id),
    secret: String(data.createWebhookEndpoint?.secret),
  };
}

export async function updateEndpoint(
  server: TestServer,
  as: Claims,
  input: object,
): Promise<Json | undefined> {
  const act = mutation(
    'updateWebhookEndpoint',
    'secret endpoint { id enabled disabledReason oldSecretsUntil }',
  );
  return (await server.ok(act, { input }, as)).updateWebhookEndpoint;
}

const DELIVERY = `id endpointId eventId eventType status attemptCount lastError nextAttemptAt finishedAt messageId
  attempts { at statusCode error response durationMillis }`;

/** Deliveries, the oldest first. */
export async function deliveriesOf(server: TestServer, as: Claims, filter: object = {}): Promise<Json[]> {
  const query = `query ($filter: WebhookDeliveryFilter) {
    webhookDeliveries(first: 100, filter: $filter) { nodes { ${DELIVERY} } } }`;
  const data = await server.ok(query, { filter }, as);
  const nodes = data.webhookDeliveries?.nodes;
  return (Array.isArray(nodes) ? nodes : []).toReversed();
}

/** Something that happens in a tenant: `customer.created`. */
export async function createsCustomer(server: TestServer, as: Claims, name = 'Ada'): Promise<void> {
  await server.ok(mutation('createCustomer', '__typename'), { input: { name } }, as);
}
