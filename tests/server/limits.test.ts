import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { getIntrospectionQuery, Lexer, Source, TokenKind } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { costs } from '../../src/server/limits/cost.js';
import { type LimitName, limits } from '../../src/server/limits/limits.js';
import { attacks, bodyOf, inside, times } from '../support/attacks.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  type Answer,
  type GraphError,
  type Json,
  startTestServer,
  type TestServer,
} from '../support/server.js';
import { SocketDoor } from '../support/socketDoor.js';

let server: TestServer;
let shop: Shop;
let token: string;
let socket: SocketDoor;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  await issueLicense(server, shop);
  token = await server.token(shop.admin);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  socket = await SocketDoor.open(server, token);
  await server.ok('{ viewer { kind } }', {}, token);
});
afterAll(async () => {
  await socket.close();
  await server.stop();
});

/** A body as it stands. */
async function post(payload: string, as: string | undefined = token): Promise<Answer> {
  const response = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: {
      'content-type': 'application/json',
      ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
    },
    payload,
  });
  const { data = null, errors = [] } = response.json<{ data?: Json; errors?: GraphError[] }>();
  return { status: response.statusCode, data, errors, code: errors[0]?.extensions.code };
}

/** The two ways in; one socket takes everything that this file sends, and stays open. */
const doors = [
  ['HTTP', (payload: string) => post(payload)],
  ['a socket', (payload: string) => socket.ask(payload)],
] as const;

interface Sent {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: string;
}

/** Requests that hold exactly so many of what a limit counts, and are within all others. */
const holding: Readonly<Record<LimitName, (count: number) => Sent>> = {
  characters: (count) => ({ query: '{ viewer { kind } }'.padEnd(count, '#') }),
  tokens: (count) => ({ query: withTokens(count), variables: { of: ['ACTIVE'] } }),
  nesting: (count) => ({ query: `{ viewer ${inside(count - 2, '{ ... ', '{ kind }', ' }')} }` }),
  operations: (count) => ({
    query: times(count, (at) => `query Q${at} { viewer { kind } }`),
    operationName: 'Q0',
  }),
  fragments: (count) => ({
    query: `{ viewer { ${times(count, (at) => `...F${at}`)} } } ${times(count, (at) => `fragment F${at} on Viewer { kind }`)}`,
  }),
  selections: (count) => ({ query: withSelections(count) }),
  depth: (count) => ({ query: withDepth(count) }),
  aliases: (count) => ({ query: `{ viewer { ${times(count, (at) => `a${at}: kind`)} } }` }),
  directives: (count) => ({
    query: `query ($is: Boolean!) { viewer { ${times(count, () => 'kind @include(if: $is)')} } }`,
    variables: { is: true },
  }),
  arguments: (count) => ({
    query: `{ licenses(first: 1) { nodes { ${times(count - 1, () => 'events(first: 1) { __typename }')} } } }`,
  }),
  rootFields: (count) => ({ query: `{ ${times(count, (at) => `v${at}: viewer { kind }`)} }` }),
  variables: (count) => ({
    query: `query (${times(count, (at) => `$v${at}: Int!`)}) { licenses(first: 1) { nodes {
      ${times(count, (at) => `e${at}: events(first: $v${at}) { __typename }`)} } } }`,
    variables: Object.fromEntries(Array.from({ length: count }, (_, at) => [`v${at}`, 1])),
  }),
  values: (count) => ({ query: '{ viewer { kind } }', variables: manyValues(count) }),
  entries: (count) => ({ query: '{ viewer { kind } }', variables: { unused: Array(count).fill(1) } }),
  members: (count) => ({
    query: '{ viewer { kind } }',
    variables: { unused: Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at])) },
  }),
  valueNesting: (count) => ({
    query: '{ viewer { kind } }',
    variables: JSON.parse(inside(count + 1, '{"a":', '1', '}')),
  }),
};

/** Lists of a thousand, and one of what is left; each list is a value too. */
function manyValues(count: number): Readonly<Record<string, readonly number[]>> {
  const lists = Math.ceil(count / 1_001);
  const left = count - (lists - 1) * 1_001 - 1;
  return Object.fromEntries(
    Array.from({ length: lists }, (_, at) => [`v${at}`, Array(at === lists - 1 ? left : 1_000).fill(1)]),
  );
}

/** A default as long as it has to be, in whose place a value is sent. */
function withTokens(count: number): string {
  const query = (length: number): string =>
    `query ($of: [LicenseStatus!] = [${'ACTIVE,'.repeat(length)}]) { licenses(filter: {status: $of}) { __typename } }`;
  return query(count - tokensOf(query(0)));
}

function tokensOf(query: string): number {
  const lexer = new Lexer(new Source(query));
  let tokens = 0;
  while (lexer.advance().kind !== TokenKind.EOF) tokens += 1;
  return tokens;
}

/** Lists of forty fields each, and the rest in one of its own. */
function withSelections(count: number): string {
  const lists = Math.ceil(count / 42) - 1;
  const list = (at: number, fields: number): string =>
    `a${at}: licenses(first: 1) { nodes { ${times(fields, () => 'id')} } }`;
  return `{ ${times(lists, (at) => list(at, 40))} ${list(lists, count - lists * 42 - 2)} }`;
}

/** To and fro between licenses and their customer. */
function withDepth(count: number): string {
  const levels = ['licenses(first: 1)', 'nodes', 'customer'];
  const path = Array.from({ length: count - 1 }, (_, at) => levels[at % 3]);
  return `{ ${path.join(' { ')} { __typename } ${'}'.repeat(count - 1)}`;
}

describe.each(Object.entries(limits))('the limit of %s', (name, [maximum]) => {
  const limit = name as LimitName;

  test.each(doors)('takes what it names over %s', async (_door, ask) => {
    const answer = await ask(JSON.stringify(holding[limit](maximum)));

    expect(answer.errors).toEqual([]);
    expect(answer.data).not.toBeNull();
  });

  test.each(doors)('refuses one more over %s, and says what is too much', async (door, ask) => {
    const answer = await ask(JSON.stringify(holding[limit](maximum + 1)));

    expect(answer.status).toBe(door === 'HTTP' ? 400 : 0);
    expect(answer.data).toBeNull();
    expect(answer.errors.map((error) => error.extensions)).toEqual([
      { code: 'OPERATION_TOO_LARGE', limit, found: maximum + 1, maximum },
    ]);
  });
});

describe.each(doors)('an attack over %s', (door, ask) => {
  test.each(attacks)('is refused before anything is read: $what', async (attack) => {
    server.statements.length = 0;

    const answer = await ask(bodyOf(attack));

    expect(answer.status).toBe(door === 'HTTP' ? 400 : 0);
    expect(new Set(answer.errors.map((error) => error.extensions.code))).toEqual(new Set([attack.code]));
    expect(answer.errors[0]?.extensions.limit).toEqual(
      attack.code === 'OPERATION_TOO_COSTLY' ? costs.limit : attack.limit,
    );
    expect(answer.data).toBeNull();
    expect(JSON.stringify(answer.errors).length).toBeLessThan(10_000);
    expect(JSON.stringify(answer.errors)).not.toMatch(/stack|node_modules|\.[jt]s:\d/);
    expect(server.statements).toEqual([]);
  });
});

describe('an attack', () => {
  test('is logged as no defect of ours', () => {
    expect(server.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test('leaves no memory behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const send = async (): Promise<void> => {
      for (const attack of attacks) await post(bodyOf(attack));
    };
    await send();
    collect();
    const before = process.memoryUsage().heapUsed;

    for (let round = 0; round < 5; round += 1) await send();
    collect();

    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
  });

  test('is refused alike when it comes in an address', async () => {
    const refused = async (query: string): Promise<Answer['code']> => {
      const search = new URLSearchParams({ query });
      const response = await server.app.inject({
        url: `/graphql?${search}`,
        headers: { 'apollo-require-preflight': 'true' },
      });
      expect(response.statusCode).toBe(400);
      return response.json<{ errors: GraphError[] }>().errors[0]?.extensions.code;
    };

    expect(await refused('{a'.repeat(1_200))).toBe('OPERATION_TOO_LARGE');
    expect(await refused(`{ viewer { ${times(101, (at) => `a${at}: kind`)} } }`)).toBe('OPERATION_TOO_LARGE');
    expect(await refused('{ licenses { nodes { ...A } } } fragment A on License { ...A }')).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    );
  });

  test('is read as the parser reads it, in whatever way an address is written', async () => {
    // A byte that is no UTF-8 makes some decoders give the text back as it came, brackets hidden.
    const query = `%FF${'%7Ba'.repeat(1_200)}`;

    const response = await server.app.inject({
      url: `/graphql?query=${query}`,
      headers: { 'apollo-require-preflight': 'true' },
    });

    expect(response.statusCode).toBe(400);
    expect(response.json<{ errors: GraphError[] }>().errors[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
  });

  test('of a batch is refused as what it is', async () => {
    const one = JSON.stringify({ query: '{ viewer { kind } }' });

    const answer = await post(`[${Array(1_000).fill(one).join(',')}]`);

    expect(answer.status).toBe(400);
    expect(answer.code).toBe('BAD_REQUEST');
  });
});

const introspection = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

/** The page that shows what a deep query costs the database: tests/server/statements.test.ts. */
const nested = `{ licenses(first: 50) { nodes {
  id status currentActivations
  activations(first: 10) { nodes { id status license { id } } }
  order { orderNumber customer { name } template { templateName } }
  customer { name orders(first: 3) { nodes { orderNumber } } }
  template { templateName product { name } }
  events(first: 3) { nodes { type } }
} } }`;

const fiftyByTwenty = `{ licenses(first: 50) { nodes { id licenseKey status issuedTo
  activations(first: 20) { nodes { id status } } } } }`;

describe('what people and tools send is taken', () => {
  test.each([
    ['introspection with every option', introspection],
    ['a page of fifty licenses with their devices, orders and history', nested],
    ['fifty licenses with twenty devices each', fiftyByTwenty],
  ])('%s', async (_what, query) => {
    await server.ok(query, {}, token);
  });
});

test('a connection that sends nothing, or slowly, does not wait for ever', () => {
  const { requestTimeout, headersTimeout, keepAliveTimeout, timeout } = server.app.server;

  expect({ requestTimeout, headersTimeout, keepAliveTimeout, timeout }).toEqual({
    requestTimeout: 30_000,
    headersTimeout: 15_000,
    keepAliveTimeout: 72_000,
    timeout: 60_000,
  });
});

test('a subscription over HTTP is told where to go', async () => {
  const answer = await server.graphql('subscription { licenseChanged { type } }', {}, token);

  expect([answer.status, answer.code]).toEqual([400, 'BAD_REQUEST']);
});

test('an array of requests is told to come one by one', async () => {
  const answer = await post(JSON.stringify([{ query: '{ viewer { kind } }' }]));

  expect([answer.status, answer.code]).toEqual([400, 'BAD_REQUEST']);
});

describe('the most that an operation may cost', () => {
  const devices = (first: number): string =>
    `{ licenses(first: 10) { nodes { activations(first: ${first}) { nodes { id status } } } } }`;

  test('is less for nobody, who can only show a key', async () => {
    const answer = await server.graphql(devices(100));

    expect([answer.status, answer.code]).toEqual([400, 'OPERATION_TOO_COSTLY']);
    expect(answer.errors[0]?.extensions.limit).toBe(costs.anonymousLimit);
    await server.ok(devices(100), {}, token);
  });

  test('counts nothing of what the schema says of itself, which is asked before signing in', async () => {
    await server.ok(introspection);
  });

  test('is less for a stream, which pays it again for each event', async () => {
    const stream = (first: number) =>
      JSON.stringify({
        query: `subscription { licenseChanged { license { activations(first: ${first}) { nodes { id } } } } }`,
      });

    const answer = await socket.ask(stream(100));

    expect(answer.code).toBe('OPERATION_TOO_COSTLY');
    expect(answer.errors[0]?.extensions.limit).toBe(costs.streamLimit);
  });
});

describe('a schema that is not to be asked about', () => {
  let closed: TestServer;
  let door: SocketDoor;
  beforeAll(async () => {
    closed = await startTestServer({ environment: { LG_INTROSPECTION: 'false' }, beside: server });
    await closed.app.listen({ host: '127.0.0.1', port: 0 });
    door = await SocketDoor.open(closed, token);
  });
  afterAll(async () => {
    await door.close();
    await closed.stop();
  });

  const ways: readonly [string, (query: string, variables?: object) => Promise<Answer>][] = [
    ['HTTP', (query, variables = {}) => closed.graphql(query, variables, token)],
    ['a socket', (query, variables = {}) => door.ask(JSON.stringify({ query, variables }))],
  ];

  test.each(ways)('says nothing of itself over %s', async (_way, ask) => {
    for (const query of [
      introspection,
      '{ __schema { queryType { name } } }',
      '{ __type(name: "License") { name } }',
      '{ viewer { kind } ... { a: __type(name: "License") { name } } }',
      'query { ...F } fragment F on Query { __schema { description } }',
    ]) {
      const answer = await ask(query);

      expect(answer.code, query).toBe('GRAPHQL_VALIDATION_FAILED');
      expect(answer.data).toBeNull();
    }
    expect((await ask('{ viewer { __typename } }')).data?.viewer).toEqual({ __typename: 'Viewer' });
  });

  test.each(ways)('suggests no name over %s', async (_way, ask) => {
    const wrong: readonly [string, object][] = [
      ['{ viewr { kind } }', {}],
      ['{ viewer { kinde } }', {}],
      ['{ licenses(frist: 1) { nodes { id } } }', {}],
      ['{ licenses(filter: {statuss: ACTIVE}) { nodes { id } } }', {}],
      ['{ licenses(filter: {status: ACTIV}) { nodes { id } } }', {}],
      ['query ($f: LicenceFilter) { licenses(filter: $f) { nodes { id } } }', {}],
      ['query ($f: LicenseFilter) { licenses(filter: $f) { nodes { id } } }', { f: { statuss: 'ACTIVE' } }],
      ['query ($f: LicenseFilter) { licenses(filter: $f) { nodes { id } } }', { f: { status: 'ACTIV' } }],
    ];
    for (const [query, variables] of wrong) {
      const answer = await ask(query, variables);

      expect(answer.errors.length, query).toBeGreaterThan(0);
      expect(JSON.stringify(answer.errors), query).not.toMatch(/did you mean/i);
    }
  });

  test('is spoken of where the setting says so', async () => {
    const answer = await server.graphql('{ viewer { kinde } }', {}, token);

    expect(answer.errors[0]?.message).toContain('Did you mean "kind"');
  });
});
