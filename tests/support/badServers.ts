import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A machine in place of a license server, which does what it should not. */
export interface BadServer {
  readonly url: string;
  /** How many requests have come, and over how many connections. */
  readonly seen: { requests: number; connections: number };
  /** What it does from now on. */
  behave: (response: ServerResponse, body: string) => void;
  stop(): Promise<void>;
}

export async function startBadServer(behave: BadServer['behave']): Promise<BadServer> {
  const seen = { requests: 0, connections: 0 };
  const server = createServer(async (request, response) => {
    seen.requests += 1;
    let body = '';
    for await (const chunk of request) body += String(chunk);
    bad.behave(response, body);
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  const bad: BadServer = { url: `http://127.0.0.1:${port}/graphql`, seen, behave, stop };
  return bad;
}

export const answering =
  (text: string, status = 200): BadServer['behave'] =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  };

/** Keeps whoever asks waiting. */
export const silent: BadServer['behave'] = () => undefined;

/** Grants whatever it is asked, in the shape in which it should. */
export const granting: BadServer['behave'] = (response, body) => {
  const { variables } = JSON.parse(body);
  const { uses } = variables.input ?? variables;
  const verdicts = uses.map(({ featureId }: { featureId: string }) => ({
    featureId,
    granted: true,
    code: null,
    message: null,
    refusedFeatureId: null,
    lines: [],
    limit: null,
    used: null,
    windowEndsAt: null,
  }));
  answering(JSON.stringify({ data: { answer: { grantId: null, verdicts } } }))(response, body);
};

const verdict = { featureId: 'calls', granted: true, lines: [] };

/** What is no answer to a question for one use of `calls`. */
export const garbage: Readonly<Record<string, BadServer['behave']>> = {
  'a page of HTML': answering('<html>It works!</html>'),
  nothing: answering(''),
  'half an answer': (response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"data":');
    response.destroy();
  },
  'an answer without end': (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(' '.repeat(100_000)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  null: answering('null'),
  'a list': answering('[{"data":{"answer":{}}}]'),
  'no verdicts': answering('{"data":{"answer":{}}}'),
  'too few verdicts': answering('{"data":{"answer":{"grantId":null,"verdicts":[]}}}'),
  'a verdict on another feature': answering(
    JSON.stringify({ data: { answer: { verdicts: [{ ...verdict, featureId: 'gold' }] } } }),
  ),
  'a verdict without shape': answering('{"data":{"answer":{"verdicts":[{"granted":"yes"}]}}}'),
  'an error without shape': answering('{"errors":"no"}', 500),
  'a redirect': (response) => {
    response.writeHead(307, { location: 'http://127.0.0.1:9/graphql' }).end();
  },
};
