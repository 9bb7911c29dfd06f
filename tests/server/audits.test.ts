import { type Audit, serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let address: string;

beforeAll(async () => {
  server = await startTestServer();
  address = await server.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.stop());

/** What a client sends that no page of another origin can: Apollo refuses simple requests without it. */
function preflighted(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('apollo-require-preflight', '1');
  return fetch(input, { ...init, headers });
}

const audits: readonly Audit[] = serverAudits({ url: () => `${address}/graphql`, fetchFn: preflighted });

describe('GraphQL over HTTP: the server', () => {
  test.each(audits.map((audit) => [audit.id, audit.name, audit] as const))(
    '%s %s',
    async (_id, _name, audit) => {
      const result = await audit.fn();

      expect(result.status, 'reason' in result ? result.reason : '').toBe('ok');
    },
  );

  test('all 61 audits stand above: 13 MUST, 23 SHOULD, 25 MAY', () => {
    const count = (word: string): number => audits.filter(({ name }) => name.startsWith(word)).length;

    expect([audits.length, count('MUST'), count('SHOULD'), count('MAY')]).toEqual([61, 13, 23, 25]);
    expect(new Set(audits.map(({ id }) => id)).size).toBe(61);
  });
});
