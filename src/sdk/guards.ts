import type { Asker } from './licensee.js';
import type { LicenseGraph } from './licenseGraph.js';
import { FeatureRefused } from './refusal.js';

/** What a guard takes. */
export interface GuardOptions<Request> {
  /** The connection that `licenseGraph` made; one for all guards and adapters of a process. */
  readonly graph: LicenseGraph;
  /** The feature's id, as licenses name it. */
  readonly feature: string;
  /** Units that a request draws, a whole number; they come back if it fails. None without it. */
  readonly consume?: number;
  /** Who stands behind a request; nobody has no license. */
  readonly licensee: (request: Request) => Promise<Asker> | Asker;
}

/** What of Node's `ServerResponse` is used. */
export interface GuardedResponse {
  statusCode: number;
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  setHeader(name: string, value: string): unknown;
  once(event: 'close', listener: () => void): unknown;
  end(body: string): unknown;
}

/** What is answered to a refused request. */
interface Refused {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What is no refusal is a defect, of whoever tells the licensee for example, and goes where the host's defects go. */
function refusedBy(error: unknown): Refused {
  if (!(error instanceof FeatureRefused)) throw error;
  const { status, code, message, details } = error;
  return { status, body: { detail: message, code, ...details } };
}

/**
 * Draws what a request needs. The units return when its handler failed, and when its caller was gone before the answer;
 * also if that was while they were drawn. Answers whether there is still somebody to answer.
 */
async function enter<Request>(
  { graph, feature, consume = 0, licensee }: GuardOptions<Request>,
  request: Request,
  response: GuardedResponse,
): Promise<boolean> {
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  const use = await graph.requireFeature(await licensee(request), feature, { consume });
  if (response.destroyed) {
    await use.giveBack();
    return false;
  }
  if (use.uncounted !== null) response.setHeader('x-licensegraph-uncounted', use.uncounted);
  void closed.then(() =>
    response.statusCode >= 500 || !response.writableFinished ? use.giveBack() : undefined,
  );
  return true;
}

type Next = (error?: unknown) => void;

/**
 * For Express, and whatever else takes `(request, response, next)`: 403, 429 or 503 with `{"detail", "code", …}`. A request
 * whose caller has hung up meanwhile goes no further.
 */
export function expressFeatureGuard<Request>(options: GuardOptions<Request>) {
  return async (request: Request, response: GuardedResponse, next: Next): Promise<void> => {
    try {
      if (!(await enter(options, request, response))) return;
    } catch (error) {
      if (!(error instanceof FeatureRefused)) return next(error);
      const { status, body } = refusedBy(error);
      response.statusCode = status;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(body));
      return;
    }
    next();
  };
}

/** What of Fastify's reply is used. */
export interface GuardedReply {
  readonly raw: GuardedResponse;
  code(status: number): { send(body: unknown): unknown };
  hijack(): unknown;
}

/** For Fastify, as a `preHandler`, with the same answers. */
export function fastifyFeatureGuard<Request>(options: GuardOptions<Request>) {
  return async (request: Request, reply: GuardedReply): Promise<unknown> => {
    try {
      if (await enter(options, request, reply.raw)) return undefined;
      return reply.hijack();
    } catch (error) {
      const { status, body } = refusedBy(error);
      return reply.code(status).send(body);
    }
  };
}
