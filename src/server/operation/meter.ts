import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Coalescer } from '../../core/coalesce.js';
import { committed } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { isLockTimeout } from '../../core/lockTimeout.js';
import { Refusal } from '../../core/refusal.js';
import type { Coalesced, CoalescedAct, Work } from '../../core/work.js';
import type { Charged } from '../../entitlements/model/ledger.js';
import { type Asked, chargeMany } from '../../entitlements/service/chargeMany.js';
import type { Claim } from './idempotency.js';
import type { OpenWork } from './openWork.js';
import { type Recalled, recallMany, rememberMany } from './storedAnswers.js';

/** What was known of the licensee no longer says which counters it draws from: ask for it, and again. */
export const STALE = 'STALE';
export type Granted = readonly Charged[] | typeof STALE;

/** How long a flush waits for a counter with a connection in hand, and how long it then lets others have it. */
const LOCK_MILLIS = 50;
const PAUSE_MILLIS = [10, 40] as const;
/** As long as a statement may take: then whoever waits is told of an outage. */
const PATIENCE_MILLIS = 15_000;

/** What one caller asks of an act, and the claim of its idempotency key. */
export interface Share<Request> {
  readonly request: Request;
  readonly claim?: Claim | undefined;
}

/** No caller reads it as an answer of its own: nothing was done for it, or it is refused. */
const AGAIN = Symbol('again');

/** What queries draw has no key: it is charged as often as it is asked. */
const chargeQueries: CoalescedAct<Asked, readonly Charged[]> = async (work, asked) => {
  const { answers, written } = await chargeMany(work, asked);
  work.send(written);
  return answers.map((payload) => payload && { payload, isEffective: false });
};

type AnyAct = CoalescedAct<unknown, unknown>;
type Lane = Coalescer<Share<unknown>, unknown>;

/**
 * Does for many callers what they ask, units drawn and given back, on connections of its own: all who ask the same act
 * while a flush of their tenant is in flight share the next one, in one transaction, with the answers that their
 * idempotency keys stand for. A process that dies after a commit leaves its grants charged; one that dies before leaves
 * none.
 */
export class Meter {
  readonly #tenants = new Map<TenantId, Map<AnyAct, Lane>>();

  /** Opens a transaction over one tenant on a connection of the worker's. */
  constructor(private readonly open: (tenantId: TenantId) => Promise<OpenWork>) {}

  async charge(tenantId: TenantId, asked: Asked): Promise<Granted> {
    return (await this.act(tenantId, chargeQueries, { request: asked })) ?? STALE;
  }

  /** Undefined for whoever has to ask again; a refusal of the idempotency key is thrown. */
  async act<Request, Answer>(
    tenantId: TenantId,
    act: CoalescedAct<Request, Answer>,
    share: Share<Request>,
  ): Promise<Answer | undefined> {
    // Requests and answers of a lane are those of its act, which is its name.
    const lane = this.#laneOf(tenantId, act as unknown as AnyAct);
    const answer = await lane.ask(share);
    if (answer instanceof Refusal) throw answer;
    return answer === AGAIN ? undefined : (answer as Answer);
  }

  /** Tenants for which something is asked at this moment. */
  get tenants(): number {
    return this.#tenants.size;
  }

  /** Resolves when all that was asked for is answered. */
  async settled(): Promise<void> {
    const lanes = [...this.#tenants.values()].flatMap((acts) => [...acts.values()]);
    await Promise.all(lanes.map((lane) => lane.settled()));
  }

  #laneOf(tenantId: TenantId, act: AnyAct): Lane {
    const acts = this.#tenants.get(tenantId) ?? new Map<AnyAct, Lane>();
    this.#tenants.set(tenantId, acts);
    const known = acts.get(act);
    if (known !== undefined) return known;
    const lane: Lane = new Coalescer((shares) => this.#flush(tenantId, act, shares), {
      onIdle: () => this.#forget(tenantId, act),
      isPaired: act.isPaired ?? false,
    });
    acts.set(act, lane);
    return lane;
  }

  #forget(tenantId: TenantId, act: AnyAct): void {
    const acts = this.#tenants.get(tenantId);
    acts?.delete(act);
    if (acts?.size === 0) this.#tenants.delete(tenantId);
  }

  /**
   * A counter may be held by a mutation for as long as it runs. The connections are few and every tenant's: a flush gives
   * its own back after a short wait, and comes again.
   */
  async #flush(tenantId: TenantId, act: AnyAct, shares: readonly Share<unknown>[]): Promise<unknown[]> {
    const end = performance.now() + PATIENCE_MILLIS;
    for (;;) {
      try {
        return await this.#attempt(tenantId, act, shares);
      } catch (error) {
        if (!isLockTimeout(error) || performance.now() > end) throw error;
        await sleep(randomInt(...PAUSE_MILLIS));
      }
    }
  }

  async #attempt(tenantId: TenantId, act: AnyAct, shares: readonly Share<unknown>[]): Promise<unknown[]> {
    const { work, session } = await this.open(tenantId);
    session.limitLockWait(LOCK_MILLIS);
    return committed(session, () => flush(work, act, shares));
  }
}

/** What the claims of shares stand for, share by share; undefined where there is no claim. */
async function recallShares(
  work: Work,
  shares: readonly Share<unknown>[],
): Promise<(Recalled | undefined)[]> {
  const found = await recallMany(
    work,
    shares.flatMap(({ claim }) => claim ?? []),
  );
  let next = 0;
  return shares.map(({ claim }) => {
    if (claim === undefined) return undefined;
    next += 1;
    return found[next - 1];
  });
}

/** Answers from the keys what was done before, does the rest, and stores what had an effect: all in one transaction. */
async function flush(work: Work, act: AnyAct, shares: readonly Share<unknown>[]): Promise<unknown[]> {
  const recalled = await recallShares(work, shares);
  const open = shares.filter((_, index) => {
    const found = recalled[index];
    return found === undefined || 'storeAs' in found;
  });
  const requests = open.map(({ request }) => request);
  const done = requests.length === 0 ? [] : await act(work, requests);
  const made = new Map<Share<unknown>, Coalesced<unknown> | undefined>(
    open.map((share, index) => [share, done[index]]),
  );
  const answers = shares.flatMap((share, index) => {
    const found = recalled[index];
    const answer = made.get(share);
    if (share.claim === undefined || found === undefined || !('storeAs' in found)) return [];
    if (answer?.isEffective !== true) return [];
    return [{ claim: share.claim, storeAs: found.storeAs, payload: answer.payload }];
  });
  work.send(rememberMany(work, answers));
  return shares.map((share, index) => {
    const found = recalled[index];
    if (found !== undefined && 'payload' in found) return found.payload;
    if (found !== undefined && 'refusal' in found) return found.refusal;
    return made.get(share)?.payload ?? AGAIN;
  });
}
