import { isOperator } from '../../access/model.js';
import { appendEvents } from '../../audit/service.js';
import type { Actor } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { Session } from '../../core/db.js';
import type { NewEvent } from '../../core/event.js';
import type { TenantId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type { Place, Reading, Work } from '../../core/work.js';
import type { Claim } from './idempotency.js';
import type { Caller, Machinery } from './operation.js';

export function tenantOf(actor: Actor): TenantId | undefined {
  return 'tenantId' in actor ? actor.tenantId : undefined;
}

/** What a transaction is begun with. */
export type Opening = Pick<
  Machinery,
  'pool' | 'keys' | 'clock' | 'settings' | 'followers' | 'announce' | 'licensees' | 'keyHolders' | 'countries'
>;

function countryOf(
  { countries }: Pick<Machinery, 'countries'>,
  address: string | undefined,
): Place['country'] {
  return address === undefined ? undefined : countries?.of(address);
}

/** Where a caller is, for whoever asks: the file is not read for those who do not. */
class CallerPlace implements Place {
  constructor(
    private readonly machinery: Pick<Machinery, 'countries'>,
    readonly address: string | undefined,
  ) {}

  get country(): Place['country'] {
    return countryOf(this.machinery, this.address);
  }
}

export function placeOf(
  machinery: Pick<Machinery, 'countries'>,
  { address }: Pick<Caller, 'address'>,
): Place {
  return new CallerPlace(machinery, address);
}

export interface OpenWork {
  readonly work: Work;
  readonly session: Session;
  /** Who acts; an application that showed its key is known by now. */
  actor(): Actor;
}

interface Admission extends Partial<Pick<Reading, 'admit' | 'missed'>> {
  readonly signal?: AbortSignal;
  readonly claim?: Claim | undefined;
}
const freely = async (): Promise<void> => undefined;

/** Begins a transaction for one act. */
export async function openWork(
  machinery: Opening,
  caller: Caller,
  { admit = freely, missed = freely, signal, claim }: Admission = {},
): Promise<OpenWork> {
  const session = await machinery.pool.begin('write', signal);
  let actor = caller.actor;
  let tenantId = tenantOf(actor);
  const emitted: NewEvent[] = [];
  if (tenantId !== undefined) session.setTenant(tenantId);
  const work: Work = {
    db: session.db,
    now: machinery.clock(),
    keys: machinery.keys,
    settings: machinery.settings,
    requestId: caller.requestId,
    idempotencyKey: claim?.place.key,
    address: caller.address,
    get country() {
      return countryOf(machinery, caller.address);
    },
    get actor() {
      return actor;
    },
    get tenantId() {
      return requireTenant(tenantId);
    },
    enter: (next, as) => {
      session.setTenant(next);
      tenantId = next;
      actor = as;
    },
    admit,
    missed,
    send: session.send,
    emit: (event) => work.emitAll([event]),
    emitAll: async (events) => {
      emitted.push(...events);
      await appendEvents(work, events);
      for (const event of events) {
        for (const follow of machinery.followers[event.type] ?? []) await follow(work, event);
      }
    },
  };
  const commit = async (): Promise<void> => {
    await session.commit();
    if (emitted.length === 0) return;
    if (tenantId !== undefined) machinery.licensees?.forget([tenantId]);
    machinery.announce();
    machinery.keyHolders.hear(emitted);
  };
  return { work, session: { ...session, commit }, actor: () => actor };
}

export function requireTenant(tenantId: TenantId | undefined): TenantId {
  if (tenantId === undefined) throw new Refusal('UNAUTHENTICATED', 'The caller has shown no tenant.');
  return tenantId;
}

/** Who reads, and at which instant: an operation that finds out goes on as that. */
interface Reader {
  actor: Actor;
  readonly now: Instant;
}

/** A look on one read-only transaction, at the tenant of whoever reads. */
export function readingOn(
  session: Session,
  reader: Reader,
  machinery: Pick<Machinery, 'keys' | 'countries'>,
  { admit, missed, address }: Pick<Reading, 'admit' | 'missed' | 'address'>,
): Reading {
  const tenantId = tenantOf(reader.actor);
  if (tenantId !== undefined) session.setTenant(tenantId);
  if (isOperator(reader.actor)) session.showTenants();
  return {
    db: session.db,
    keys: machinery.keys,
    address,
    get country() {
      return countryOf(machinery, address);
    },
    get now() {
      return reader.now;
    },
    get actor() {
      return reader.actor;
    },
    get tenantId() {
      return requireTenant(tenantOf(reader.actor));
    },
    enter: (next, as) => {
      session.setTenant(next);
      reader.actor = as;
    },
    admit,
    missed,
  };
}
