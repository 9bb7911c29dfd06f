import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.js';

const pages = fileURLToPath(new URL('../../dist/pages/', import.meta.url));
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

let server: TestServer;
let off: TestServer;
beforeAll(async () => {
  expect(existsSync(pages), 'dist/pages/ is missing: run npm test').toBe(true);
  server = await startTestServer();
  off = await startTestServer({ environment: { LG_GRAPHIQL: 'false' }, beside: server });
});
afterAll(async () => {
  await off.stop();
  await server.stop();
});

const get = (url: string, accept: string | undefined, from = server, headers: object = {}) =>
  from.app.inject({
    method: 'GET',
    url,
    headers: { ...(accept === undefined ? {} : { accept }), ...headers },
  });

describe('who gets the page', () => {
  test.each([
    ['a browser', BROWSER],
    ['who names HTML alone', 'text/html'],
    ['who takes JSON if need be', 'application/json;q=0.5, text/html;q=0.9'],
    ['who takes any text before JSON', 'text/*, application/json;q=0.1'],
  ])('%s does', async (_who, accept) => {
    const answer = await get('/graphql', accept);

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers.vary).toContain('accept');
    expect(answer.body).toContain('<title>LicenseGraph · GraphiQL</title>');
  });

  test.each([
    ['a client that takes anything', '/graphql', '*/*'],
    ['a client that says nothing', '/graphql', undefined],
    ['a client of the graph', '/graphql', 'application/graphql-response+json, application/json;q=0.9'],
    ['who names HTML and JSON alike', '/graphql', 'text/html, application/json'],
    ['who refuses HTML', '/graphql', 'text/html;q=0, */*'],
    ['who writes no media type', '/graphql', ';;,=,q=1'],
    ['a browser with a query', '/graphql?query=%7B__typename%7D', BROWSER],
    ['a browser with the hash of one', '/graphql?extensions=%7B%7D', BROWSER],
  ])('%s does not', async (_who, url, accept) => {
    const answer = await get(url, accept);

    expect(answer.headers['content-type']).toMatch(/^application\/(graphql-response\+)?json/);
    expect(answer.body).not.toContain('<html');
  });

  test('a mutation that is posted by a browser is the graph’s', async () => {
    const answer = await server.graphql('{ __typename }', {}, undefined, { accept: BROWSER });

    expect(answer.data).toEqual({ __typename: 'Query' });
  });
});

describe('what the page may', () => {
  test('run scripts of this server only, and none that are inline or evaluated', async () => {
    const { headers, body } = await get('/graphql', BROWSER);
    const policy = String(headers['content-security-policy']).split('; ');

    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.join(' ')).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(body).not.toMatch(/<script(?![^>]* src="\/assets\/)|\son\w+=|https?:/);
  });

  test('load every file that it names', async () => {
    const { body } = await get('/graphql', BROWSER);
    const named = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');

    const answers = await Promise.all(named.map((url) => get(url, '*/*')));

    expect(named.length).toBeGreaterThanOrEqual(3);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(named.map(() => 200));
  });

  test('name no other host in what is bundled as a place to load from', () => {
    const files = readdirSync(`${pages}assets`).filter((name) => name.endsWith('.css'));
    const styles = files.map((name) => readFileSync(`${pages}assets/${name}`, 'utf8')).join('\n');

    expect(styles).not.toMatch(/url\(["']?(https?:)?\/\/|@import/);
  });
});

describe('the files of the page', () => {
  const largest = readdirSafely().find((name) => /^editor\.api.*\.js$/.test(name)) ?? '';
  const asset = (name: string, headers: object = {}) => get(`/assets/${name}`, '*/*', server, headers);

  test('are kept for ever under the hash in their name', async () => {
    const answer = await asset(largest);

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/javascript|^application\/javascript/);
    expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['content-security-policy']).toContain("script-src 'self'");
  });

  test.each(['br', 'gzip'])('come as small as %s makes them, to who takes it', async (encoding) => {
    const answer = await asset(largest, { 'accept-encoding': encoding });

    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers.vary).toContain('accept-encoding');
    expect(answer.rawPayload.length).toBeLessThan((await asset(largest)).rawPayload.length / 3);
  });

  test.each([
    'no-such-file.js',
    '',
    '../.stamp',
    '..%2f.stamp',
    '%2e%2e/.stamp',
    '..%5c.stamp',
    '../../main.js',
    'x%00.js',
    '.stamp',
    '%',
  ])('are the only ones: /assets/%s is not there', async (name) => {
    const answer = await asset(name);

    expect([400, 403, 404]).toContain(answer.statusCode);
    expect(answer.body).not.toMatch(/import|[0-9a-f]{64}|\/dist\//);
  });
});

function readdirSafely(): string[] {
  return existsSync(`${pages}assets`) ? readdirSync(`${pages}assets`) : [];
}

describe('where GraphiQL is switched off', () => {
  test('a browser is told so in plain words', async () => {
    const answer = await get('/graphql', BROWSER, off);

    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toBe(
      'This is a GraphQL server. It has no page here: GraphiQL is switched off (LG_GRAPHIQL).\n',
    );
  });

  test('none of its files is served, and the graph answers as ever', async () => {
    const names = readdirSafely().slice(0, 5);
    const answers = await Promise.all(names.map((name) => get(`/assets/${name}`, '*/*', off)));

    expect(answers.map(({ statusCode }) => statusCode)).toEqual(names.map(() => 404));
    expect((await off.graphql('{ __typename }')).data).toEqual({ __typename: 'Query' });
    expect((await get('/graphql?query=%7B__typename%7D', BROWSER, off)).body).not.toContain('LG_GRAPHIQL');
  });
});
