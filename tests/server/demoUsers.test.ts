import { generateKeyPairSync } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

const { publicKey } = generateKeyPairSync('ed25519');
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'theirs', alg: 'EdDSA' };

/** Servers on one database that holds the demo tenants: what differs is their settings. */
const settings = {
  home: { LG_DEMO: 'true' },
  everywhere: { LG_DEMO: 'true', HOST: '0.0.0.0' },
  withoutDemo: {},
  withoutPage: { LG_DEMO: 'true', LG_GRAPHIQL: 'false' },
  production: {
    NODE_ENV: 'production',
    LG_GRAPHIQL: 'true',
    LG_AUTH_ISSUER: 'https://issuer.example',
    LG_AUTH_JWKS: JSON.stringify({ keys: [jwk] }),
  },
} as const;
type Name = keyof typeof settings;

let database: TestServer;
const opened: Processes[] = [];
const servers = new Map<Name, ServerProcess>();

async function start(name: Name): Promise<void> {
  const processes = await Processes.open(database, settings[name]);
  opened.push(processes);
  servers.set(name, await processes.start());
}

beforeAll(async () => {
  database = await startTestServer();
  await start('home');
  await Promise.all((Object.keys(settings) as Name[]).filter((name) => name !== 'home').map(start));
});
afterAll(async () => {
  await Promise.all(opened.map((processes) => processes.end()));
  await database.stop();
});

function portOf(name: Name): number {
  return Number(new URL(servers.get(name)?.address ?? '').port);
}

interface Reply {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Raw: a browser writes Host, Origin and Sec-Fetch-Site itself, and an attacker whatever there is to gain. */
function send(port: number, method: string, path: string, headers: Record<string, string>): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** What our own page sends, opened at this host. */
function ofThePage(host: string): Record<string, string> {
  return {
    host,
    origin: `http://${host}`,
    'sec-fetch-site': 'same-origin',
    'x-licensegraph-page': 'graphiql',
  };
}

const ask = (name: Name, change: Record<string, string> = {}, without: string[] = []): Promise<Reply> => {
  const headers = { ...ofThePage(`127.0.0.1:${portOf(name)}`), ...change };
  const kept = Object.entries(headers).filter(([header]) => !without.includes(header));
  return send(portOf(name), 'POST', '/graphiql/demo-users', Object.fromEntries(kept));
};

interface Handed {
  readonly tenants: readonly {
    readonly tenantId: string;
    readonly users: readonly { readonly role: string; readonly token: string }[];
  }[];
}

describe('the demo tokens', () => {
  test('are handed to the page on a development server of this machine, and they work', async () => {
    const answer = await ask('home');
    const { tenants } = JSON.parse(answer.body) as Handed;
    const users = tenants.flatMap(({ tenantId, users: some }) =>
      some.map(({ role, token }) => ({ subject: `${role}@${tenantId}.example`, token })),
    );

    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(users.map(({ subject }) => subject)).toEqual([
      'admin@demo-isp.example',
      'manager@demo-isp.example',
      'auditor@demo-isp.example',
      'support@demo-isp.example',
      'reseller@demo-isp.example',
      'customer@demo-isp.example',
      'admin@demo-nms.example',
    ]);
    for (const { subject, token } of users) {
      const viewer = await servers.get('home')?.graphql('{ viewer { subject } }', {}, token);
      expect(viewer?.data?.viewer).toEqual({ subject });
    }
  });

  test('are handed over under every name of this machine, and through a forwarded port', async () => {
    for (const host of ['localhost', '[::1]', '127.0.0.1:5000', 'LOCALHOST:8080']) {
      expect({ host, status: (await ask('home', ofThePage(host))).status }).toEqual({ host, status: 200 });
    }
  });

  const hostile: [what: string, change: Record<string, string>, without: string[]][] = [
    ['a site whose name resolves to this machine', ofThePage('rebound.example:4000'), []],
    ['a name that begins like ours', ofThePage('localhost.evil.example'), []],
    ['a name that ends like ours', ofThePage('evil-localhost'), []],
    ['an address that is not of this machine', ofThePage('192.168.1.7:4000'), []],
    ['another page of this machine', { origin: 'http://127.0.0.1:1' }, []],
    ['another page by another name of this machine', { origin: 'http://localhost:4000' }, []],
    ['a page over TLS', { origin: 'https://127.0.0.1' }, []],
    ['a page without an origin', { origin: 'null' }, []],
    ['a site that is cross-origin by its own browser', { 'sec-fetch-site': 'cross-site' }, []],
    ['another port of this machine by its own browser', { 'sec-fetch-site': 'same-site' }, []],
    ['an address that somebody typed', { 'sec-fetch-site': 'none' }, []],
    ['a form, which sends no header of its own', {}, ['x-licensegraph-page']],
    ['a header of another page', { 'x-licensegraph-page': 'portal' }, []],
    ['who sends no origin', {}, ['origin']],
    ['a caller behind a proxy', { 'x-forwarded-for': '203.0.113.7' }, []],
    ['a caller behind a proxy that follows RFC 7239', { forwarded: 'for=203.0.113.7' }, []],
    ['a caller behind a proxy that names itself', { via: '1.1 proxy' }, []],
  ];

  test.each(hostile)('are not handed to %s', async (_who, change, without) => {
    const answer = await ask('home', change, without);

    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain('eyJ');
  });

  test.each(['everywhere', 'withoutDemo', 'withoutPage', 'production'] as const)(
    'are not handed out by a server with other settings: %s',
    async (name) => {
      const answer = await ask(name);

      expect(answer.status).toBe(404);
      expect(answer.body).not.toContain('eyJ');
    },
  );

  test('are asked for by POST alone: an image or a link gets nothing', async () => {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const headers = ofThePage(`127.0.0.1:${portOf('home')}`);
      const answer = await send(portOf('home'), method, '/graphiql/demo-users', headers);
      expect([404, 405]).toContain(answer.status);
      expect(answer.body).not.toContain('eyJ');
    }
  });

  test('never stand in the log', async () => {
    const { tenants } = JSON.parse((await ask('home')).body) as Handed;
    const output = servers.get('home')?.output.join('') ?? '';
    const tokens = tenants.flatMap(({ users }) => users.map(({ token }) => token));

    expect(tokens).toHaveLength(7);
    expect(tokens.filter((token) => output.includes(token))).toEqual([]);
  });
});

describe('the page says where they are', () => {
  const page = (name: Name, host = `127.0.0.1:${portOf(name)}`) =>
    send(portOf(name), 'GET', '/graphql', { host, accept: 'text/html' });

  test.each([
    ['home', 'offered'],
    ['everywhere', 'elsewhere'],
    ['withoutDemo', 'none'],
    ['production', 'none'],
  ] as const)('on %s: %s', async (name, said) => {
    const { status, body } = await page(name);

    expect(status).toBe(200);
    expect(/data-demo="(\w+)"/.exec(body)?.[1]).toBe(said);
    expect(body).not.toContain('eyJ');
  });

  test('and offers none under a name that is not of this machine', async () => {
    expect((await page('home', 'rebound.example')).body).toContain('data-demo="elsewhere"');
  });
});
