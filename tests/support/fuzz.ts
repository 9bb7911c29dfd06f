import { refusalCodes } from '../../src/core/refusal.js';
import {
  activate,
  createCustomer,
  createProduct,
  createTemplate,
  grantToTenant,
  issueLicense,
  openShop,
  type Shop,
} from './fixtures.js';
import type { Random } from './random.js';
import type { RandomOperation } from './randomOperations.js';
import { jsonText, Known, resolved } from './randomValues.js';
import type { Claims, GraphError, Json, TestServer } from './server.js';
import { RawSocket } from './sockets.js';

/** Whoever may send an operation, by a name for the report. */
export interface Caller {
  readonly name: string;
  readonly claims: Claims | undefined;
  /** Another proof than a token: an API key, or what an application has. It may end while it is used. */
  readonly proof?: () => string;
}

/** What came back: over HTTP one answer, over a socket every message of the operation. */
export interface Answered {
  readonly status: number;
  readonly errors: readonly GraphError[];
  readonly data: readonly (Json | null | undefined)[];
}

export interface Sent {
  readonly caller: Caller;
  readonly operation: RandomOperation;
  /** The body, as it went. */
  readonly body: string;
  readonly answered: Answered;
}

const features = ['api_access', 'bulk_export', 'analytics_dashboard', 'analytics_advanced'].map(
  (featureId) => ({
    featureId,
    limitValue: 1_000_000,
  }),
);

const tables: Readonly<Record<string, string>> = {
  license: 'licenses',
  customer: 'customers',
  template: 'license_templates',
  apiKey: 'api_keys',
  reseller: 'resellers',
  activation: 'license_activations',
};

/** A longer one closes its socket, with all that runs on it. */
const LONGEST_MESSAGE = 200_000;
const NOBODYS_ID = '019ca945-0a00-7459-b9d3-433f12674c0f';
/** What a look into our own works would show. */
const INNARDS =
  /\b(select|insert|update) .* (from|into|set)\b|\n\s+at |\/src\/|node_modules|postgres|lg_app|drizzle/i;

interface OpenShop extends Shop {
  readonly openProductId: string;
}

/** Two tenants that operations act on, with a caller in each role, and what is known of them by now. */
export class FuzzWorld {
  readonly #secrets = { licenseKey: [] as string[], token: [] as string[], apiKey: [] as string[] };
  #ids = new Map<string, string[]>();

  private constructor(
    private readonly server: TestServer,
    private readonly shop: OpenShop,
    private readonly foreign: OpenShop,
    readonly callers: readonly Caller[],
  ) {}

  static async open(server: TestServer): Promise<FuzzWorld> {
    const [shop, foreign] = [await openToAll(server), await openToAll(server)];
    const callers = await callersOf(server, shop, foreign);
    const world: FuzzWorld = new FuzzWorld(server, shop, foreign, [
      ...callers,
      ...[0, 1].map(() => ({
        name: 'API key',
        claims: undefined,
        proof: () => `Bearer ${world.#secrets.apiKey[0]}`,
      })),
      { name: 'license', claims: undefined, proof: () => `License ${world.#secrets.licenseKey[1]}` },
      { name: 'activation', claims: undefined, proof: () => `Activation ${world.#secrets.token[1]}` },
    ]);
    await world.restock();
    return world;
  }

  /** Time passes, acts revoke and shut devices out: now and then there has to be a license again that runs, and one that grants. */
  async restock(): Promise<void> {
    await this.server.sql`delete from device_blacklist`;
    for (const shop of [this.shop, this.foreign]) {
      await grantToTenant(this.server, shop, features);
      const { licenseKey } = await issueLicense(this.server, shop);
      const activated = await activate(this.server, licenseKey, 'device-1');
      const token = String(activated.activationToken);
      this.#secrets.licenseKey = [licenseKey, ...this.#secrets.licenseKey].slice(0, 4);
      this.#secrets.token = [token, ...this.#secrets.token].slice(0, 4);
    }
    this.#secrets.apiKey = [await createApiKey(this.server, this.shop.admin)];
  }

  /** Looks up which ids there are: acts that went before have made some of them. */
  async look(): Promise<void> {
    const { tenant_id } = this.shop.admin;
    const each = Object.entries(tables).map(
      ([kind, table]) =>
        `select '${kind}' as kind, tenants.id as tenant_id, array(select id::text from ${table} t where t.tenant_id = tenants.id order by created_at desc, id desc limit 4) as ids from tenants`,
    );
    this.#ids = new Map([
      ['product', [this.shop.openProductId]],
      ['foreign product', [this.foreign.openProductId]],
    ]);
    for (const row of await this.server.sql.unsafe(each.join(' union all '))) {
      this.#ids.set(row.tenant_id === tenant_id ? row.kind : `foreign ${row.kind}`, row.ids);
    }
  }

  readonly resolve = ({ kind, index }: Known): string => {
    const list =
      kind === 'licenseKey' || kind === 'token' ? this.#secrets[kind] : (this.#ids.get(kind) ?? []);
    return list[index % Math.max(1, list.length)] ?? NOBODYS_ID;
  };

  /**
   * What may not stand in an answer to this caller: ids of the other tenant. Products are named by who makes them;
   * whoever brings another proof than a token has one of the first tenant, and nobody is an application of whichever
   * tenant its key or token is of.
   */
  idsOutOfSight({ claims, proof }: Caller): string[] {
    if (claims === undefined && proof === undefined) return [];
    const isForeign = claims?.tenant_id === this.foreign.admin.tenant_id;
    return [...this.#ids].flatMap(([kind, ids]) =>
      kind.startsWith('foreign ') === isForeign || kind.endsWith('product') ? [] : ids,
    );
  }

  /** What may not stand in a log line or in an error. */
  get secrets(): readonly string[] {
    return Object.values(this.#secrets).flat();
  }
}

async function createApiKey(server: TestServer, as: Claims): Promise<string> {
  const made = await server.ok(
    'mutation { createApiKey(input: { name: "fuzz", roles: ["admin"] }) { secret } }',
    {},
    as,
  );
  return String(made.createApiKey?.secret);
}

/** What operations name and may switch off; `restock` keeps to the product, template and customer that they never reach. */
async function openToAll(server: TestServer): Promise<OpenShop> {
  const opened = await openShop(server);
  const openProductId = await createProduct(server, opened.admin);
  for (const name of ['Ada', 'Bea', 'Cid', 'Dov']) {
    await createTemplate(server, opened.admin, openProductId);
    await createCustomer(server, opened.admin, name);
  }
  return { ...opened, openProductId };
}

async function callersOf(server: TestServer, shop: Shop, foreign: Shop): Promise<Caller[]> {
  const { tenant_id } = shop.admin;
  const query = 'mutation { createReseller(input: {name: "Blue"}) { reseller { id } } }';
  const made = await server.ok(query, {}, shop.admin);
  const reseller_id = String(made.createReseller?.reseller?.id);
  const customer_id = await createCustomer(server, shop.admin);
  const named = (name: string, claims: Omit<Claims, 'tenant_id'>) => ({
    name,
    claims: { tenant_id, ...claims },
  });
  return [
    // Who may do most, most often.
    ...Array.from({ length: 6 }, () => ({ name: 'admin', claims: shop.admin })),
    named('manager', { roles: ['manager'] }),
    named('auditor', { roles: ['auditor'] }),
    named('support', { roles: ['support'] }),
    named('reseller', { roles: ['reseller'], reseller_id }),
    named('customer', { roles: ['customer'], customer_id }),
    named("a customer's admin", { roles: ['admin'], customer_id: shop.customerId }),
    named("a reseller's admin", { roles: ['admin'], reseller_id }),
    named('service', { roles: ['admin'], kind: 'service' }),
    named('operator', { roles: ['operator'] }),
    named('no role', { roles: [] }),
    { name: 'admin of another tenant', claims: foreign.admin },
    { name: 'nobody', claims: undefined },
  ];
}

function bodyOf(
  { document, variables, operationName, extensions }: RandomOperation,
  world: FuzzWorld,
): string {
  const query = document
    .map((part) => (part instanceof Known ? JSON.stringify(world.resolve(part)) : part))
    .join('');
  const rest = {
    ...(operationName === undefined ? {} : { operationName }),
    ...(extensions === undefined ? {} : { extensions }),
  };
  return jsonText({ query, variables: resolved(variables, world.resolve), ...rest });
}

function answeredOf(status: number, payloads: readonly unknown[]): Answered {
  const errors = payloads.flatMap((payload): readonly GraphError[] => {
    if (Array.isArray(payload)) return payload;
    return (payload as { errors?: readonly GraphError[] } | undefined)?.errors ?? [];
  });
  const data = payloads.map((payload) => (payload as { data?: Json } | undefined)?.data);
  return { status, errors, data };
}

/** Sends operations over both doors, many at a time. */
export class FuzzSender {
  readonly #sockets = new Map<string, Promise<RawSocket>>();
  readonly #opening = new Map<string, Promise<RawSocket>>();
  #asked = 0;

  constructor(
    private readonly server: TestServer,
    private readonly world: FuzzWorld,
    private readonly url: string,
    private readonly random: Random,
  ) {}

  /** Sends each, waits for the answers; streams run until all others have ended, and then for no longer. */
  async send(operations: readonly RandomOperation[]): Promise<Sent[]> {
    const streams: (() => Promise<Sent>)[] = [];
    const others = operations.map((operation) => {
      const caller = this.random.pick(this.world.callers);
      const body = bodyOf(operation, this.world);
      const sent = (answered: Answered): Sent => ({ caller, operation, body, answered });
      if (caller.name === 'nobody' || body.length > LONGEST_MESSAGE || this.random.chance(0.6))
        return this.#overHttp(caller, body).then(sent);
      if (operation.kind !== 'subscription') return this.#overSocket(caller, body).then(sent);
      streams.push(() => this.#stream(caller, body).then(sent));
      return undefined;
    });
    const running = Promise.all(streams.map((begin) => begin()));
    const answered = (await Promise.all(others)).filter((sent) => sent !== undefined);
    for (const raw of await this.#all()) raw.send({ type: 'ping' });
    return [...answered, ...(await running)];
  }

  async end(): Promise<void> {
    for (const raw of await this.#all()) await raw.hangUp();
  }

  /** Messages that are done with. */
  async forget(): Promise<void> {
    for (const raw of await this.#all()) raw.heard.length = 0;
  }

  #all(): Promise<RawSocket[]> {
    return Promise.all(this.#sockets.values());
  }

  async #proofOf({ claims, proof }: Caller): Promise<string | undefined> {
    return proof?.() ?? (claims === undefined ? undefined : `Bearer ${await this.server.token(claims)}`);
  }

  async #overHttp(caller: Caller, payload: string): Promise<Answered> {
    const proof = await this.#proofOf(caller);
    const authorization = proof === undefined ? {} : { authorization: proof };
    const key = this.random.chance(0.1) ? { 'idempotency-key': `key-${this.random.below(20)}` } : {};
    const headers = { 'content-type': 'application/json', ...authorization, ...key };
    const answer = await this.server.app.inject({ method: 'POST', url: '/graphql', headers, payload });
    return answeredOf(answer.statusCode, [answer.json()]);
  }

  /** One socket for a caller; when time has passed its token is over, and another takes its place. */
  async #socketOf(caller: Caller): Promise<RawSocket> {
    const { name } = caller;
    const known = await this.#sockets.get(name);
    if (known !== undefined && known.socket.readyState === known.socket.OPEN) return known;
    const opening = this.#opening.get(name) ?? this.#greet(caller);
    this.#opening.set(name, opening);
    this.#sockets.set(name, opening);
    return opening.finally(() => this.#opening.delete(name));
  }

  async #greet(caller: Caller): Promise<RawSocket> {
    const raw = await RawSocket.open(this.url);
    raw.send({ type: 'connection_init', payload: { authorization: await this.#proofOf(caller) } });
    // Whose proof has ended is not let in, and hears of each operation that nothing was answered.
    if (caller.proof === undefined) await raw.until(({ type }) => type === 'connection_ack');
    else await raw.until(({ type }) => type === 'connection_ack').catch(() => undefined);
    return raw;
  }

  async #overSocket(caller: Caller, body: string): Promise<Answered> {
    const raw = await this.#socketOf(caller);
    const id = `o${this.#asked++}`;
    raw.send(`{"id":"${id}","type":"subscribe","payload":${body}}`);
    await raw.end(id).catch((error: unknown) => {
      if (caller.proof !== undefined && raw.socket.readyState !== raw.socket.OPEN) return;
      throw new Error(`no end of ${body.slice(0, 4000)}`, { cause: error });
    });
    return this.#heard(raw, id);
  }

  async #stream(caller: Caller, body: string): Promise<Answered> {
    const raw = await this.#socketOf(caller);
    const id = `s${this.#asked++}`;
    raw.send(`{"id":"${id}","type":"subscribe","payload":${body}}`);
    const ended = raw.until(
      (message) => message.type === 'pong' || (message.id === id && message.type !== 'next'),
    );
    await (caller.proof === undefined ? ended : ended.catch(() => undefined));
    raw.send({ type: 'complete', id });
    return this.#heard(raw, id);
  }

  #heard(raw: RawSocket, id: string): Answered {
    const heard = raw.of(id);
    const payloads = heard.filter(({ type }) => type !== 'complete').map(({ payload }) => payload);
    return answeredOf(200, payloads);
  }
}

/** What is wrong with an answer, whatever was asked. */
export function problemsOf({ caller, answered }: Sent, world: FuzzWorld): string[] {
  const { status, errors, data } = answered;
  const problems = errors.flatMap(({ message, extensions }): string[] => {
    const code = extensions?.code;
    const listed = Object.hasOwn(refusalCodes, String(code)) && code !== 'INTERNAL_SERVER_ERROR';
    const told = world.secrets.some((secret) => `${message}${JSON.stringify(extensions)}`.includes(secret));
    return [
      ...(listed ? [] : [`the code ${code}: ${message}`]),
      ...(INNARDS.test(message) ? [`tells of our works: ${message}`] : []),
      ...(told ? [`tells a secret: ${message}`] : []),
    ];
  });
  const expected = caller.proof === undefined ? [200, 400, 413] : [200, 400, 401, 403, 413];
  if (!expected.includes(status)) problems.push(`the status ${status}`);
  if (errors.length === 0 && data.some((each) => each === null)) problems.push('no data and no error');
  const shown = JSON.stringify(data);
  const seen = world.idsOutOfSight(caller).filter((id) => shown.includes(id));
  if (seen.length > 0) problems.push(`shows ids of another tenant: ${seen.join(', ')}`);
  return problems;
}

/** Log lines that tell of a defect, or a secret. */
export function badLines(lines: readonly string[], world: FuzzWorld): string[] {
  return lines.filter(
    (line) => line.includes('"level":50') || world.secrets.some((secret) => line.includes(secret)),
  );
}

export interface Finding {
  readonly problems: readonly string[];
  readonly as: string;
  readonly body: string;
}

export function findings(sent: readonly Sent[], world: FuzzWorld): Finding[] {
  return sent.flatMap((each) => {
    const problems = problemsOf(each, world);
    return problems.length === 0 ? [] : [{ problems, as: each.caller.name, body: each.body.slice(0, 4000) }];
  });
}
