import type { ServerResponse } from 'node:http';
import type { Asker } from './licensee.js';
import type { FeatureUse, LicenseGraph } from './licenseGraph.js';
import { FeatureRefused } from './refusal.js';

export interface GuardOptions<Request> {
  readonly graph: LicenseGraph;
  readonly feature: string;
  /** Units that a request draws; they come back if it fails. */
  readonly consume?: number;
  readonly licensee: (request: Request) => Promise<Asker> | Asker;
}

/** What is answered to a refused request. */
interface Refused {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

function refusedBy(error: unknown): Refused {
  if (!(error instanceof FeatureRefused)) throw error;
  const { status, code, message, details } = error;
  return { status, body: { detail: message, code, ...details } };
}

/** Units return when the handler failed, or hung up on its caller. */
function returnOnFailure(response: ServerResponse, use: FeatureUse): void {
  response.once('close', () => {
    if (response.statusCode >= 500 || !response.writableFinished) void use.giveBack();
  });
}

async function enter<Request>(options: GuardOptions<Request>, request: Request, response: ServerResponse) {
  const { graph, feature, consume = 0, licensee } = options;
  const use = await graph.requireFeature(await licensee(request), feature, { consume });
  if (use.uncounted !== null) response.setHeader('x-licensegraph-uncounted', use.uncounted);
  returnOnFailure(response, use);
}

type Next = (error?: unknown) => void;

/** For Express, and whatever else takes `(request, response, next)`: 403 or 429 with `{"detail": …}`, as the decorator. */
export function expressFeatureGuard<Request>(options: GuardOptions<Request>) {
  return (request: Request, response: ServerResponse, next: Next): void => {
    enter(options, request, response)
      .then(() => next())
      .catch((error: unknown) => {
        const { status, body } = refusedBy(error);
        response.statusCode = status;
        response.setHeader('content-type', 'application/json; charset=utf-8');
        response.end(JSON.stringify(body));
      })
      .catch(next);
  };
}

interface Reply {
  readonly raw: ServerResponse;
  code(status: number): { send(body: unknown): unknown };
}

/** For Fastify, as a `preHandler`. */
export function fastifyFeatureGuard<Request>(options: GuardOptions<Request>) {
  return async (request: Request, reply: Reply): Promise<unknown> => {
    try {
      await enter(options, request, reply.raw);
      return undefined;
    } catch (error) {
      const { status, body } = refusedBy(error);
      return reply.code(status).send(body);
    }
  };
}
