import { afterAll, beforeAll, expect, test } from 'vitest';
import { listIn } from '../support/acts.js';
import { Random } from '../support/random.js';
import { START, startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';
import { actAtRandom } from '../support/yearActs.js';
import { type Card, DAY, HOUR, MINUTE, reads, written } from '../support/yearModel.js';
import { nextStep, YearWorld } from '../support/yearWorld.js';

/** `YEAR_SEED=7 npx vitest run tests/jobs/year.test.ts` runs a year again. */
const SEED = Number(process.env.YEAR_SEED ?? Date.now() % 1_000_000);
const LICENSES = 100;
const FIRST = Date.parse(START);
const DAYS = Number(process.env.YEAR_DAYS ?? 400);
/** An hour before its end: then the last mails are seen off, and the first are not yet forgotten. */
const LAST = FIRST + DAYS * DAY - HOUR;

let base: TestServer;
let post: MailServer;
let world: YearWorld;
let random: Random;
beforeAll(async () => {
  random = new Random(SEED);
  post = await MailServer.open();
  base = await startTestServer();
  world = await YearWorld.open(base, post, random);
});
afterAll(async () => {
  await world?.end();
  await base.stop();
  await post.stop();
});

/** Between two looks: licenses are issued in the first half of the year, and something is done to some that are there. */
async function live(until: number): Promise<void> {
  const [from, touched] = [world.now, new Set<Card>()];
  const share = (LICENSES * (until - FIRST)) / (180 * DAY);
  const wanted = Math.min(LICENSES, Math.max(40, Math.ceil(share)));
  const moments = Array.from({ length: random.below(5) }, () => from + 1 + random.below(until - from - 1));
  for (const moment of moments.sort((one, other) => one - other)) {
    world.now = moment;
    const free = world.year.cards.filter((card) => !touched.has(card));
    if (free.length === 0) continue;
    const { server, admin, year, holders } = world;
    touched.add(await actAtRandom({ server, admin, year, random, holders }, free, moment));
  }
  while (world.year.cards.length < wanted) await world.issue();
}

/** Where something falls due is looked an hour before, when nothing is to come of it yet, and at that instant. */
function nextLooks(): number[] {
  const { now } = world;
  const moment = world.year.nextMoment(now);
  if (moment === undefined || random.chance(0.75)) return [now + MINUTE + nextStep(random)];
  return [moment - HOUR, moment].filter((at) => at > now + MINUTE);
}

async function runTheYear(): Promise<void> {
  let silent = 0;
  for (world.now = FIRST; world.now < LAST; ) {
    for (const at of nextLooks().map((look) => Math.min(look, LAST))) {
      await live(at);
      world.now = at;
      if (silent === 0 && random.chance(0.05)) silent = 1 + random.below(3);
      const isSilent = silent > 0;
      post.behaviour = () => (isSilent ? 451 : 250);
      silent -= isSilent ? 1 : 0;
      if (random.chance(0.1)) await compareStatuses();
      await world.look();
    }
  }
  post.behaviour = () => 250;
  world.now = LAST + HOUR;
  await world.look();
}

/** What each license reads at this instant, whether or not anybody has looked after what is due. */
async function compareStatuses(): Promise<void> {
  const data = await world.server().ok('{ licenses(first: 100) { nodes { id status } } }', {}, world.admin);
  const found = listIn<{ id: string; status: string }>(data.licenses?.nodes);
  const shown = new Map(found.map(({ id, status }) => [id, status]));
  const { cards } = world.year;
  const lines = (statusOf: (card: Card) => string | undefined): string[] =>
    cards.map((card) => `${card.name} ${statusOf(card)}`);
  const read = lines(({ id }) => shown.get(id));
  expect(read, `YEAR_SEED=${SEED} at ${world.server().now}`).toEqual(lines((card) => reads(card, world.now)));
}

type Data = Readonly<Record<string, string | number | null>>;

const telling: Readonly<Record<string, (data: Data) => string>> = {
  'license.expiring': ({ days, expiry_date }) => `reminded ${days} of ${expiry_date}`,
  'license.expired': ({ expiry_date }) => `expired of ${expiry_date}`,
  'license.suspended': ({ reason, from, expiry_date }) =>
    `suspended ${reason} from ${from}${expiry_date === undefined ? '' : ` of ${expiry_date}`}`,
  'license.renewed': ({ from, to }) => `renewed ${from ?? 'never'} to ${to ?? 'never'}`,
  'license.renewal_failed': ({ reason }) => `not renewed: ${reason}`,
  'license.reinstated': ({ to }) => `reinstated ${to}`,
  'license.revoked': ({ from }) => `revoked from ${from}`,
  'license.transferred': ({ to_customer_id }) => `transferred to ${to_customer_id}`,
  'license.activated': ({ expiry_date }) => `begun until ${expiry_date}`,
};

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

/** A mail that was put off is asked about again: how many days are left, who holds the license by then, and whether it is sent, is open to who knows no mail server. */
const asLater = (line: string): string => line.replace(/( mail \w+)( \d+)? \S+ \S+ \S+ \w+$/, '$1 LATER');

/** The model's lines, without what is open of those mails that were put off. */
function modelLines(product: readonly string[]): string[] {
  const later = new Set(product.filter((line) => line.endsWith(' LATER')));
  return world.year.lines.map((line) => (later.has(asLater(line)) ? asLater(line) : line));
}

/** What the product has told and done, as lines like those of the model. */
async function productLines(): Promise<string[]> {
  const names = new Map(world.year.cards.map(({ id, name }) => [id, name]));
  const { tenant_id } = world.admin;
  const told = (columns: string, table: string, at: string) =>
    base.sql.unsafe(
      `select ${columns}, license_id as license, to_char(${at} at time zone 'UTC', ${TIME}) as at from ${table} where tenant_id = $1`,
      [tenant_id],
    );
  const lines: string[] = [];
  const add = (at: string, license: string, what: string): void =>
    void lines.push(`${at} ${names.get(license)} ${what}`);
  for (const row of await told(
    'event_type as type, event_data as data',
    'license_event_logs',
    'created_at',
  )) {
    const what = telling[row.type]?.(row.data);
    if (what !== undefined) add(row.at, row.license, what);
  }
  for (const row of await told('*', 'notifications', 'created_at')) {
    const days = row.kind === 'LICENSE_EXPIRING' ? ` ${/\d+/.exec(row.subject)?.[0]}` : '';
    const reader = `${row.recipient} ${row.language} ${row.time_zone}`;
    const line = `mail ${row.kind}${days} ${reader} ${row.status}`;
    const isLater = row.attempts > 1 || (row.status === 'SUPPRESSED' && row.attempts > 0);
    add(row.at, row.license, isLater ? asLater(` ${line}`).trim() : line);
  }
  for (const row of await told('id', 'archived_activations', 'archived_at'))
    add(row.at, row.license, `archived ${row.id}`);
  return lines;
}

/** What is on record of each license and of its devices at the end. */
async function productCards(): Promise<string[]> {
  const rows = await base.sql.unsafe(
    `select id, to_char(expiry_date at time zone 'UTC', ${TIME}) as expiry,
      to_char(maintenance_expiry at time zone 'UTC', ${TIME}) as maintenance,
      (select count(*)::int from license_activations as a where a.license_id = licenses.id and status = 'ACTIVE') as living,
      (select count(*)::int from license_activations as a where a.license_id = licenses.id and status <> 'ACTIVE') as ended,
      (select count(*)::int from license_reminders as r where r.license_id = licenses.id) as reminders
      from licenses where tenant_id = $1`,
    [world.admin.tenant_id],
  );
  return rows.map(
    ({ id, expiry, maintenance, living, ended, reminders }) =>
      `${id} ${expiry ?? 'never'} ${maintenance ?? 'never'} ${living} ${ended} ${reminders}`,
  );
}

function modelCards(): string[] {
  const { cards, lines } = world.year;
  return cards.map(({ id, name, expiresAt, maintainedUntil, devices }) => {
    const living = devices.filter(({ endedAt }) => endedAt === undefined).length;
    const kept = devices.filter(({ archivedAt }) => archivedAt === undefined).length;
    const reminders = lines.filter((line) => line.includes(` ${name} reminded `)).length;
    return `${id} ${written(expiresAt)} ${written(maintainedUntil)} ${living} ${kept - living} ${reminders}`;
  });
}

/** Every mail that was sent arrived at its recipient: once, and again only where an attempt was not known to have ended. */
async function compareArrived(): Promise<void> {
  const sent = await base.sql`select message_id, recipient, attempts from notifications
    where tenant_id = ${world.admin.tenant_id} and status = 'SENT'`;
  const arrived = new Map<string, string[]>();
  for (const { mail, to } of post.arrived) {
    const id = mail.messageId ?? '';
    arrived.set(id, [...(arrived.get(id) ?? []), ...to]);
  }
  const found = [...arrived].map(([id, to]) => `${id} ${[...new Set(to)].join()}`);
  expect(found.sort()).toEqual(sent.map(({ message_id, recipient }) => `${message_id} ${recipient}`).sort());
  const doubled = sent.filter(
    ({ message_id, attempts }) => (arrived.get(message_id)?.length ?? 0) > attempts,
  );
  expect(doubled).toEqual([]);
}

test(`${DAYS} days of ${LICENSES} licenses are as an independent model has them, whatever dies on the way (seed ${SEED})`, async () => {
  await runTheYear();

  const { lines } = world.year;
  const counted = new Set(lines);
  expect(counted.size).toBe(lines.length);
  const told = await productLines();
  expect(told.sort(), `YEAR_SEED=${SEED}`).toEqual(modelLines(told).sort());
  expect((await productCards()).sort(), `YEAR_SEED=${SEED}`).toEqual(modelCards().sort());
  await compareArrived();
}, 200_000);
