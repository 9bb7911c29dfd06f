import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences } from '../support/consuming.js';
import { MeterModel, type ModelFeature, type ModelLicense, turnOf } from '../support/meterModel.js';
import { eventCount } from '../support/meters.js';
import { FEATURE, MeterWorld, outcomeOf } from '../support/meterWorld.js';
import { fc, SEED } from '../support/seed.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

/**
 * The commands of one run come one after the other, on two servers in turn, and a model says beforehand what each of them
 * has to come to. `LAWS_SECONDS=60 SEED=7 npx vitest run tests/entitlements/laws.test.ts` runs a longer hunt.
 */
const SECONDS = Number(process.env.LAWS_SECONDS ?? 6);
const HOUR = 3_600_000;

let server: TestServer;
let second: TestServer;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  second = await startTestServer({ events: true, beside: server });
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const feature: fc.Arbitrary<ModelFeature> = fc.record({
  enabled: fc.constantFrom(true, true, true, false),
  limit: fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 12 }) },
    { weight: 1, arbitrary: fc.constantFrom(null, 2 ** 31, 2 ** 53 - 1) },
  ),
  period: fc.constantFrom('NONE', 'NONE', 'HOUR', 'DAY', 'MONTH', 'YEAR'),
  overage: fc.constantFrom('DENY', 'DENY', 'DENY', 'DENY', 'ALLOW', 'WARN'),
});
const license = fc.record({
  feature,
  owner: fc.constantFrom(undefined, undefined, 'ada', 'bola'),
  months: fc.constantFrom(undefined, undefined, 1, 2),
  graceDays: fc.constantFrom(0, 3),
});
const asker = fc.constantFrom(undefined, undefined, 'ada', 'bola');
const place = fc.nat({ max: 5 });
const amount = fc.oneof(
  { weight: 12, arbitrary: fc.nat({ max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(1e12, 2 ** 31) },
);

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('consume' as const),
      asker,
      amounts: fc.array(amount, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('query' as const),
      ran: fc.nat({ max: 3 }),
      gone: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mutate' as const),
      roots: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('refund' as const), place: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('topUp' as const),
      place,
      amount: fc.integer({ min: 1, max: 5 }),
      hours: fc.constantFrom(undefined, 1, 30, 900),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reset' as const), place }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('setFeature' as const), place, feature }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revokeFeature' as const), place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('standing' as const),
      place,
      act: fc.constantFrom(
        'suspendLicense',
        'reinstateLicense',
        'reinstateLicense',
        'revokeLicense',
        'renewLicense',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('transfer' as const), place, to: fc.constantFrom('ada', 'bola') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      millis: fc.constantFrom(1, HOUR - 1, HOUR, 25 * HOUR, 24 * 31 * HOUR),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer Kind> ? Kind : never;
type Change = Exclude<Command, { do: 'consume' | 'query' | 'mutate' | 'refund' | 'pass' }>;

/** A tenant and its model, which go through the same commands. */
class Play {
  readonly #revoked = new Set<ModelLicense>();
  readonly #grantIds: { id: string; asker: string | undefined; index: number }[] = [];

  private constructor(
    readonly world: MeterWorld,
    readonly model: MeterModel,
  ) {}

  static async open(
    licenses: readonly (typeof license extends fc.Arbitrary<infer One> ? One : never)[],
  ): Promise<Play> {
    const play = new Play(await MeterWorld.open(server), new MeterModel(Date.parse(server.now)));
    const none: ModelFeature = { enabled: false, limit: 0, period: 'NONE', overage: 'DENY' };
    const base = { anchor: play.model.now, blocked: false };
    play.model.licenses.push({
      ...base,
      owner: 'chidi',
      expiry: null,
      graceMillis: 0,
      feature: none,
      topUps: [],
    });
    for (const each of licenses) {
      await play.world.addLicense(server, each);
      const { owner, months, graceDays } = each;
      const expiry = months === undefined ? null : turnOf(play.model.now, months);
      play.model.licenses.push({
        ...base,
        owner,
        expiry,
        graceMillis: graceDays * 24 * HOUR,
        feature: each.feature,
        topUps: [],
      });
    }
    return play;
  }

  /** One of the licenses that grant something. */
  #license(of: number): { place: number; license: ModelLicense } {
    const place = 1 + (of % (this.model.licenses.length - 1));
    const license = this.model.licenses[place];
    if (license === undefined) throw new Error('there is no such license');
    return { place, license };
  }

  async run(on: TestServer, step: Command): Promise<void> {
    switch (step.do) {
      case 'consume':
        return this.#consume(on, step);
      case 'query':
        return this.#query(on, step);
      case 'mutate':
        return this.#mutate(on, step);
      case 'refund':
        return this.#refund(on, step);
      case 'pass':
        return this.#pass(step);
      default:
        return this.#change(on, step);
    }
  }

  async #consume(on: TestServer, { asker, amounts }: Extract<Command, { do: 'consume' }>): Promise<void> {
    const units = amounts.reduce((sum, each) => sum + each, 0);
    const answer = await this.world.consume(on, asker, amounts);
    const outcome = this.model.charge(asker, units);
    expect(outcomeOf(answer)).toBe(outcome);
    if (outcome !== 'granted' || units === 0) return;
    const id = String(answer.data?.consumeFeatures?.grantId);
    this.#grantIds.push({ id, asker, index: this.model.grants.length - 1 });
  }

  async #query(on: TestServer, { ran, gone }: Extract<Command, { do: 'query' }>): Promise<void> {
    const answer = await this.world.query(on, ran, gone);
    const units = ran + gone;
    const outcome = units === 0 ? 'granted' : this.model.outcome(undefined, units);
    expect(codesOf(answer)).toEqual(outcome === 'granted' ? [] : Array(ran).fill(outcome));
    if (outcome !== 'granted' || units === 0) return;
    this.model.charge(undefined, ran);
    this.model.charge(undefined, gone);
    const returned = this.model.grants.at(-1);
    if (returned !== undefined) this.model.giveBack(returned);
  }

  async #mutate(on: TestServer, { roots }: Extract<Command, { do: 'mutate' }>): Promise<void> {
    const units = roots.reduce((sum, each) => sum + each, 0);
    const answer = await this.world.mutate(on, roots);
    const outcome = units === 0 ? 'granted' : this.model.charge(undefined, units);
    expect(codesOf(answer)).toEqual(outcome === 'granted' ? [] : Array(units).fill(outcome));
  }

  /** A grant comes back once, to whom its licenses still belong. */
  async #refund(on: TestServer, { place }: Extract<Command, { do: 'refund' }>): Promise<void> {
    const taken = this.#grantIds[place % Math.max(1, this.#grantIds.length)];
    const grant = taken === undefined ? undefined : this.model.grants[taken.index];
    if (taken === undefined || grant === undefined) return;
    const answer = await this.world.refund(on, taken.asker, taken.id);
    const owners = grant.draws.map(({ name }) => this.model.licenses[Number.parseInt(name, 10)]?.owner);
    const isReached =
      taken.asker === undefined || owners.every((owner) => owner === undefined || owner === taken.asker);
    expect(answer.code).toBe(isReached ? undefined : 'GRANT_NOT_FOUND');
    if (!isReached) return;
    const expected = grant.isReturned ? [] : [{ featureId: FEATURE, units: this.model.giveBack(grant) }];
    expect(answer.data?.refundFeatures?.refunds).toEqual(expected);
  }

  #pass({ millis }: Extract<Command, { do: 'pass' }>): void {
    for (const each of [server, second]) each.pass(millis);
    this.model.now += millis;
  }

  async #change(on: TestServer, step: Change): Promise<void> {
    const { place, license } = this.#license(step.place);
    const { world, model } = this;
    const gone = this.#revoked.has(license) ? 'LICENSE_REVOKED' : undefined;
    const refused = (answer: Answer, code: string | undefined): boolean => {
      expect(answer.code).toBe(code);
      return code !== undefined;
    };
    const reason = 'law';
    if (step.do === 'topUp') {
      const expiry = step.hours === undefined ? null : model.now + step.hours * HOUR;
      const expiresAt = expiry === null ? null : new Date(expiry).toISOString();
      const input = { featureId: FEATURE, amount: step.amount, reason, expiresAt };
      const answer = await world.act(on, 'topUpQuota', place, input);
      if (refused(answer, gone ?? (license.feature.limit === null ? 'INVALID_INPUT' : undefined))) return;
      license.topUps.push({ amount: step.amount, createdAt: model.now, expiresAt: expiry });
    } else if (step.do === 'reset') {
      if (!refused(await world.act(on, 'resetQuota', place, { featureId: FEATURE, reason }), gone))
        model.reset(license);
    } else if (step.do === 'setFeature') {
      if (!refused(await world.setFeature(on, place, step.feature), gone)) license.feature = step.feature;
    } else if (step.do === 'revokeFeature') {
      const answer = await world.act(on, 'revokeFeature', place, { featureId: FEATURE, reason });
      if (!refused(answer, gone)) license.feature = { ...license.feature, enabled: false };
    } else if (step.do === 'transfer') {
      const input = { newCustomerId: world.customers[step.to], newIssuedTo: step.to, transferReason: reason };
      if (!refused(await world.act(on, 'transferLicense', place, input), gone)) license.owner = step.to;
    } else await this.#stand(on, step, place, license);
  }

  /** What a license may go through is told elsewhere: here it is only what follows from it. */
  async #stand(
    on: TestServer,
    { act }: Extract<Command, { do: 'standing' }>,
    place: number,
    license: ModelLicense,
  ): Promise<void> {
    const input = {
      suspendLicense: { reason: 'law' },
      revokeLicense: { reason: 'law' },
      renewLicense: { durationMonths: 1 },
      reinstateLicense: {},
    }[act];
    const answer = await this.world.act(on, act, place, input);
    expect(['INVALID_TRANSITION', 'LICENSE_REVOKED', 'LICENSE_NOT_RENEWABLE', undefined]).toContain(
      answer.code,
    );
    if (answer.code !== undefined) return;
    license.blocked = act === 'suspendLicense' || act === 'revokeLicense';
    if (act === 'revokeLicense') this.#revoked.add(license);
    const expiry: unknown = answer.data?.[act]?.license?.expiryDate;
    if (act === 'renewLicense' && typeof expiry === 'string') license.expiry = Date.parse(expiry);
  }

  /** Counters, ledger and what was told of them say what the model says. */
  async compare(): Promise<void> {
    expect(await this.world.counters(server)).toEqual(this.model.standing);
    const { tenantId } = this.world.shop;
    expect(await differences(server, tenantId)).toBe(0);
    expect(await eventCount(server, tenantId, 'quota.threshold_reached')).toBe(this.model.told);
  }
}

const codesOf = ({ errors }: Answer): string[] => errors.map(({ extensions }) => extensions.code);

test(`the meter does what its model says, command by command, on two servers (SEED=${SEED})`, {
  timeout: 120_000 + SECONDS * 2_000,
}, async () => {
  const end = performance.now() + SECONDS * 1_000;
  let ran = 0;
  let failed = false;
  const property = fc.asyncProperty(
    fc.array(license, { minLength: 1, maxLength: 4 }),
    fc.array(command, { minLength: 5, maxLength: 40 }),
    async (licenses, commands) => {
      if (!failed && performance.now() > end) return;
      const play = await Play.open(licenses);
      try {
        for (const [index, step] of commands.entries()) {
          await play.run(index % 2 === 0 ? server : second, step);
          await play.compare();
          ran += 1;
        }
      } catch (error) {
        failed = true;
        throw error;
      }
    },
  );

  await fc.assert(property, { numRuns: 500 });

  expect(ran).toBeGreaterThan(20);
  if (process.env.LAWS_SECONDS !== undefined) console.log(`${ran} commands`);
});
