import { afterAll, beforeAll, expect, test } from 'vitest';
import { listIn } from '../support/acts.js';
import { Random } from '../support/random.js';
import { SEED } from '../support/seed.js';
import { START, startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';
import { actAtRandom } from '../support/yearActs.js';
import { type Card, DAY, HOUR, MINUTE, reads } from '../support/yearCards.js';
import {
  bankedPayments,
  compareArrived,
  compareBooked,
  compareGivenBack,
  modelBills,
  modelCards,
  modelLines,
  productBills,
  productCards,
  productLines,
  productNumbers,
} from '../support/yearRecords.js';
import { nextStep, YearWorld } from '../support/yearWorld.js';

/** `SEED=7 npx vitest run tests/jobs/year.test.ts` runs a year again. */
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
  const moments = Array.from({ length: random.below(6) }, () => from + 1 + random.below(until - from - 1));
  for (const moment of moments.sort((one, other) => one - other)) {
    world.now = moment;
    const free = world.year.cards.filter((card) => !touched.has(card));
    if (free.length === 0) continue;
    touched.add(await actAtRandom(world, free, moment));
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
  let [silent, down] = [0, 0];
  for (world.now = FIRST; world.now < LAST; ) {
    for (const at of nextLooks().map((look) => Math.min(look, LAST))) {
      await live(at);
      world.now = at;
      if (silent === 0 && random.chance(0.05)) silent = 1 + random.below(3);
      const isSilent = silent > 0;
      post.behaviour = () => (isSilent ? 451 : 250);
      silent -= isSilent ? 1 : 0;
      if (down === 0 && random.chance(0.05)) down = 1 + random.below(4);
      world.stripe.isDown = down > 0;
      down -= down > 0 ? 1 : 0;
      if (random.chance(0.1)) await compareStatuses();
      await world.look();
    }
  }
  post.behaviour = () => 250;
  world.stripe.isDown = false;
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
  expect(read, `SEED=${SEED} at ${world.server().now}`).toEqual(lines((card) => reads(card, world.now)));
}

test(`${DAYS} days of ${LICENSES} licenses are as an independent model has them, whatever dies on the way (seed ${SEED})`, async () => {
  await runTheYear();

  const { year } = world;
  const facts = year.lines.filter((line) => / (reminded|expired|suspended|archived) /.test(line));
  expect(new Set(facts).size).toBe(facts.length);
  expect(year.till.meetings, `SEED=${SEED}`).toBeGreaterThan(DAYS / 40);
  const told = await productLines(world);
  expect(told.sort(), `SEED=${SEED}`).toEqual(modelLines(year, told).sort());
  expect((await productCards(world)).sort(), `SEED=${SEED}`).toEqual(modelCards(year).sort());
  expect((await productNumbers(world)).sort(), `SEED=${SEED}`).toEqual(year.till.numbers.sort());
  expect((await productBills(world)).sort(), `SEED=${SEED}`).toEqual(modelBills(year).sort());
  await compareBooked(world);
  await compareGivenBack(world);
  expect((await bankedPayments(world)).sort(), `SEED=${SEED}`).toEqual(year.till.banked.sort());
  await compareArrived(world);
}, 400_000);
