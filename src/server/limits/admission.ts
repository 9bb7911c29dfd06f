import type { HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyInstance } from 'fastify';
import type { Machinery } from '../operation/operation.js';
import { checkSource } from './limits.js';

/** Reading so much takes a tenth of a millisecond, and its document has to wait for its turn anyway. */
const SHORT = 20_000;

/** Long bodies are read one a turn of the event loop, the shortest first: half a megabyte of JSON takes up to 50 ms. */
export function admitBodies(app: FastifyInstance, { line }: Machinery): void {
  const read = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length <= SHORT) return read(request, body, done);
    line.enter(body.length).then(() => read(request, body, done), done);
  });
}

/** The texts that Apollo may parse, read as Apollo reads them: another decoding would show a check another text. */
function sourcesOf({ method, search, body }: HTTPGraphQLRequest): string[] {
  if (method === 'GET') return new URLSearchParams(search).getAll('query');
  const query = typeof body === 'object' && body !== null && 'query' in body ? body.query : undefined;
  return typeof query === 'string' ? [query] : [];
}

/** Here and not in a hook of Apollo's: what fails in those before parsing is answered as a defect of ours. */
export async function admit(asked: HTTPGraphQLRequest, { line }: Machinery): Promise<void> {
  const sources = sourcesOf(asked);
  await line.enter(sources.join('').length);
  sources.forEach(checkSource);
}
