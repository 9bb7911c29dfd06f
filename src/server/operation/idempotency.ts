import { createHash } from 'node:crypto';
import { and, eq, gte } from 'drizzle-orm';
import { GraphQLError, Kind, type OperationDefinitionNode, print } from 'graphql';
import { applicationActor } from '../../access/model.js';
import type { DirectoryKind } from '../../access/table.js';
import { type Actor, type AnonymousActor, scopeOf } from '../../core/actor.js';
import type { KeyRing } from '../../core/crypto.js';
import type { LicenseId, TenantId } from '../../core/id.js';
import type { Reading } from '../../core/work.js';
import { parseLicenseKey } from '../../licenses/model.js';
import type { OperationDocument } from '../../sdk/directive/needs.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { idempotencyKeys as answers } from '../table.js';
import type { Caller, Machinery } from './operation.js';
import { firstName, keptSince } from './storedAnswers.js';

const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
/** Of a response name; its column has room for an instant behind it. */
const LONGEST_NAME = 220;
/** Deeper than any input of ours; a text of a megabyte can be nested deeper than a stack can follow. */
const DEEPEST = 40;

type KnownActor = Exclude<Actor, AnonymousActor>;

/** One root field of one mutation under a caller's key: what is done once, and answered again. */
export interface Claim {
  readonly actor: KnownActor;
  /** Under which the answer is stored: no two have one name. */
  readonly place: {
    readonly tenantId: TenantId;
    readonly actor: string;
    readonly key: string;
    readonly responseName: string;
  };
  /** What was asked, hashed under every pepper, the current one first. */
  readonly requestHashes: readonly string[];
}

function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });
}

/** Members in one order, whichever the caller wrote them in. */
function sorted(value: unknown, levels = DEEPEST): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (levels === 0) throw badRequest('The variables are nested too deeply for an Idempotency-Key.');
  if (Array.isArray(value)) return value.map((item) => sorted(item, levels - 1));
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member, levels - 1)]));
}

/** The operation with its fragments, printed anew: white space and comments say nothing. */
function printed({ document, operation }: OperationDocument): string {
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return [operation, ...fragments].map((node) => print(node)).join('\n');
}

function declared(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): unknown {
  const names = new Set((operation.variableDefinitions ?? []).map(({ variable }) => variable.name.value));
  return sorted(Object.fromEntries(Object.entries(variables).filter(([name]) => names.has(name))));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A person, a service or a license; a subject and its scope are the identity provider's, a license's id is ours. */
function ownerName(actor: KnownActor): string {
  return actor.kind === 'application' ? actor.subject : `${actor.kind}:${actor.subject}`;
}

/** An alias may be longer than its column. No name in GraphQL holds a `#`. */
function storedName(responseName: string): string {
  return responseName.length <= LONGEST_NAME ? responseName : `#${digest(responseName)}`;
}

type ReadSecret = (given: string, seals: Seals) => Promise<string | undefined>;

/** The members of an input by which nobody proves to be an application, and how each is looked up. */
export const provingMembers: Readonly<Record<string, { kind: DirectoryKind; read: ReadSecret }>> = {
  licenseKey: { kind: 'LICENSE_KEY', read: async (given) => parseLicenseKey(given) },
  activationToken: { kind: 'ACTIVATION_TOKEN', read: async (given) => given },
  requestCode: {
    kind: 'LICENSE_KEY',
    read: async (given, seals) => parseLicenseKey((await seals.openRequest(given))?.licenseKey ?? ''),
  },
};

async function secretIn(
  input: object,
  seals: Seals,
): Promise<{ kind: DirectoryKind; secret: string } | undefined> {
  for (const [name, given] of Object.entries(input)) {
    const proof = Object.hasOwn(provingMembers, name) ? provingMembers[name] : undefined;
    const secret = typeof given === 'string' ? await proof?.read(given, seals) : undefined;
    if (proof !== undefined && secret !== undefined) return { kind: proof.kind, secret };
  }
  return undefined;
}

/** What an operation's Idempotency-Key stands for. Without a key, and in a query, it claims nothing. */
export class Idempotency {
  #request: string | undefined;

  constructor(
    private readonly machinery: Machinery,
    private readonly caller: Caller,
  ) {}

  /** Takes down what a mutation asks, before it runs; a key that is none is refused here. */
  recognise(asked: OperationDocument): void {
    const { idempotencyKey } = this.caller;
    if (idempotencyKey === undefined) return;
    if (!PRINTABLE.test(idempotencyKey))
      throw badRequest('An Idempotency-Key must be 1 to 255 printable ASCII characters.');
    this.#request = JSON.stringify([printed(asked), declared(asked.operation, asked.variables)]);
  }

  /**
   * The claim of a root field, with who acts: nobody is found by the secret in the input, by a statement of its own.
   * A secret that leads nowhere claims nothing: its act will be refused, and refusals are not stored.
   */
  async claim(responseName: string, input: unknown): Promise<Claim | undefined> {
    if (this.#request === undefined) return undefined;
    const actor = await this.#whoActs(input);
    return actor === undefined ? undefined : this.#claimOf(actor, responseName);
  }

  /** Tells, of each root field, whether it was done before: then it will need no units. */
  async answered(reading: () => Promise<Reading>): Promise<(responseName: string) => boolean> {
    const { actor } = this.caller;
    if (this.#request === undefined || actor.kind === 'anonymous') return () => false;
    const { place, requestHashes } = this.#claimOf(actor, '');
    const { db, now } = await reading();
    const rows = await db
      .select({ name: answers.responseName, requestHash: answers.requestHash })
      .from(answers)
      .where(
        and(
          eq(answers.tenantId, place.tenantId),
          eq(answers.actor, place.actor),
          eq(answers.key, place.key),
          gte(answers.createdAt, keptSince(now)),
        ),
      );
    const same = rows.filter(({ requestHash }) => requestHashes.includes(requestHash));
    const names = new Set(same.map(({ name }) => firstName(name)));
    return (responseName) => names.has(storedName(responseName));
  }

  #claimOf(actor: KnownActor, responseName: string): Claim {
    const { tenantId } = actor;
    const { idempotencyKey: key = '' } = this.caller;
    const place = { tenantId, actor: ownerName(actor), key, responseName: storedName(responseName) };
    // A subject that is bound to another customer than before is refused what it was answered then.
    const request = digest(JSON.stringify([sorted(scopeOf(actor)), this.#request]));
    return { actor, place, requestHashes: requestHashes(this.machinery.keys, request, tenantId) };
  }

  async #whoActs(input: unknown): Promise<KnownActor | undefined> {
    const { actor } = this.caller;
    if (actor.kind !== 'anonymous') return actor;
    const { directory, signing } = this.machinery;
    const shown = typeof input === 'object' && input !== null ? await secretIn(input, signing) : undefined;
    if (shown === undefined) return undefined;
    const found = await directory.find(shown.kind, shown.secret);
    return found === undefined ? undefined : applicationActor(found.tenantId, found.subjectId as LicenseId);
  }
}

/** Keyed: what stands in a request, a fingerprint or an address, cannot be tried out on a copy of the table. */
function requestHashes(keys: KeyRing, request: string, tenantId: TenantId): string[] {
  return keys.hashes('REQUEST', request, tenantId).map((hash) => hash.slice(hash.indexOf('.') + 1));
}

/** The name of a claim's turn and lock: one for all root fields of a key, since it belongs to one operation. */
export function keyName({ place }: Claim): string {
  return JSON.stringify([place.tenantId, place.actor, place.key]);
}
