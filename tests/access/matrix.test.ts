import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSchema } from '../../src/server/schema.js';
import type { Asked } from '../support/fieldCases.js';
import { createCustomer } from '../support/fixtures.js';
import { matrix } from '../support/matrix.js';
import { named, nested } from '../support/nestedFields.js';
import { requestOf } from '../support/offline.js';
import { asksApart, cases, namesNothing } from '../support/rootFields.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';
import { listen, RawSocket } from '../support/sockets.js';
import {
  contentOf,
  createReseller,
  NOBODYS_KEY,
  nobodysWorld,
  openWorld,
  type World,
} from '../support/world.js';

/** Somebody who asks, and what he has himself. Who is inside holds the role for the very things that are named. */
interface Caller {
  readonly claims?: Claims;
  readonly authorization?: string;
  readonly here: World;
  readonly isInside: boolean;
}

let server: TestServer;
let url: string;
let world: World;
let foreign: World;
let nobodys: World;
let callers: readonly Caller[];

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
  world = await openWorld(server);
  foreign = await openWorld(server);
  nobodys = nobodysWorld(world.admin, (await requestOf(server, NOBODYS_KEY)).requestCode);
  const { admin } = world;
  const customerId = await createCustomer(server, admin, 'Eve');
  const resellerId = await createReseller(server, admin, 'Red');
  const inside = (claims: Partial<Claims>): Caller => ({
    claims: { tenant_id: admin.tenant_id, ...claims },
    here: world,
    isInside: true,
  });
  const outside = (claims: Partial<Claims>): Caller => ({
    ...inside(claims),
    // Of a pool it has none: what names one names what is nobody's.
    here: { ...world, customerId, resellerId, poolId: randomUUID() },
    isInside: false,
  });
  callers = [
    { here: world, isInside: true },
    { claims: foreign.admin, here: foreign, isInside: false },
    outside({ roles: ['customer'], customer_id: customerId }),
    outside({ roles: ['reseller'], reseller_id: resellerId }),
    inside({ roles: ['admin'] }),
    inside({ roles: ['manager'] }),
    inside({ roles: ['auditor'] }),
    inside({ roles: ['support'] }),
    inside({ roles: ['reseller'], reseller_id: world.resellerId }),
    inside({ roles: ['customer'], customer_id: world.customerId }),
    inside({ roles: ['operator'] }),
    { authorization: `License ${world.licenseKey}`, here: world, isInside: true },
  ];
});
afterAll(() => server.stop());

type Ask = (there: World, here: World) => Asked;
type Cell = (caller: Caller) => Promise<string>;

/** The word of a refusal for who asks. */
function refusalIn({ errors }: Pick<Answer, 'errors'>): string | undefined {
  const codes = errors.map(({ extensions }) => extensions.code);
  if (codes.includes('UNAUTHENTICATED')) return 'U';
  if (codes.includes('OPERATION_TOO_COSTLY')) throw new Error('the operation was not asked at all');
  return codes.includes('FORBIDDEN') ? 'F' : undefined;
}

function send({ query, variables }: Asked, { claims, authorization }: Caller): Promise<Answer> {
  const headers = authorization === undefined ? {} : { authorization };
  return server.graphql(query, variables, claims, headers);
}

/** The names of a world give way to their words, so that answers about two worlds can be compared. */
function unnamed(answer: Answer | string, { admin: _, ...names }: World): string {
  let text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  for (const [name, value] of Object.entries(names)) text = text.replaceAll(String(value), name);
  return text;
}

/** Who is inside would do what is named: there it is asked of what does not exist. */
function naming(ask: Ask): Cell {
  return async (caller) => {
    const none = ask(nobodys, caller.here);
    const forNone = await send(none, caller);
    const refused = refusalIn(forNone);
    if (refused !== undefined) return refused;
    if (caller.isInside && none.query.startsWith('mutation')) return '+';
    const there = ask(world, caller.here);
    if (JSON.stringify(there) === JSON.stringify(none)) return '=';
    const answer = await send(there, caller);
    // What the caller names beside it is no difference: of both answers it is the same thing.
    const [told, toldOfNone] = [unnamed(answer, world), unnamed(forNone, nobodys)].map((text) =>
      unnamed(text, caller.here),
    );
    return refusalIn(answer) ?? (told === toldOfNone ? '0' : '+');
  };
}

/** What it would make gets no name, so that nothing is made. */
function plain({ query }: Asked): Cell {
  const unfit = query.replace(/(name|reason|description): "\w+"/, '$1: ""');
  return async (caller) => refusalIn(await send({ query: unfit }, caller)) ?? '=';
}

const streams: Readonly<Record<string, string>> = {
  licenseChanged: 'subscription { licenseChanged { type } }',
  licenseExpiring: 'subscription { licenseExpiring(withinDays: 1) { daysRemaining } }',
  activationChanged: 'subscription { activationChanged { type } }',
  events: 'subscription { events { sequence } }',
  orderProgress: 'subscription { orderProgress { type } }',
  quotaThreshold: 'subscription { quotaThreshold { thresholdPercent } }',
  violationDetected: 'subscription { violationDetected { at } }',
};

/** Begun, or told why not. Nobody opens no socket. */
function following(query: string): Cell {
  return async ({ claims, authorization }) => {
    if (claims === undefined && authorization === undefined) return 'U';
    const raw = await RawSocket.open(url);
    const own = claims === undefined ? authorization : `Bearer ${await server.token(claims)}`;
    raw.send({ type: 'connection_init', payload: { authorization: own } });
    await raw.until(({ type }) => type === 'connection_ack');
    const readers = server.machinery.feed?.readers ?? 0;
    raw.ask('1', query);
    await expect
      .poll(() => raw.of('1').length > 0 || (server.machinery.feed?.readers ?? 0) > readers, { interval: 5 })
      .toBe(true);
    const errors = raw.of('1').flatMap(({ payload }) => payload?.errors ?? []);
    await raw.hangUp();
    await expect.poll(() => server.machinery.feed?.readers, { interval: 5 }).toBe(readers);
    return refusalIn({ errors }) ?? '=';
  };
}

function cells(): (readonly [name: string, cell: Cell])[] {
  const fields = Object.entries(cases).flatMap(([field, list]) =>
    list.map(([what, ask]) => [`${field}, ${what}`, naming(ask)] as const),
  );
  const without = Object.entries({ ...namesNothing, ...asksApart });
  const below = Object.entries(nested).map(
    ([edge, [query]]) => [edge, naming((there) => ({ query: named(query, there) }))] as const,
  );
  const all = [
    ...fields,
    ...without.map(([field, asked]) => [field, plain(asked)] as const),
    ...Object.entries(streams).map(([field, query]) => [field, following(query)] as const),
    ...below,
  ];
  return all.toSorted(([left], [right]) => (left < right ? -1 : 1));
}

/** Whoever follows is known by the number of those who do. */
async function inTurn(cell: Cell): Promise<string[]> {
  const answers: string[] = [];
  for (const caller of callers) answers.push(await cell(caller));
  return answers;
}

test('every stream stands in the matrix', () => {
  const fields = createSchema().getSubscriptionType()?.getFields() ?? {};

  expect(Object.keys(streams).toSorted()).toEqual(Object.keys(fields).toSorted());
});

test('every field answers everybody as the matrix says, and a refused or misplaced act writes nothing', async () => {
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  const before = await contentOf(server);

  const lines: string[] = [];
  for (const [name, cell] of cells()) {
    const answers = name in streams ? await inTurn(cell) : await Promise.all(callers.map(cell));
    lines.push(`${name.padEnd(40)} ${answers.join(' ')}`);
  }

  const [, , ...rows] = matrix.split('\n');
  expect(lines).toEqual(rows);
  expect(await contentOf(server)).toBe(before);
});
