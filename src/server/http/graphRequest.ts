import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { type Documents, isRecord, persistedIn } from '../limits/documents.js';

/** What a caller that names it gets: a status of 200 for whatever GraphQL itself finds wrong. */
export const LEGACY_TYPE = 'application/json';
const OWN_TYPE = 'application/graphql-response+json';

/** The weight that an Accept header gives to a media type by its own name (RFC 9110, section 12.5.1). */
function weightOf(type: string, accept: string): number {
  for (const item of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = item.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    return Number.isNaN(quality) ? 0 : quality;
  }
  return 0;
}

/**
 * Apollo asks what media type the caller takes once the operation has run: a mutation would be committed and then
 * answered with 406. So the answer is JSON whatever is asked for (RFC 9110, section 12.5.1), and which JSON is
 * decided here.
 */
function answerType(accept = '*/*'): string {
  if (accept === '*/*') return accept;
  const [own, legacy] = [weightOf(OWN_TYPE, accept), weightOf(LEGACY_TYPE, accept)];
  if (own > 0 && own >= legacy) return OWN_TYPE;
  return legacy > 0 ? LEGACY_TYPE : '*/*';
}

/** As Apollo writes it. */
export function answerMediaType(accept: string | undefined): string {
  return `${answerType(accept) === OWN_TYPE ? OWN_TYPE : LEGACY_TYPE}; charset=utf-8`;
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const read = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) read.set(name, String(value));
  read.set('accept', answerType(headers.accept));
  return read;
}

function searchOf({ url }: FastifyRequest): string {
  const begin = url.indexOf('?');
  return begin < 0 ? '' : url.slice(begin);
}

export function graphRequest(request: FastifyRequest): HTTPGraphQLRequest {
  return {
    // HEAD is GET without the body, which Fastify leaves out.
    method: request.method === 'HEAD' ? 'GET' : request.method,
    headers: headersOf(request),
    search: searchOf(request),
    body: request.body,
  };
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without the hash: Apollo has persisted queries of its own, for HTTP alone. */
function without(extensions: unknown): unknown {
  if (!isRecord(extensions)) return extensions;
  const { persistedQuery: _, ...others } = extensions;
  return others;
}

/** What a GET names, put in the place of its query. */
function nameInSearch(search: string, documents: Documents): string {
  const parameters = new URLSearchParams(search);
  const extensions = parsed(parameters.get('extensions'));
  const named = {
    query: parameters.get('query') ?? undefined,
    documentId: parameters.get('documentId') ?? undefined,
    extensions,
  };
  const text = documents.find(named);
  const isNamed = persistedIn(named) !== undefined || (text !== undefined && text !== named.query);
  if (!isNamed) return search;
  if (text !== undefined) parameters.set('query', text);
  if (isRecord(extensions)) parameters.set('extensions', JSON.stringify(without(extensions)));
  return `?${parameters}`;
}

/** Puts the document that a request names in the place where Apollo reads it. */
export function nameDocument(asked: HTTPGraphQLRequest, documents: Documents): void {
  const { body } = asked;
  if (asked.method === 'GET') asked.search = nameInSearch(asked.search, documents);
  else if (isRecord(body)) {
    const text = documents.find(body);
    const extensions = 'extensions' in body ? { extensions: without(body.extensions) } : {};
    asked.body = { ...body, ...(text === undefined ? {} : { query: text }), ...extensions };
  }
}
