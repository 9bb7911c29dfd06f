import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Config, showsGraphiql } from '../../core/config.js';
import { unless } from '../database/files.js';
import { addDemoUsers, type DemoAccess, isAtHome } from './demoUsers.js';
import { GRAPH_PATH } from './graphRoute.js';

/** What `bin/prepare.mjs` bundles; the same folder from src/ and from dist/. */
const PAGES = fileURLToPath(new URL('../../../dist/pages/', import.meta.url));
const YEAR_MILLIS = 31_536_000_000;

/**
 * Everything comes from this server, fonts and icons also from within its style sheet. The editor writes `style`
 * elements and attributes for colors and positions, so those may be inline; scripts may not, nor be evaluated.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** In the place of what guards every other answer, and beside it. */
const guarded = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
};

export interface GraphiqlOptions {
  readonly config: Config;
  /** Only of a development server with demo tenants. */
  readonly demoUsers?: (() => Promise<readonly DemoAccess[]>) | undefined;
}

/** How much a caller wants a media type, 0 to 1, and whether it named it (RFC 9110, section 12.5.1). */
function wish(accept: string, type: string): number {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    return { name, weight: Number(weight) || 0 };
  });
  const [group] = type.split('/');
  const fits = [type, `${group}/*`, '*/*'].map((wanted) => ranges.find(({ name }) => name === wanted));
  return fits.find((range) => range !== undefined)?.weight ?? 0;
}

/** A browser names HTML and takes anything else if need be; clients of the graph name JSON, or nothing. */
function prefersHtml(accept = ''): boolean {
  const html = wish(accept, 'text/html');
  return ['application/graphql-response+json', 'application/json'].every((type) => html > wish(accept, type));
}

/** Opened in a browser, and not asked anything: a document, or the hash of one, is the graph's to answer. */
function isOpened({ method, headers, routeOptions, query }: FastifyRequest): boolean {
  if (routeOptions.url !== GRAPH_PATH || (method !== 'GET' && method !== 'HEAD')) return false;
  if (headers.upgrade !== undefined || !prefersHtml(headers.accept)) return false;
  const asked = typeof query === 'object' && query !== null ? query : {};
  return !['query', 'extensions', 'documentId'].some((name) => name in asked);
}

/** Who sends another value in this header gets another answer; CORS may have said so of `Origin` already. */
function differsBy(header: string, reply: FastifyReply): FastifyReply {
  const known = reply.getHeader('vary');
  return reply.header('vary', known === undefined ? header : `${String(known)}, ${header}`);
}

function sayPlainly(reply: FastifyReply, status: number, text: string): FastifyReply {
  return differsBy('accept', reply).code(status).type('text/plain; charset=utf-8').send(`${text}\n`);
}

/** Read each time, since a server may run while its pages are bundled anew, under other names. */
function readPage(): Promise<string | undefined> {
  return readFile(join(PAGES, 'graphiql/index.html'), 'utf8').catch(unless('ENOENT'));
}

/** The files of the page, whose names carry a hash of what is in them; a worker's policy comes with its own file. */
async function addAssets(scope: FastifyInstance): Promise<void> {
  scope.addHook('onRequest', async (_request, reply) => {
    differsBy('accept-encoding', reply).headers(guarded);
  });
  // Loaded here, so that a server without the page starts without it.
  const { default: fastifyStatic } = await import('@fastify/static');
  await scope.register(fastifyStatic, {
    root: join(PAGES, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    preCompressed: true,
    index: false,
    redirect: false,
    dotfiles: 'ignore',
    immutable: true,
    maxAge: YEAR_MILLIS,
  });
}

/** GraphiQL for whoever opens the graph's address in a browser, or one plain sentence where it is switched off. */
export async function addGraphiql(app: FastifyInstance, options: GraphiqlOptions): Promise<void> {
  const { config, demoUsers } = options;
  const shown = showsGraphiql(config);
  app.addHook('onRequest', async (request, reply) => {
    if (!isOpened(request)) return;
    if (!shown) {
      const text = 'This is a GraphQL server. It has no page here: GraphiQL is switched off (LG_GRAPHIQL).';
      return sayPlainly(reply, 404, text);
    }
    const html = await readPage();
    if (html === undefined)
      return sayPlainly(reply, 503, 'GraphiQL has not been bundled: run `npm run build`.');
    const demo = demoUsers === undefined ? 'none' : isAtHome(request, app) ? 'offered' : 'elsewhere';
    return differsBy('accept', reply)
      .headers(guarded)
      .type('text/html; charset=utf-8')
      .send(html.replace('data-demo="none"', `data-demo="${demo}"`));
  });
  if (!shown) return;
  await app.register(addAssets);
  if (demoUsers !== undefined) addDemoUsers(app, demoUsers);
}
