import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

const TRIES = 10;

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: { LG_RATE_ADDRESS_PER_MINUTE: String(TRIES) } });
  shop = await openShop(server);
});
afterAll(() => server.stop());

/** Pages that ask who comes, outside of the graph. */
const pages = [
  '/invoices/00000000-0000-7000-8000-000000000000.pdf',
  '/mail/00000000-0000-7000-8000-000000000000',
];

interface Told {
  readonly status: number;
  readonly code: string;
  readonly challenge: string | undefined;
  readonly retryAfter: string | undefined;
}

async function open(url: string, authorization: string | undefined, remoteAddress: string): Promise<Told> {
  const headers = authorization === undefined ? {} : { authorization };
  const { statusCode, ...response } = await server.app.inject({ method: 'GET', url, headers, remoteAddress });
  const { errors } = response.json<{ errors: [{ extensions: { code: string } }] }>();
  const header = (name: string): string | undefined => response.headers[name]?.toString();
  const [challenge, retryAfter] = [header('www-authenticate'), header('retry-after')];
  return { status: statusCode, code: errors[0].extensions.code, challenge, retryAfter };
}

const defects = (): string[] => server.logged.filter((line) => line.includes('"level":50'));

describe.each(pages)('%s', (page) => {
  test('tells whoever shows what does not verify what is wrong, as the graph does, and logs no defect', async () => {
    const expired = await server.token(shop.admin);
    server.pass(2 * 3_600_000);
    const shown = [
      undefined,
      '',
      'Basic YWRhOmJ5cm9u',
      'Bearer x.y.z',
      `Bearer ${(await server.token(shop.admin)).slice(0, -3)}abc`,
      `Bearer ${expired}`,
      `Bearer ${await server.token({ tenant_id: 'nobody', roles: ['admin'] })}`,
      'Bearer lgk_wrong',
      'License AAAA-BBBB-CCCC-DDDD-EEEE',
      'Activation wrong',
    ];

    const told: Told[] = [];
    for (const authorization of shown) told.push(await open(page, authorization, '192.0.2.1'));

    expect(told.map(({ status, code }) => [status, code])).toEqual([
      [401, 'UNAUTHENTICATED'],
      [401, 'TOKEN_INVALID'],
      [401, 'TOKEN_INVALID'],
      [401, 'TOKEN_INVALID'],
      [401, 'TOKEN_INVALID'],
      [401, 'TOKEN_EXPIRED'],
      [401, 'TENANT_NOT_FOUND'],
      [401, 'API_KEY_INVALID'],
      [401, 'APPLICATION_UNKNOWN'],
      [401, 'APPLICATION_UNKNOWN'],
    ]);
    expect(told.map(({ challenge = '' }) => challenge.split(' ', 1)[0])).toEqual([
      ...Array(8).fill('Bearer'),
      ...Array(2).fill('License,'),
    ]);
    expect(defects()).toEqual([]);
  });

  test('tells whoever has guessed too often when to come again', async () => {
    const address = `192.0.2.${10 + pages.indexOf(page)}`;
    const guess = (): Promise<Told> => open(page, 'License AAAA-BBBB-CCCC-DDDD-EEEE', address);
    for (let guesses = 0; guesses < TRIES; guesses += 1) expect((await guess()).status).toBe(401);

    const refused = await guess();

    expect([refused.status, refused.code]).toEqual([429, 'RATE_LIMITED']);
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(defects()).toEqual([]);
  });
});
