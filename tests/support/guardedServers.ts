import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { type FastifyRequest, fastify } from 'fastify';
import {
  expressFeatureGuard,
  fastifyFeatureGuard,
  type Licensee,
  type LicenseGraph,
} from '../../src/sdk/index.js';

/** A server with one guarded address, and what its handler does. */
export interface Guarded {
  readonly graph: LicenseGraph;
  readonly feature: string;
  readonly consume?: number;
  /** Answers what is sent; throws to fail. */
  handle(): Promise<string> | string;
}

export interface GuardedServer {
  readonly address: string;
  /** How many requests are over, answered or not. */
  over(): number;
  stop(): Promise<void>;
}

export const CUSTOMER = 'x-customer';

function licenseeOf(headers: Readonly<Record<string, unknown>>): Licensee {
  const named = headers[CUSTOMER];
  if (named === 'broken') throw new Error('broken for the test');
  return { customerId: typeof named === 'string' ? named : undefined };
}

/** Counts the requests that are over, answered or not. */
function overOn(server: Server): () => number {
  let count = 0;
  server.on('request', (_request, response) => {
    response.once('close', () => {
      count += 1;
    });
  });
  return () => count;
}

async function startExpress({ handle, ...guarded }: Guarded): Promise<GuardedServer> {
  const app = express();
  const licensee = ({ headers }: express.Request) => licenseeOf(headers);
  app.get('/', expressFeatureGuard({ ...guarded, licensee }), async (_request, response) => {
    response.send(await handle());
  });
  const failed: ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).send('failed');
  };
  app.use(failed);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  return { address: `http://127.0.0.1:${port}/`, over: overOn(server), stop };
}

async function startFastify({ handle, ...guarded }: Guarded): Promise<GuardedServer> {
  const app = fastify({ forceCloseConnections: true });
  const licensee = ({ headers }: FastifyRequest) => licenseeOf(headers);
  app.get('/', { preHandler: fastifyFeatureGuard({ ...guarded, licensee }) }, async () => handle());
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  return { address: `${address}/`, over: overOn(app.server), stop: () => app.close() };
}

export const guardedServers = { Express: startExpress, Fastify: startFastify } as const;
