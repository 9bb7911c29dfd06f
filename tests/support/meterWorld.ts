import { mutation } from './acts.js';
import { CONSUME, REFUND } from './consuming.js';
import { createCustomer, createLicense } from './fixtures.js';
import { type ModelFeature, turnOf } from './meterModel.js';
import { type FeatureShop, openFeatureShop } from './meters.js';
import { keyed } from './replays.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

export const FEATURE = 'analytics_advanced';
const MISSING = '00000000-0000-7000-8000-000000000000';
const marked = 'advancedAnalytics { operatingSystems { name } }';

/** A license of the tenant, or of one of its two customers. */
export interface NewLicense {
  readonly feature: ModelFeature;
  readonly owner: 'ada' | 'bola' | undefined;
  /** How many months it runs; undefined is for good. */
  readonly months: number | undefined;
  readonly graceDays: number;
}

function featureInput({ enabled, limit, period, overage }: ModelFeature): object {
  return { featureId: FEATURE, featureName: 'A', enabled, limitValue: limit, limitPeriod: period, overage };
}

/** A tenant with two customers, whose units are drawn in every way that there is. */
export class MeterWorld {
  /** The first one grants nothing and is nobody's that asks: marked fields stand on it. */
  readonly licenseIds: string[] = [];

  private constructor(
    readonly shop: FeatureShop,
    readonly customers: Readonly<Record<string, string>>,
  ) {}

  static async open(on: TestServer): Promise<MeterWorld> {
    const shop = await openFeatureShop(on);
    const [ada, bola] = [await createCustomer(on, shop.admin), await createCustomer(on, shop.admin, 'Bola')];
    const world = new MeterWorld(shop, { ada, bola });
    const other = await createCustomer(on, shop.admin, 'Chidi');
    world.licenseIds.push((await createLicense(on, shop, { customerId: other })).id);
    return world;
  }

  claims(asker: string | undefined): Claims {
    const { tenant_id } = this.shop.admin;
    return asker === undefined
      ? { ...this.shop.admin, sub: 'consumer' }
      : { tenant_id, sub: 'consumer', roles: ['customer'], customer_id: this.customers[asker] ?? '' };
  }

  async addLicense(on: TestServer, { feature, owner, months, graceDays }: NewLicense): Promise<string> {
    const now = Date.parse(on.now);
    const expiryDate = months === undefined ? undefined : new Date(turnOf(now, months)).toISOString();
    const { id } = await createLicense(on, this.shop, {
      licenseType: months === undefined ? 'PERPETUAL' : 'SUBSCRIPTION',
      licenseModel: 'SITE_LICENSE',
      gracePeriodDays: graceDays,
      features: [featureInput(feature)],
      expiryDate,
      customerId: owner === undefined ? undefined : this.customers[owner],
    });
    this.licenseIds.push(id);
    return id;
  }

  consume(
    on: TestServer,
    asker: string | undefined,
    amounts: readonly number[],
    key?: string,
  ): Promise<Answer> {
    const uses = amounts.map((amount) => ({ featureId: FEATURE, amount }));
    const headers = key === undefined ? {} : keyed(key);
    return on.graphql(CONSUME, { input: { uses } }, this.claims(asker), headers);
  }

  refund(on: TestServer, asker: string | undefined, grantId: string): Promise<Answer> {
    return on.graphql(REFUND, { input: { grantId } }, this.claims(asker));
  }

  /** So many marked fields of a license that is there, and of one that is not: their units return. */
  query(on: TestServer, ran: number, gone: number): Promise<Answer> {
    const paths = [
      ...Array.from(
        { length: ran },
        (_, index) => `a${index}: license(id: "${this.licenseIds[0]}") { ${marked} }`,
      ),
      ...Array.from({ length: gone }, (_, index) => `b${index}: license(id: "${MISSING}") { ${marked} }`),
    ];
    return on.graphql(`{ viewer { kind } ${paths.join(' ')} }`, {}, this.shop.admin);
  }

  /** Root mutations, each with so many marked fields in its payload. */
  mutate(on: TestServer, roots: readonly number[]): Promise<Answer> {
    const input = `input: { licenseId: "${this.licenseIds[0]}", issuedTo: "Chidi" }`;
    const fields = roots.map((count, root) => {
      const paths = Array.from({ length: count }, (_, index) => `a${index}: ${marked}`);
      return `r${root}: updateLicense(${input}) { license { id ${paths.join(' ')} } }`;
    });
    return on.graphql(`mutation { ${fields.join(' ')} }`, {}, this.shop.admin);
  }

  /** An act on the license at this place, by the tenant's administrator. */
  act(on: TestServer, name: string, place: number, input: object = {}): Promise<Answer> {
    const licenseId = this.licenseIds[place];
    const query = mutation(name, 'license { status expiryDate }');
    return on.graphql(query, { input: { licenseId, ...input } }, this.shop.admin);
  }

  setFeature(on: TestServer, place: number, feature: ModelFeature): Promise<Answer> {
    return this.act(on, 'grantFeature', place, { feature: featureInput(feature) });
  }

  /** The counters that say more than 0, named as the model names them. */
  async counters(on: TestServer): Promise<Record<string, number>> {
    const rows = await on.sql`select license_id, window_start, used::float8 as used,
        (select count(*)::int from feature_top_ups other where other.tenant_id = u.tenant_id
          and other.license_id = u.license_id and other.id < u.source) as place, source
      from feature_usage u where tenant_id = ${this.shop.tenantId} and used > 0`;
    const named = rows.map(({ license_id, window_start, used, place, source }) => {
      const license = this.licenseIds.indexOf(String(license_id));
      const meter = source === '' ? window_start.toISOString() : `top-up ${place}`;
      return [`${license} ${meter}`, used] as const;
    });
    return Object.fromEntries(named.toSorted());
  }
}

/** What an answer of `consumeFeatures` came to: `granted`, the code of its first refusal, or of its error. */
export function outcomeOf(answer: Answer): string {
  if (answer.code !== undefined) return answer.code;
  const verdicts: unknown = answer.data?.consumeFeatures?.verdicts;
  const [refused] = Array.isArray(verdicts)
    ? verdicts.flatMap((each: Json) => each.code ?? [])
    : ['no verdicts'];
  return String(refused ?? 'granted');
}
