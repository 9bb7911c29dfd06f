import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences, grantedTwice } from '../support/consuming.js';
import type { ModelFeature } from '../support/meterModel.js';
import { FEATURE, MeterWorld, outcomeOf } from '../support/meterWorld.js';
import { fc, SEED } from '../support/seed.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

/**
 * Commands in batches, all of a batch at once on two servers whose clocks differ by a second. Nobody can say beforehand
 * who is served first: it is held what is true in every order. `LAWS_SECONDS=60 SEED=7` runs a longer hunt.
 */
const SECONDS = Number(process.env.LAWS_SECONDS ?? 6);
const HOUR = 3_600_000;

let server: TestServer;
let second: TestServer;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  second = await startTestServer({ events: true, beside: server });
  second.pass(1_000);
  // What every counter has said at its highest, also between two answers.
  await server.sql.unsafe(`
    create table peaks (tenant_id text, license_id text, source text, start timestamptz, peak bigint,
      primary key (tenant_id, license_id, source, start));
    create function keep_peak() returns trigger language plpgsql security definer as $$ begin
      insert into peaks values (new.tenant_id, new.license_id, new.source, new.window_start, new.used)
      on conflict (tenant_id, license_id, source, start) do update set peak = greatest(peaks.peak, excluded.peak);
      return null;
    end $$;
    create trigger keep_peak after insert or update on feature_usage for each row execute function keep_peak();`);
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const feature: fc.Arbitrary<ModelFeature> = fc.record({
  enabled: fc.constantFrom(true, true, true, false),
  limit: fc.nat({ max: 12 }),
  period: fc.constantFrom('NONE', 'HOUR', 'DAY'),
  overage: fc.constant('DENY' as const),
});
const license = fc.record({
  feature,
  owner: fc.constantFrom(undefined, undefined, undefined, 'ada', 'bola'),
  months: fc.constantFrom(undefined, undefined, 1),
  graceDays: fc.constant(0),
});
const asker = fc.constantFrom(undefined, undefined, 'ada', 'bola');
const place = fc.nat({ max: 5 });
const consume = fc.record({
  do: fc.constant('consume' as const),
  asker,
  amounts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
});
/** Who comes with the same key asks the same. */
const keyed = fc.record({ do: fc.constant('keyed' as const), key: fc.nat({ max: 4 }) });
const query = fc.record({
  do: fc.constant('query' as const),
  ran: fc.integer({ min: 1, max: 3 }),
  gone: fc.nat({ max: 2 }),
});
const mutate = fc.record({
  do: fc.constant('mutate' as const),
  roots: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 2 }),
});
const refund = fc.record({ do: fc.constant('refund' as const), place: fc.nat() });
const act = fc.record({
  do: fc.constant('act' as const),
  place,
  name: fc.constantFrom(
    'topUpQuota',
    'resetQuota',
    'suspendLicense',
    'reinstateLicense',
    'renewLicense',
    'revokeFeature',
  ),
});
const setFeature = fc.record({ do: fc.constant('setFeature' as const), place, feature });
const end = fc.record({
  do: fc.constant('end' as const),
  place,
  name: fc.constantFrom('revokeLicense', 'transferLicense'),
});
const pass = fc.record({ do: fc.constant('pass' as const), millis: fc.constantFrom(1, 1_000, 600_000) });

const command = fc.oneof(
  { weight: 8, arbitrary: consume },
  { weight: 3, arbitrary: keyed },
  { weight: 6, arbitrary: query },
  { weight: 3, arbitrary: mutate },
  { weight: 4, arbitrary: refund },
  { weight: 3, arbitrary: act },
  { weight: 1, arbitrary: setFeature },
  { weight: 1, arbitrary: end },
  { weight: 1, arbitrary: pass },
);
type Command = typeof command extends fc.Arbitrary<infer Kind> ? Kind : never;
type LicensePlan = typeof license extends fc.Arbitrary<infer Kind> ? Kind : never;

const allowed = new Set([
  'granted',
  'NO_ACTIVE_LICENSE',
  'FEATURE_NOT_LICENSED',
  'QUOTA_EXCEEDED',
  'GRANT_NOT_FOUND',
  'IDEMPOTENCY_KEY_IN_USE',
  'INVALID_TRANSITION',
  'LICENSE_REVOKED',
  'LICENSE_NOT_RENEWABLE',
  // Of a caller whose hour is over, because the clock was moved.
  'TOKEN_EXPIRED',
]);

interface Taken {
  readonly asker: string | undefined;
  readonly units: number;
}

/** To the last millisecond of a window, or into the next one. */
const pause = fc.constantFrom(0, 0, HOUR - 1, HOUR, 24 * HOUR - 1);

function passBoth(millis: number): void {
  for (const each of [server, second]) each.pass(millis);
}

/** One tenant under fire, with what its callers were told. */
class Storm {
  /** The highest limit that each license ever had. */
  readonly #most: number[] = [0];
  readonly #taken = new Map<string, Taken>();
  readonly #byKey = new Map<number, Set<string>>();
  /** Units of each operation that draws at its fields and was granted. */
  readonly #drawn: number[] = [];
  #given = 0;
  readonly #back = new Map<string, number>();
  readonly #sealed = new Map<string, number>();
  readonly #ended = new Set<string>();
  #topUps = 12;
  #resets = 0;

  private constructor(readonly world: MeterWorld) {}

  static async open(plans: readonly LicensePlan[]): Promise<Storm> {
    const storm = new Storm(await MeterWorld.open(server));
    for (const plan of plans) {
      await storm.world.addLicense(server, plan);
      storm.#most.push(plan.feature.limit ?? 0);
    }
    return storm;
  }

  async batch(commands: readonly Command[]): Promise<void> {
    await Promise.all(commands.map((each, index) => this.#run(index % 2 === 0 ? server : second, each)));
  }

  async #run(on: TestServer, step: Command): Promise<void> {
    if (step.do === 'consume') return this.#consume(on, step.asker, step.amounts);
    if (step.do === 'keyed') return this.#consume(on, undefined, [step.key + 1], step.key);
    if (step.do === 'query') return this.#query(on, step.ran, step.gone);
    if (step.do === 'mutate') return this.#mutate(on, step.roots);
    if (step.do === 'refund') return this.#refund(on, step.place);
    if (step.do === 'pass') passBoth(step.millis);
    else await this.#change(on, step);
  }

  async #consume(
    on: TestServer,
    asker: string | undefined,
    amounts: readonly number[],
    key?: number,
  ): Promise<void> {
    const answer = await this.world.consume(on, asker, amounts, key === undefined ? undefined : `key ${key}`);
    const outcome = outcomeOf(answer);
    expect(allowed).toContain(outcome);
    if (outcome !== 'granted') return;
    const units = amounts.reduce((sum, each) => sum + each, 0);
    this.#taken.set(String(answer.data?.consumeFeatures?.grantId), { asker, units });
    if (key === undefined) return;
    const answers = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, answers.add(JSON.stringify(answer.data)));
  }

  async #query(on: TestServer, ran: number, gone: number): Promise<void> {
    const answer = await this.world.query(on, ran, gone);
    const codes = requireAllowed(answer);
    if (codes.length > 0) {
      expect(codes).toEqual(Array(ran).fill(codes[0]));
      return;
    }
    this.#drawn.push(ran + gone);
    this.#given += gone;
  }

  /** Each root is charged whole or not at all, by itself. */
  async #mutate(on: TestServer, roots: readonly number[]): Promise<void> {
    const answer = await this.world.mutate(on, roots);
    requireAllowed(answer);
    for (const [root, count] of roots.entries()) {
      const license = answer.data?.[`r${root}`]?.license;
      const fields = Array.from({ length: count }, (_, index) => license?.[`a${index}`] ?? null);
      const answered = fields.filter((field) => field !== null).length;
      expect([0, count]).toContain(answered);
      if (answered > 0) this.#drawn.push(count);
    }
  }

  async #refund(on: TestServer, place: number): Promise<void> {
    const grants = [...this.#taken];
    const [id, taken] = grants[place % Math.max(1, grants.length)] ?? [];
    if (id === undefined || taken === undefined) return;
    const answer = await this.world.refund(on, taken.asker, id);
    requireAllowed(answer);
    const refunds: unknown = answer.data?.refundFeatures?.refunds;
    for (const { units } of Array.isArray(refunds) ? refunds : []) {
      expect(this.#back.has(id), 'a grant that came back twice').toBe(false);
      expect(Number(units)).toBeLessThanOrEqual(taken.units);
      this.#back.set(id, Number(units));
    }
  }

  async #change(on: TestServer, step: Extract<Command, { do: 'act' | 'setFeature' | 'end' }>): Promise<void> {
    const place = 1 + (step.place % (this.world.licenseIds.length - 1));
    if (step.do === 'setFeature') {
      this.#most[place] = Math.max(this.#most[place] ?? 0, step.feature.limit ?? 0);
      requireAllowed(await this.world.setFeature(on, place, step.feature));
      return;
    }
    this.#topUps += step.name === 'topUpQuota' ? 1 : 0;
    this.#resets += step.name === 'resetQuota' ? 1 : 0;
    const reason = 'law';
    const inputs: Readonly<Record<typeof step.name, object>> = {
      topUpQuota: { featureId: FEATURE, amount: this.#topUps, reason },
      resetQuota: { featureId: FEATURE, reason },
      revokeFeature: { featureId: FEATURE, reason },
      suspendLicense: { reason },
      reinstateLicense: {},
      renewLicense: { durationMonths: 1 },
      revokeLicense: { reason },
      transferLicense: {
        newCustomerId: this.world.customers.bola,
        newIssuedTo: 'Bola',
        transferReason: reason,
      },
    };
    const answer = await this.world.act(on, step.name, place, inputs[step.name]);
    requireAllowed(answer);
    if (step.name === 'revokeLicense') this.#ended.add(this.world.licenseIds[place] ?? '');
  }

  /** What is true when everybody has an answer, in whatever order they were served. */
  async hold(): Promise<void> {
    const { tenantId } = this.world.shop;
    expect(await differences(server, tenantId)).toBe(0);
    expect(await grantedTwice(server, tenantId)).toEqual([]);
    for (const answers of this.#byKey.values()) expect(answers.size).toBe(1);
    expect(await this.#overdrawn(tenantId)).toEqual([]);
    await this.#wholeOrNothing(tenantId);
    await this.#toldOnce(tenantId);
    await this.#endedForGood(tenantId);
  }

  /** Counters that ever said more than the highest limit of their license, or than their top-up. */
  async #overdrawn(tenantId: string): Promise<unknown[]> {
    const rows = await server.sql`select p.license_id, p.source, p.peak::int as peak, t.amount::int as amount
      from peaks p left join feature_top_ups t on t.tenant_id = p.tenant_id and t.id = p.source
      where p.tenant_id = ${tenantId}`;
    return rows.filter(({ license_id, peak, amount }) => {
      const most = this.#most[this.world.licenseIds.indexOf(String(license_id))] ?? 0;
      return peak > (amount ?? most);
    });
  }

  async #wholeOrNothing(tenantId: string): Promise<void> {
    const rows = await server.sql`select actor, grant_id, sum(amount)::int as units from usage_ledger
      where tenant_id = ${tenantId} and kind = 'GRANT' group by 1, 2`;
    const consumed = rows.filter(({ actor }) => actor === 'consumer');
    expect(Object.fromEntries(consumed.map(({ grant_id, units }) => [grant_id, units]))).toEqual(
      Object.fromEntries([...this.#taken].map(([id, { units }]) => [id, units])),
    );
    const drawn = rows.filter(({ actor }) => actor !== 'consumer').map(({ units }) => Number(units));
    expect(drawn.toSorted()).toEqual(this.#drawn.toSorted());
    if (this.#resets > 0) return;
    const [row] = await server.sql`select coalesce(-sum(amount), 0)::int as units from usage_ledger
      where tenant_id = ${tenantId} and kind = 'REFUND' and actor <> 'consumer'`;
    expect(row?.units).toBe(this.#given);
  }

  /**
   * Once a window, and once more after each reset. A top-up has an amount that no other limit has. Windows are known by
   * their ends, and a day's last hour ends with it: a change of the period begins a window that may look the same.
   */
  async #toldOnce(tenantId: string): Promise<void> {
    const rows = await server.sql`select license_id, event_data ->> 'windowEndsAt' as ends,
        event_data ->> 'thresholdPercent' as percent, count(*)::int as told,
        (select count(*)::int from license_event_logs r where r.tenant_id = e.tenant_id
          and r.license_id = e.license_id and (r.event_type = 'quota.reset' or r.event_type = 'feature.granted'
            and r.event_data -> 'before' ->> 'limitPeriod' is distinct from r.event_data -> 'after' ->> 'limitPeriod')) as resets
      from license_event_logs e where tenant_id = ${tenantId} and event_type = 'quota.threshold_reached'
        and (event_data ->> 'limit')::int <= 12 group by tenant_id, license_id, ends, percent`;
    for (const { told, resets } of rows) expect(told).toBeLessThanOrEqual(1 + resets);
  }

  /** Nothing is drawn any more from a license whose revocation was answered. */
  async #endedForGood(tenantId: string): Promise<void> {
    for (const id of this.#ended) {
      const [row] = await server.sql`select coalesce(sum(amount), 0)::int as units from usage_ledger
        where tenant_id = ${tenantId} and license_id = ${id} and kind = 'GRANT'`;
      const before = this.#sealed.get(id) ?? Number(row?.units);
      expect(row?.units).toBe(before);
      this.#sealed.set(id, before);
    }
  }
}

function requireAllowed({ errors }: Answer): string[] {
  const codes = errors.map(({ extensions }) => extensions.code);
  for (const code of codes) expect(allowed).toContain(code);
  return codes;
}

test(`whatever happens at once on two servers, no meter gives more than it has (SEED=${SEED})`, {
  timeout: 120_000 + SECONDS * 2_000,
}, async () => {
  const stop = performance.now() + SECONDS * 1_000;
  let batches = 0;
  let failed = false;
  const property = fc.asyncProperty(
    fc.array(license, { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(pause, fc.array(command, { minLength: 4, maxLength: 24 })), {
      minLength: 1,
      maxLength: 5,
    }),
    async (plans, plan) => {
      if (!failed && performance.now() > stop) return;
      try {
        const storm = await Storm.open(plans);
        for (const [millis, commands] of plan) {
          passBoth(millis);
          await storm.batch(commands);
          await storm.hold();
          batches += 1;
        }
      } catch (error) {
        failed = true;
        throw error;
      }
    },
  );

  await fc.assert(property, { numRuns: 500 });

  expect(batches).toBeGreaterThan(3);
  if (process.env.LAWS_SECONDS !== undefined) console.log(`${batches} batches`);
});
