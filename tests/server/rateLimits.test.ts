import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mutation, tablesOf } from '../support/acts.js';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type GraphError, START, startTestServer, type TestServer } from '../support/server.js';
import { contentOf } from '../support/world.js';

const ADDRESS_LIMIT = 40;
const LICENSE_LIMIT = 30;
const environment = {
  LG_DATABASE_POOL: '2',
  LG_RATE_ADDRESS_PER_MINUTE: String(ADDRESS_LIMIT),
  LG_RATE_LICENSE_PER_MINUTE: String(LICENSE_LIMIT),
};

let server: TestServer;
let other: TestServer;
/** Behind a proxy at 10.0.0.1, which is believed. */
let proxied: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment });
  other = await startTestServer({ environment, beside: server });
  const proxies = { LG_TRUSTED_PROXIES: '10.0.0.1/32' };
  proxied = await startTestServer({ environment: { ...environment, ...proxies }, beside: server });
  shop = await openShop(server);
});
beforeEach(async () => {
  for (const each of [server, other, proxied]) each.now = START;
  await server.sql`delete from rate_limits`;
});
afterAll(async () => {
  await proxied.stop();
  await other.stop();
  await server.stop();
});

const UNKNOWN = '0000-0000-0000-0000-0000';
const guess = (key = UNKNOWN, alias = 'a'): string =>
  `${alias}: validateLicenseKey(licenseKey: "${key}") { code }`;
const guesses = (count: number): string =>
  `{ ${Array.from({ length: count }, (_, index) => guess(UNKNOWN, `a${index}`)).join(' ')} }`;

interface From {
  readonly address?: string;
  readonly forwarded?: string;
  readonly as?: Claims;
  readonly on?: TestServer;
}

interface Told {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | undefined;
  readonly seconds: unknown;
  readonly data: unknown;
}

/** One request from somewhere. */
async function ask(query: string, { address, forwarded, as, on = server }: From = {}): Promise<Told> {
  const response = await on.app.inject({
    method: 'POST',
    url: '/graphql',
    remoteAddress: address ?? '192.0.2.1',
    headers: {
      'content-type': 'application/json',
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
      ...(as === undefined ? {} : { authorization: `Bearer ${await on.token(as)}` }),
    },
    payload: JSON.stringify({ query }),
  });
  const body = response.json<{ data?: unknown; errors?: GraphError[] }>();
  const [error] = body.errors ?? [];
  return {
    status: response.statusCode,
    code: error?.extensions.code,
    retryAfter: response.headers['retry-after']?.toString(),
    seconds: error?.extensions.retryAfterSeconds,
    data: body.data,
  };
}

/** How many of the same request are admitted, one after the other. */
async function admittedOf(count: number, query: string, from: From = {}): Promise<number> {
  let admitted = 0;
  for (let asked = 0; asked < count; asked += 1) {
    const { code } = await ask(query, from);
    if (code !== 'RATE_LIMITED') admitted += 1;
  }
  return admitted;
}

const stored = async (kind: string): Promise<number[]> => {
  const rows = await server.sql`select hits from rate_limits where bucket like ${`${kind}:%`} order by hits`;
  return rows.map(({ hits }) => Number(hits));
};

describe('callers without a token, by their address', () => {
  test('of 300 at once on two servers exactly the limit is admitted', async () => {
    const callers = Array.from({ length: 300 }, (_, index) =>
      ask(`{ ${guess()} }`, { on: index % 2 === 0 ? server : other }),
    );

    const told = await Promise.all(callers);

    const admitted = told.filter(({ status }) => status === 200);
    expect(admitted.map(({ data }) => data)).toEqual(Array(ADDRESS_LIMIT).fill({ a: { code: 'NOT_FOUND' } }));
    expect(new Set(told.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(['200 undefined', '429 RATE_LIMITED']),
    );
    expect(await stored('address')).toEqual([ADDRESS_LIMIT]);
  });

  test('one that is refused is told when to come again, in the error and in the header', async () => {
    await ask(guesses(ADDRESS_LIMIT));

    const told = await ask(`{ ${guess()} }`);

    // A second and a half into the next window 1/40 of this one is forgotten.
    expect(told).toEqual({
      status: 429,
      code: 'RATE_LIMITED',
      retryAfter: '62',
      seconds: 62,
      data: undefined,
    });
    for (const each of [server, other]) each.pass(62_000);
    expect((await ask(`{ ${guess()} }`, { on: other })).status).toBe(200);
  });

  test('each alias of a document is a try, and a document that does not fit asks nothing', async () => {
    await ask(guesses(ADDRESS_LIMIT - 10));

    const tooMany = await ask(guesses(11));
    const fitting = await ask(guesses(10));

    expect([tooMany.status, tooMany.code, tooMany.data]).toEqual([429, 'RATE_LIMITED', undefined]);
    expect([fitting.status, fitting.code]).toEqual([200, undefined]);
    expect(await stored('address')).toEqual([ADDRESS_LIMIT]);
  });

  test('a flood leaves one line in the log, without the address', async () => {
    await server.machinery.security.flush();
    server.pass(300_000);
    const before = server.logged.length;
    await ask(guesses(ADDRESS_LIMIT));

    for (let asked = 0; asked < 5; asked += 1) await ask(`{ ${guess()} }`);
    await server.machinery.security.flush();

    const lines = server.logged.slice(before).filter((line) => line.includes('RATE_LIMITED'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { code: 'RATE_LIMITED', field: 'query', leftOut: 0 },
      { code: 'RATE_LIMITED', field: 'query', leftOut: 4 },
    ]);
    expect(lines.join('')).not.toContain('192.0.2.1');
  });

  test('a field that is skipped is no try', async () => {
    const query = `{ ${guess()} b: validateLicenseKey(licenseKey: "x") @skip(if: true) { code } }`;

    await ask(query);

    expect(await stored('address')).toEqual([1]);
  });

  test('a mutation that is refused writes nothing', async () => {
    const { licenseKey } = await issueLicense(server, shop);
    await ask(guesses(ADDRESS_LIMIT));
    const before = await contentOf(server);

    const told = await ask(`mutation { activateLicense(input: {
      licenseKey: "${licenseKey}", deviceFingerprint: "laptop" }) { activationToken } }`);

    expect([told.status, told.code]).toEqual([429, 'RATE_LIMITED']);
    expect(await contentOf(server)).toBe(before);
  });

  test('what is refused does not count: whoever asks twice the limit all the time is not shut out', async () => {
    const perMinute: number[] = [];
    for (let minute = 0; minute < 4; minute += 1) {
      let admitted = 0;
      for (let part = 0; part < 4; part += 1) {
        admitted += await admittedOf(ADDRESS_LIMIT / 2, `{ ${guess()} }`);
        server.pass(15_000);
      }
      perMinute.push(admitted);
    }

    expect(perMinute).toEqual([40, 30, 32, 32]);
  });

  test('a window that was full weighs on into the next by what is left of it', async () => {
    server.pass(59_000);
    await ask(guesses(ADDRESS_LIMIT));

    server.pass(1000);
    const atOnce = await admittedOf(5, `{ ${guess()} }`);
    server.pass(30_000);
    const later = await admittedOf(ADDRESS_LIMIT, `{ ${guess()} }`);

    expect([atOnce, later]).toEqual([0, ADDRESS_LIMIT / 2]);
  });

  test('callers with a token are not counted', async () => {
    await ask(guesses(ADDRESS_LIMIT));

    const told = await ask(guesses(50), { as: shop.admin });

    expect([told.status, told.code]).toEqual([200, undefined]);
    expect(await stored('address')).toEqual([ADDRESS_LIMIT]);
  });

  test('another address has a count of its own', async () => {
    await ask(guesses(ADDRESS_LIMIT));

    expect(await admittedOf(ADDRESS_LIMIT + 1, `{ ${guess()} }`, { address: '192.0.2.2' })).toBe(
      ADDRESS_LIMIT,
    );
  });

  test.each([
    ['the addresses of one /64', ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3'], 1],
    ['two neighbours of /64', ['2001:db8:1:2::1', '2001:db8:1:3::1'], 2],
    [
      'an address of IPv4, also when written as IPv6',
      ['192.0.2.9', '::ffff:192.0.2.9', '::ffff:c000:209'],
      1,
    ],
    ['all addresses of a zone', ['fe80::1%eth0', 'fe80::1%eth1'], 1],
  ])('%s', async (_what, addresses, callers) => {
    for (const address of addresses) await ask(`{ ${guess()} }`, { address });

    expect(await stored('address')).toHaveLength(callers);
  });

  test('no address is stored', async () => {
    await ask(`{ ${guess()} }`, { address: '198.51.100.7' });

    const rows = await server.sql`select bucket from rate_limits`;
    expect(rows.map(({ bucket }) => bucket)).toEqual([expect.stringMatching(/^address:k1\.[\w-]{43}$/)]);
  });

  test('nobody is admitted while the database cannot count', async () => {
    await server.sql`alter table rate_limits rename to taken_away`;

    const told = await ask(`{ ${guess()} }`);

    await server.sql`alter table taken_away rename to rate_limits`;
    expect([told.status, told.code, told.data]).toEqual([500, 'INTERNAL_SERVER_ERROR', undefined]);
    expect((await ask(`{ ${guess()} }`)).status).toBe(200);
  });
});

describe('a forwarded address', () => {
  test('is not believed from anybody: writing one escapes no limit', async () => {
    await ask(guesses(ADDRESS_LIMIT));

    const told = await ask(`{ ${guess()} }`, { forwarded: '203.0.113.5' });

    expect(told.status).toBe(429);
  });

  test('is believed from a proxy that is trusted: each of its callers is counted apart', async () => {
    const behind = { on: proxied, address: '10.0.0.1' };
    await ask(guesses(ADDRESS_LIMIT), { ...behind, forwarded: '203.0.113.5' });

    const same = await ask(`{ ${guess()} }`, { ...behind, forwarded: '203.0.113.5' });
    const another = await ask(`{ ${guess()} }`, { ...behind, forwarded: '203.0.113.6' });

    expect([same.status, another.status]).toEqual([429, 200]);
  });

  test('that its caller wrote in front of the real one counts for nothing', async () => {
    const behind = { on: proxied, address: '10.0.0.1' };
    await ask(guesses(ADDRESS_LIMIT), { ...behind, forwarded: '203.0.113.5' });

    const spoofed = await ask(`{ ${guess()} }`, { ...behind, forwarded: '198.51.100.1, 203.0.113.5' });

    expect(spoofed.status).toBe(429);
  });

  test('that is none is one caller with all others that are none', async () => {
    const behind = { on: proxied, address: '10.0.0.1' };

    for (const forwarded of ['unknown', '_hidden', '']) await ask(`{ ${guess()} }`, { ...behind, forwarded });
    const rows = await stored('address');

    // An empty header hands on nothing, so that the proxy itself is counted.
    expect(rows).toEqual([1, 2]);
  });
});

const heartbeatOf = (token: string): string =>
  `mutation { sendHeartbeat(input: { activationToken: "${token}" }) { status } }`;

describe('applications, by the license that their key or token leads to', () => {
  let licenseKey: string;
  let licenseId: string;
  let token: string;
  beforeEach(async () => {
    ({ id: licenseId, licenseKey } = await issueLicense(server, shop));
    token = String((await activate(server, licenseKey, 'laptop')).activationToken);
    await server.sql`delete from rate_limits`;
  });

  test('of 120 from as many addresses, on two servers with two connections each, exactly the limit is admitted', async () => {
    const callers = Array.from({ length: 120 }, (_, index) => {
      const query = index % 3 === 0 ? heartbeatOf(token) : `{ ${guess(licenseKey)} }`;
      return ask(query, { address: `192.0.2.${index}`, on: index % 2 === 0 ? server : other });
    });

    const told = await Promise.all(callers);

    expect(told.filter(({ code }) => code === undefined)).toHaveLength(LICENSE_LIMIT);
    expect(new Set(told.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(['200 undefined', '200 RATE_LIMITED']),
    );
    expect(await stored('license')).toEqual([LICENSE_LIMIT]);
  });

  test('each alias that shows it counts', async () => {
    const aliases = Array.from({ length: LICENSE_LIMIT + 1 }, (_, index) => guess(licenseKey, `a${index}`));

    const told = await ask(`{ ${aliases.join(' ')} }`);

    expect([told.status, told.code]).toEqual([200, 'RATE_LIMITED']);
    expect(await stored('license')).toEqual([LICENSE_LIMIT]);
  });

  test('a heartbeat that is refused writes nothing, says when to come again, and another license goes on', async () => {
    const neighbour = await issueLicense(server, shop);
    await ask(
      `{ ${Array.from({ length: LICENSE_LIMIT }, (_, index) => guess(licenseKey, `a${index}`)).join(' ')} }`,
    );
    const before = await tablesOf(server, shop.admin.tenant_id);

    const told = await ask(heartbeatOf(token), { address: '192.0.2.50' });

    expect(told).toEqual({
      status: 200,
      code: 'RATE_LIMITED',
      retryAfter: undefined,
      seconds: 62,
      data: { sendHeartbeat: null },
    });
    const [counted] = await server.sql`select hits from rate_limits where bucket = ${`license:${licenseId}`}`;
    expect(counted?.hits).toBe(LICENSE_LIMIT);
    await server.sql`delete from rate_limits where bucket like 'address:%'`;
    expect((await ask(`{ ${guess(neighbour.licenseKey)} }`)).data).toEqual({ a: { code: 'VALID' } });
    expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
  });

  test('a back office that shows it with a token is not counted', async () => {
    const query = mutation('sendHeartbeat', 'status');

    for (let sent = 0; sent < LICENSE_LIMIT + 1; sent += 1)
      await server.ok(query, { input: { activationToken: token } }, shop.admin);

    expect(await stored('license')).toEqual([]);
  });
});

test('limits of 0 are none, and nothing is counted', async () => {
  const none = { LG_RATE_ADDRESS_PER_MINUTE: '0', LG_RATE_LICENSE_PER_MINUTE: '0' };
  const unlimited = await startTestServer({ environment: none, beside: server });

  const told = await ask(guesses(50), { on: unlimited });
  await unlimited.stop();

  expect([told.status, told.code]).toEqual([200, undefined]);
  expect(await server.count('rate_limits')).toBe(0);
});
