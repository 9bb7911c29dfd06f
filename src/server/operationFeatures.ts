import type { Refusal } from '../core/refusal.js';
import type { Reading, Work } from '../core/work.js';
import type { Decision, Draw, Need } from '../entitlements/model.js';
import { noActiveLicense } from '../entitlements/model.js';
import { chargeNeeds, checkNeeds, refundDraws } from '../entitlements/service.js';
import type { FeatureMark, FeatureRun } from '../graph/requiresFeature.js';
import { openWork } from './openWork.js';
import type { Caller, Machinery } from './operation.js';

/** A feature that one response path of the operation needs. */
export interface PathNeed extends Need {
  /** Response names from the root on, aliases in place of field names, list positions left out. */
  readonly path: string;
}

interface Asking {
  readonly known: Caller;
  readonly signal: AbortSignal;
  reading(): Promise<Reading>;
  /** Tells, of each root field, whether its idempotency key was answered before. */
  answered(): Promise<(responseName: string) => boolean>;
}

/** A feature is decided for a response path: every type that marks the path with it shares the decision. */
export const needKey = (path: string, feature: string): string => `${path} ${feature}`;
const keyOf = (need: PathNeed): string => needKey(need.path, need.feature);
const rootOf = (path: string): string => path.split('.')[0] ?? path;
const metered = (need: Need): boolean => need.amount > 0;

/**
 * A root that was done before passes, and what its payload reads anew has to be licensed but needs no units. If it is
 * done after all, because its seven days end in this moment, it is charged as any other.
 */
function needsToCheck(needs: readonly PathNeed[], answered: (root: string) => boolean): PathNeed[] {
  return needs.flatMap((need) => {
    const root = rootOf(need.path);
    if (!answered(root)) return [need];
    return need.path === root ? [] : [{ ...need, amount: 0 }];
  });
}

/** Keeps what an operation needs, what was refused, and which units return when their field did not run. */
export class OperationFeatures implements FeatureRun {
  #needs: readonly PathNeed[] = [];
  #decided: ReadonlySet<string> = new Set();
  readonly #refusals = new Map<string, Refusal>();
  readonly #used = new Set<string>();
  readonly #draws = new Map<string, readonly Draw[]>();

  constructor(
    private readonly machinery: Machinery,
    private readonly asking: Asking,
  ) {}

  /**
   * An application that shows its key in the operation itself was not known when the operation was asked: what nobody
   * decided on stays closed.
   */
  check(path: string, marks: readonly FeatureMark[]): void {
    for (const { feature } of marks) {
      const key = needKey(path, feature);
      const refusal = this.#refusals.get(key) ?? (this.#decided.has(key) ? undefined : noActiveLicense());
      if (refusal !== undefined) throw refusal;
    }
  }

  used(path: string, marks: readonly FeatureMark[]): void {
    for (const { feature } of marks) this.#used.add(needKey(path, feature));
  }

  /** A query is charged whole before its first resolver, or not at all. */
  async beforeQuery(needs: readonly PathNeed[]): Promise<void> {
    this.#take(needs);
    if (needs.length === 0) return;
    if (this.asking.known.actor.kind === 'anonymous') return this.#refuseAll();
    if (!needs.some(metered)) {
      this.#record(await checkNeeds(await this.asking.reading(), needs), needs);
      return;
    }
    const { known, signal } = this.asking;
    const { work, session } = await openWork(this.machinery, known, { signal });
    try {
      const decisions = await chargeNeeds(work, needs);
      const refused = this.#record(decisions, needs);
      if (refused) return await session.rollback();
      await session.commit();
      this.#keepDraws(decisions, needs);
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }

  /** A mutation is asked for all its roots first; each root is charged in its own transaction. */
  async beforeMutation(needs: readonly PathNeed[]): Promise<void> {
    this.#take(needs);
    if (needs.length === 0) return;
    if (this.asking.known.actor.kind === 'anonymous') return this.#refuseAll();
    const asked = needsToCheck(needs, await this.asking.answered());
    if (asked.length > 0) this.#record(await checkNeeds(await this.asking.reading(), asked), asked);
  }

  /** Charges a root of a mutation, with all that its payload needs; answers what to do once that is committed. */
  async chargeRoot(work: Work, root: string): Promise<() => void> {
    const needs = this.#needs.filter(
      (need) => rootOf(need.path) === root && metered(need) && !this.#refusals.has(keyOf(need)),
    );
    if (needs.length === 0) return () => undefined;
    const decisions = await chargeNeeds(work, needs);
    for (const decision of decisions) if (!decision.granted) throw decision.refusal;
    return () => this.#keepDraws(decisions, needs);
  }

  /** Units return when the marked resolver threw or never ran. */
  async settle(): Promise<void> {
    const unused = [...this.#draws].filter(([key]) => !this.#used.has(key)).flatMap(([, draws]) => draws);
    this.#draws.clear();
    if (unused.length === 0) return;
    try {
      await this.#refund(unused);
    } catch (error) {
      const { requestId } = this.asking.known;
      this.machinery.log.error({ err: error, requestId }, 'units could not be returned');
    }
  }

  async #refund(draws: readonly Draw[]): Promise<void> {
    const { work, session } = await openWork(this.machinery, this.asking.known);
    try {
      await refundDraws(work, draws);
      await session.commit();
    } catch (error) {
      await session.rollback();
      throw error;
    }
  }

  #take(needs: readonly PathNeed[]): void {
    this.#needs = needs;
    this.#decided = new Set(needs.map(keyOf));
  }

  #refuseAll(): void {
    for (const need of this.#needs) this.#refusals.set(keyOf(need), noActiveLicense());
  }

  /** If a metered need is refused, every metered field answers that refusal. Tells whether one was. */
  #record(decisions: readonly Decision[], needs: readonly PathNeed[]): boolean {
    let meteredRefusal: Refusal | undefined;
    for (const [index, need] of needs.entries()) {
      const decision = decisions[index];
      if (decision === undefined || decision.granted) continue;
      if (decision.metered) meteredRefusal ??= decision.refusal;
      else this.#refusals.set(keyOf(need), decision.refusal);
    }
    if (meteredRefusal === undefined) return false;
    for (const need of needs.filter(metered)) this.#refusals.set(keyOf(need), meteredRefusal);
    return true;
  }

  #keepDraws(decisions: readonly Decision[], needs: readonly PathNeed[]): void {
    for (const [index, need] of needs.entries()) {
      const decision = decisions[index];
      if (decision?.granted !== true || decision.draws.length === 0) continue;
      this.#draws.set(keyOf(need), decision.draws);
    }
  }
}
