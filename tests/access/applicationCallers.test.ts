import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, tablesOf } from '../support/acts.js';
import {
  activate,
  grantToTenant,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { markedGraph } from '../support/markedGraph.js';
import { unitsUsed } from '../support/meters.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

const DAY = 86_400_000;
let server: TestServer;
let marked: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  marked = await startTestServer({ beside: server, graph: markedGraph() });
  shop = await openShop(server);
});
afterAll(async () => {
  await marked.stop();
  await server.stop();
});

interface Device extends Issued {
  readonly token: string;
  readonly activationId: string;
}

async function device(): Promise<Device> {
  const issued = await issueLicense(server, shop);
  const { activationToken, activation } = await activate(server, issued.licenseKey, 'laptop');
  return { ...issued, token: String(activationToken), activationId: String(activation?.id) };
}

async function licenseWith(limitValue: number): Promise<Issued> {
  return grantToTenant(server, shop, [{ featureId: 'maps', limitValue }], { issuedTo: 'Field' });
}

const showing = (
  authorization: string,
  query: string,
  {
    on = server,
    variables = {},
    headers = {},
  }: { on?: TestServer; variables?: object; headers?: object } = {},
): Promise<Answer> => on.graphql(query, variables, undefined, { authorization, ...headers });
const codes = (answer: Answer): string[] => answer.errors.map(({ extensions }) => extensions.code);
const usedOf = (license: Issued) =>
  server.sql`select coalesce(sum(used), 0)::int as used from feature_usage where license_id = ${license.id}`.then(
    ([row]) => Number(row?.used),
  );

describe('an application that says who it is ahead of its operation', () => {
  test('uses the features of the license whose key it shows, and draws from that one alone', async () => {
    const [own, other] = [await licenseWith(2), await licenseWith(50)];

    const first = await showing(`License ${own.licenseKey}`, '{ maps who }', { on: marked });
    const second = await showing(`License ${own.licenseKey}`, '{ maps }', { on: marked });
    const third = await showing(`License ${own.licenseKey}`, '{ maps open }', { on: marked });

    expect([first.data, second.data]).toEqual([{ maps: 1, who: `license:${own.id}` }, { maps: 1 }]);
    expect([third.data, codes(third)]).toEqual([{ maps: null, open: 2 }, ['QUOTA_EXCEEDED']]);
    expect([await usedOf(own), await usedOf(other)]).toEqual([2, 0]);
  });

  test('does so by the token of its activation too, in mutations as in queries', async () => {
    const own = await licenseWith(3);
    const { activationToken } = await activate(server, own.licenseKey, 'laptop');

    const asked = await showing(`Activation ${activationToken}`, '{ maps }', { on: marked });
    const done = await showing(`Activation ${activationToken}`, 'mutation { draw }', { on: marked });
    const more = await showing(`Activation ${activationToken}`, 'mutation { draw }', { on: marked });

    expect([asked.data, done.data, more.data]).toEqual([{ maps: 1 }, { draw: 3 }, { draw: null }]);
    expect([codes(more), await usedOf(own)]).toEqual([['QUOTA_EXCEEDED'], 3]);
  });

  test('that shows nothing is nobody, to whom nothing is licensed', async () => {
    await licenseWith(5);
    const before = await unitsUsed(server, shop.admin.tenant_id);

    const answer = await marked.graphql('{ maps who }');

    expect([answer.data, codes(answer)]).toEqual([{ maps: null, who: 'anonymous' }, ['NO_ACTIVE_LICENSE']]);
    expect(await unitsUsed(server, shop.admin.tenant_id)).toEqual(before);
  });

  test.each(['license', 'LICENSE', 'License  '])(
    'writes the scheme as `%s`, and the key as people do',
    async (scheme) => {
      const { id, licenseKey } = await licenseWith(1);

      for (const key of [
        licenseKey.toLowerCase(),
        licenseKey.replaceAll('-', ''),
        licenseKey.replaceAll('-', ' '),
      ]) {
        const { data } = await showing(`${scheme} ${key}`, '{ who }', { on: marked });
        expect([key, data]).toEqual([key, { who: `license:${id}` }]);
      }
    },
  );

  test('sees its own license and no other, and nothing that its role may not', async () => {
    const [own, other] = [await device(), await device()];
    const query = `query ($own: ID!, $other: ID!) { own: license(id: $own) { id status } other: license(id: $other) { id } }`;

    const seen = await showing(`License ${own.licenseKey}`, query, {
      variables: { own: own.id, other: other.id },
    });
    const more = await showing(`License ${own.licenseKey}`, '{ activations { nodes { id } } }');
    const office = await showing(`License ${own.licenseKey}`, '{ viewer { subject } }');

    expect([seen.data, seen.errors]).toEqual([{ own: { id: own.id, status: 'ACTIVE' }, other: null }, []]);
    expect([more.code, office.code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  });

  test('shows one license: another key in the operation is refused, in a mutation before it acts', async () => {
    const [own, other] = [await device(), await device()];
    const authorization = `Activation ${own.token}`;
    const before = await tablesOf(server, shop.admin.tenant_id);

    const asked = await showing(
      authorization,
      `{ validateLicenseKey(licenseKey: "${other.licenseKey}") { code } }`,
    );
    const done = await showing(authorization, mutation('sendHeartbeat', 'status'), {
      variables: { input: { activationToken: other.token } },
    });

    expect([asked.code, done.code]).toEqual(['ONE_LICENSE_PER_OPERATION', 'ONE_LICENSE_PER_OPERATION']);
    expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
  });

  test('gets one answer to one Idempotency-Key, whether it says who it is in front or inside', async () => {
    const { licenseKey } = await issueLicense(server, shop);
    const variables = { input: { licenseKey, deviceFingerprint: 'phone' } };
    const query = mutation('activateLicense', 'activationToken');
    const headers = { 'idempotency-key': 'once' };

    const inside = await server.graphql(query, variables, undefined, headers);
    const inFront = await showing(`License ${licenseKey}`, query, { variables, headers });

    expect(inside.errors).toEqual([]);
    expect(inFront.data).toEqual(inside.data);
  });
});

describe('a license that is worth nothing any more', () => {
  test.each([
    ['revokeLicense', { reason: 'Fraud' }, 'LICENSE_REVOKED'],
    ['suspendLicense', { reason: 'Unpaid' }, 'LICENSE_SUSPENDED'],
  ])('after %s its application is told so by what it asks, and uses no feature', async (act, input, code) => {
    const own = await licenseWith(5);
    const { activationToken } = await activate(server, own.licenseKey, 'laptop');
    await server.ok(mutation(act, 'license { id }'), { input: { licenseId: own.id, ...input } }, shop.admin);

    const verdict = await showing(
      `License ${own.licenseKey}`,
      `{ validateLicenseKey(licenseKey: "${own.licenseKey}") { code } }`,
    );
    const beat = await showing(`Activation ${activationToken}`, mutation('sendHeartbeat', 'status'), {
      variables: { input: { activationToken } },
    });
    const used = await showing(`Activation ${activationToken}`, '{ maps open }', { on: marked });

    expect([verdict.data, verdict.errors]).toEqual([{ validateLicenseKey: { code } }, []]);
    expect([beat.status, codes(beat)]).toEqual([200, [code]]);
    expect([used.data, codes(used)]).toEqual([{ maps: null, open: 2 }, ['NO_ACTIVE_LICENSE']]);
    expect(await usedOf(own)).toBe(0);
  });

  test('a device that was ended learns from its token that it was', async () => {
    const { token } = await device();
    await server.ok(mutation('deactivateActivation', 'activation { id }'), {
      input: { activationToken: token },
    });

    const { data } = await showing(
      `Activation ${token}`,
      `{ validateActivation(activationToken: "${token}") { code } }`,
    );

    expect(data).toEqual({ validateActivation: { code: 'ACTIVATION_DEACTIVATED' } });
  });
});

describe('a proof that proves nothing', () => {
  const unknown = [
    ['a key that nobody has', 'License 0000-0000-0000-0000-0000'],
    ['a key that is none', 'License 1234'],
    ['a token that nobody has', `Activation act_${'0'.repeat(43)}`],
    ['a text that is no token', "Activation ';--"],
    ['a token as a key', `License act_${'0'.repeat(43)}`],
    ['a key as a token', 'Activation 0000-0000-0000-0000-0000'],
  ] as const;
  test.each(unknown)('%s is refused at the door in the same words', async (_what, authorization) => {
    const response = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', authorization },
      payload: JSON.stringify({ query: '{ __typename }' }),
    });

    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'License, Activation']);
    expect(response.json()).toEqual({
      errors: [
        {
          message:
            'The Authorization header shows a license key or activation token that leads to no license.',
          extensions: { code: 'APPLICATION_UNKNOWN' },
        },
      ],
    });
  });

  test.each([
    'License',
    'License ',
    'Activation',
    `License ${'9'.repeat(200)}`,
    'Activation a b',
    'Licence x',
    'License é',
  ])('`%s` is no such header', async (authorization) => {
    const { status, code } = await showing(authorization, '{ __typename }');

    expect([status, code]).toEqual([401, 'TOKEN_INVALID']);
  });

  test('no key and no token that was shown stands in the log', async () => {
    const { licenseKey, token } = await device();
    const before = server.logged.length;

    for (const shown of [`License ${licenseKey}`, `Activation ${token}`, 'License 9999-8888-7777-6666-5555'])
      await showing(shown, '{ __typename }');

    const lines = server.logged.slice(before).join('\n');
    expect(lines).toContain('"request"');
    for (const secret of [licenseKey, token, '9999-8888-7777-6666-5555']) expect(lines).not.toContain(secret);
  });

  test('wrong ones count as tries of their address, right ones by what they ask and by their license', async () => {
    const environment = { LG_RATE_ADDRESS_PER_MINUTE: '5', LG_RATE_LICENSE_PER_MINUTE: '3' };
    const limited = await startTestServer({ beside: server, environment });
    const { licenseKey, id } = await issueLicense(server, shop);
    const ask = (authorization: string, query = '{ __typename }') =>
      showing(authorization, query, { on: limited });

    const two = await ask(`License ${licenseKey}`, '{ a: __typename b: __typename }');
    const twoMore = await ask(`License ${licenseKey}`, '{ a: __typename b: __typename }');
    const wrong = [await ask('License 1234'), await ask('License 1234')];
    const counted =
      await server.sql`select split_part(bucket, ':', 1) as kind, hits from rate_limits order by 1`;
    await limited.stop();
    await server.sql`delete from rate_limits`;

    expect([two.status, twoMore.status, twoMore.code]).toEqual([200, 429, 'RATE_LIMITED']);
    expect(wrong.map(({ status, code }) => [status, code])).toEqual([
      [401, 'APPLICATION_UNKNOWN'],
      [429, 'RATE_LIMITED'],
    ]);
    expect(counted.map(({ kind, hits }) => [kind, hits])).toEqual([
      ['address', 5],
      ['license', 2],
    ]);
    expect(id).not.toBe('');
  });

  test('past the limit of its address a right one is answered as a wrong one, whatever it asks', async () => {
    const limited = await startTestServer({
      beside: server,
      environment: { LG_RATE_ADDRESS_PER_MINUTE: '2' },
    });
    const { licenseKey } = await issueLicense(server, shop);
    const ask = (key: string, query: string) => showing(`License ${key}`, query, { on: limited });
    await ask('1234', '{ __typename }');
    await ask('1234', '{ __typename }');

    const answers = [];
    for (const query of ['{ __typename }', '{', '{ nothing }'])
      answers.push([await ask(licenseKey, query), await ask('9999-8888-7777-6666-5555', query)]);
    await limited.stop();
    await server.sql`delete from rate_limits`;

    for (const [right, wrong] of answers) {
      expect(right).toEqual(wrong);
      expect([right?.status, right?.code]).toEqual([429, 'RATE_LIMITED']);
    }
  });
});

describe('a token that was replaced', () => {
  test('serves until the new one is first shown, also when that is in the header', async () => {
    const { licenseKey, token } = await device();
    const renewed = String((await activate(server, licenseKey, 'laptop')).activationToken);

    const before = await showing(`Activation ${token}`, '{ __typename }');
    await showing(`Activation ${renewed}`, '{ __typename }');
    await server.machinery.drain.idle();
    const after = await showing(`Activation ${token}`, '{ __typename }');

    expect([before.status, after.status, after.code]).toEqual([200, 401, 'APPLICATION_UNKNOWN']);
  });

  test('is over after a day, whether or not the new one was seen', async () => {
    const { licenseKey, token } = await device();
    await activate(server, licenseKey, 'laptop');
    server.pass(DAY + 1000);

    const after = await showing(`Activation ${token}`, '{ __typename }');

    expect([after.status, after.code]).toEqual([401, 'APPLICATION_UNKNOWN']);
  });
});
