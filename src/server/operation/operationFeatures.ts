import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import { committed } from '../../core/db.js';
import type { Refusal } from '../../core/refusal.js';
import type { Reading, Work } from '../../core/work.js';
import {
  type Decision,
  decideAll,
  type Licensee,
  type Need,
  noActiveLicense,
} from '../../entitlements/model/decide.js';
import type { Charged, Line } from '../../entitlements/model/ledger.js';
import { licenseeName } from '../../entitlements/model/licensee.js';
import { licenseeOf } from '../../entitlements/queries/grants.js';
import { chargeNeeds, refundLines, takerOf } from '../../entitlements/service/chargeNeeds.js';
import { checkNeeds } from '../../entitlements/service/checkNeeds.js';
import {
  explain,
  explainedBy,
  featuresToExplain,
  hintsName,
  hintsOn,
  type Refused,
} from '../../entitlements/service/explain.js';
import type { FeatureRun } from '../../graph/requiresFeature.js';
import type { FeatureMark } from '../../sdk/directive/marks.js';
import { needKey, type PathNeed } from '../../sdk/directive/needs.js';
import type { Deadline } from '../limits/deadline.js';
import { type Look, watchFeatures } from './featureWatch.js';
import type { Found, Question } from './licensees.js';
import { type Granted, STALE } from './meter.js';
import { type FeatureWarning, NeedOutcome } from './needOutcome.js';
import { openWork, requireTenant, tenantOf } from './openWork.js';
import type { Caller, Machinery } from './operation.js';
import { keyOf, keysOf, needsToCheck, rootOf } from './pathNeeds.js';
import { Places } from './places.js';

interface Asking {
  readonly known: Caller;
  readonly now: Instant;
  readonly deadline: Deadline;
  reading(): Promise<Reading>;
  endReading(): Promise<void>;
  /** A look in a snapshot of its own. */
  ask<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result>;
  look<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result>;
  /** Tells, of each root field, whether its idempotency key was answered before. */
  answered(): Promise<(responseName: string) => boolean>;
}

/** A refusal of one metered feature stands at the paths of others as well. */
function featureOf({ details }: Refusal, { feature }: PathNeed): string {
  return typeof details.feature === 'string' ? details.feature : feature;
}

const grantedAll = (decisions: readonly Decision[]): boolean => decisions.every(({ granted }) => granted);

/** How often licensees are read anew before it is taken for a defect. */
const LOOKS = 5;
const metered = (need: Need): boolean => need.amount > 0;

function grantsAll(licensee: Licensee, needs: readonly Need[], now: Instant): boolean {
  return grantedAll(decideAll(licensee, needs, new Map(), now));
}

/** What is asked of a licensee and granted stays so as long as it is remembered: its own time is over before that changes. */
const grantedWhole = new WeakMap<Licensee, WeakSet<readonly PathNeed[]>>();

function linesOf(granted: Granted): readonly Line[] {
  return granted === STALE ? [] : granted.flatMap(({ lines }) => lines);
}

/** Made once: a function that is made where others are keeps all that they see. */
const nothing = (): void => undefined;

/** Keeps what an operation needs, what was refused, and which units return when their field did not run. */
export class OperationFeatures implements FeatureRun {
  #needs: readonly PathNeed[] = [];
  #decided: ReadonlySet<string> = new Set();
  /** Made with the first: of thousands who follow something, few need anything. */
  #known: NeedOutcome | undefined;
  /** Where nothing was refused, and where units stay charged. */
  readonly passed = new Places();
  readonly answered = new Places();

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
      const refusal =
        this.#known?.refusals.get(key) ?? (this.#decided.has(key) ? undefined : noActiveLicense());
      if (refusal !== undefined) throw refusal;
    }
  }

  get #outcome(): NeedOutcome {
    this.#known ??= new NeedOutcome();
    return this.#known;
  }

  /** What an answer tells besides: features whose licenses warn, and that were granted past their limit. */
  get extensions(): { readonly featureWarnings: readonly FeatureWarning[] } | undefined {
    const warnings = [...(this.#known?.warnings.values() ?? [])];
    return warnings.length === 0 ? undefined : { featureWarnings: warnings };
  }

  /** Whether nothing was refused, drawn or warned of: who asks for the same is then answered the same. */
  get areGranted(): boolean {
    const { refusals, lines, warnings } = this.#known ?? {};
    return !refusals?.size && !lines?.size && !warnings?.size;
  }

  used(path: string, marks: readonly FeatureMark[]): void {
    for (const { feature, consumeQuota } of marks)
      if (consumeQuota) this.#outcome.used.add(needKey(path, feature));
  }

  /** A query is charged whole before its first resolver, or not at all. */
  async beforeQuery(needs: readonly PathNeed[]): Promise<void> {
    this.#take(needs);
    if (needs.length === 0) return;
    if (this.asking.known.actor.kind === 'anonymous') return this.#refuseAll();
    if (this.#isGrantedWhole(needs)) return;
    if (needs.some(metered)) this.#keep(await this.#chargeQuery(needs), needs);
    else this.#record(await this.#decide(needs), needs);
    await this.#explain();
  }

  /** Whether what is remembered grants all of it without units: found out once for each licensee and list of needs. */
  #isGrantedWhole(needs: readonly PathNeed[]): boolean {
    if (needs.some(metered)) return false;
    const licensee = this.machinery.licensees?.remembered(this.#question(needs));
    if (licensee === undefined) return false;
    const known = grantedWhole.get(licensee) ?? new WeakSet();
    if (known.has(needs)) return true;
    if (!grantsAll(licensee, needs, this.asking.now)) return false;
    grantedWhole.set(licensee, known.add(needs));
    return true;
  }

  /**
   * What was remembered of a licensee may refuse what it was given since: then nothing is drawn by the memory, and it is
   * asked once more. Whoever waits for the meter holds no connection.
   */
  async #chargeQuery(needs: readonly PathNeed[]): Promise<readonly Charged[]> {
    const load = (): Promise<Licensee> => this.asking.look((reading) => licenseeOf(reading, needs));
    let found = await this.#licenseeToDraw(needs, load);
    for (let look = 0; look <= LOOKS; look += 1) {
      const granted = await this.#draw(needs, found);
      if (granted !== STALE) return granted;
      found = found.isFresh ? { licensee: await load(), isFresh: true } : await this.#renewed(needs, load);
    }
    throw new Error('the licenses changed faster than they could be read');
  }

  /** A field that memory refuses without units does not stop the draw of the others: it is read anew before that. */
  #licenseeToDraw(needs: readonly PathNeed[], load: () => Promise<Licensee>): Promise<Found> {
    const unmetered = needs.filter((need) => !metered(need));
    return this.#licensee(needs, load, (licensee) => grantsAll(licensee, unmetered, this.asking.now));
  }

  /** Whoever gives up waiting is charged nothing in the end: what the meter still grants goes back. */
  async #draw(needs: readonly PathNeed[], { licensee, isFresh }: Found): Promise<Granted> {
    const { actor, requestId } = this.asking.known;
    this.asking.deadline.throwIfOver();
    const charging = this.machinery.meter.charge(requireTenant(tenantOf(actor)), {
      // Without the key of its request: nobody looked whether that is one, and it stands for no grant.
      taker: takerOf({ actor, requestId }),
      needs,
      licensee,
      isFresh,
    });
    return new Promise((resolve, reject) => {
      const stay = this.asking.deadline.whenOver((reason) => {
        reject(reason);
        charging.then(
          (granted) => this.#giveBack(linesOf(granted)),
          () => undefined,
        );
      });
      charging.then(resolve, reject).finally(stay);
    });
  }

  async #licensee(
    needs: readonly PathNeed[],
    load: () => Promise<Licensee>,
    grants: (licensee: Licensee) => boolean,
  ): Promise<Found> {
    const { licensees } = this.machinery;
    if (licensees === undefined) return { licensee: await load(), isFresh: true };
    const question = this.#question(needs);
    const licensee = licensees.remembered(question);
    if (licensee !== undefined && grants(licensee)) return { licensee, isFresh: false };
    return licensees.of(question, load, grants);
  }

  /** What is remembered refuses nobody: that is read again, by all whom it would refuse together. */
  async #renewed(needs: readonly PathNeed[], load: () => Promise<Licensee>): Promise<Found> {
    const { actor, tenantId } = this.#question(needs);
    const name = licenseeName(scopeOf(actor), needs);
    const renewed = this.machinery.licensees?.renew({ tenantId, name }, load) ?? load();
    return { licensee: await renewed, isFresh: true };
  }

  #question(needs: readonly PathNeed[]): Question {
    const { known, now } = this.asking;
    return { actor: known.actor, tenantId: requireTenant(tenantOf(known.actor)), now, needs };
  }

  /** Without units there is nothing to be charged, and what is remembered may grant. */
  async #decide(needs: readonly PathNeed[]): Promise<Decision[]> {
    const load = async (): Promise<Licensee> => licenseeOf(await this.asking.reading(), needs);
    const { now } = this.asking;
    const decideBy = ({ licensee }: Found): Decision[] => decideAll(licensee, needs, new Map(), now);
    const found = await this.#licensee(needs, load, () => true);
    const decisions = decideBy(found);
    if (found.isFresh || grantedAll(decisions)) return decisions;
    return decideBy(await this.#renewed(needs, load));
  }

  /** A mutation is asked for all its roots first; each root is charged in its own transaction. */
  async beforeMutation(needs: readonly PathNeed[]): Promise<void> {
    this.#take(needs);
    if (needs.length === 0) return;
    if (this.asking.known.actor.kind === 'anonymous') return this.#refuseAll();
    const asked = needsToCheck(needs, await this.asking.answered());
    if (asked.length === 0) return;
    this.#record(asked.some(metered) ? await this.#checkUnits(asked) : await this.#decideApart(asked), asked);
    await this.#explain();
  }

  /**
   * In the snapshot in which the answers were looked for: another request with the same key may take the last unit between
   * two, and would be refused here instead of answered.
   */
  async #checkUnits(needs: readonly PathNeed[]): Promise<Decision[]> {
    return checkNeeds(await this.asking.reading(), needs);
  }

  /** Nothing is held behind the look for answers: what is asked next may be what another operation is about to read. */
  async #decideApart(needs: readonly PathNeed[]): Promise<Decision[]> {
    await this.asking.endReading();
    return this.#decide(needs);
  }

  /** Says in each refusal what would make it pass. */
  async #explain(): Promise<void> {
    if (!this.#known?.refusals.size) return;
    const refused = new Map(
      this.#needs.flatMap((need): [Refusal, Refused][] => {
        const refusal = this.#outcome.refusals.get(keyOf(need));
        return refusal === undefined ? [] : [[refusal, { feature: featureOf(refusal, need), refusal }]];
      }),
    );
    if (refused.size === 0) return;
    const explained = await this.#explained([...refused.values()]);
    const known = new Map(
      [...refused.keys()].map((refusal, index) => [refusal, explained[index] ?? refusal]),
    );
    for (const [key, refusal] of this.#outcome.refusals)
      this.#outcome.refusals.set(key, known.get(refusal) ?? refusal);
  }

  /** Whoever is refused again and again is told what was read before; while it is read nothing else is held. */
  async #explained(refused: readonly Refused[]): Promise<Refusal[]> {
    const { licensees } = this.machinery;
    if (licensees === undefined) return explain(await this.asking.reading(), refused);
    await this.asking.endReading();
    const { actor, tenantId, now } = this.#question([]);
    const features = featuresToExplain(refused);
    const { value: hints } = await licensees.recollect(
      { tenantId, now, name: hintsName(actor, features) },
      () => this.asking.look((reading) => hintsOn(reading, features)),
    );
    return explainedBy(hints, refused);
  }

  /** For a stream: tells when what it was granted at its start is granted no longer. Answers how to stop. */
  watch(refused: (error: unknown) => void): () => void {
    const { licensees, clock } = this.machinery;
    const { known } = this.asking;
    // What was refused at the start stays refused, and that units are used up ends no stream.
    const needs = this.#needs
      .filter((need) => !this.#outcome.refusals.has(keyOf(need)))
      .map((need) => ({ ...need, amount: 0 }));
    if (needs.length === 0 || licensees === undefined || known.actor.kind === 'anonymous') return nothing;
    const tenantId = requireTenant(tenantOf(known.actor));
    const look = async (): Promise<Look> => {
      const load = (): Promise<Licensee> => this.asking.ask((reading) => licenseeOf(reading, needs));
      const now = clock();
      const { licensee } = await licensees.of({ actor: known.actor, tenantId, now, needs }, load, (found) =>
        grantsAll(found, needs, now),
      );
      const decisions = decideAll(licensee, needs, new Map(), now);
      const refusal = decisions.flatMap((decision) => (decision.granted ? [] : [decision.refusal]))[0];
      return refusal === undefined ? { until: licensee.until } : { refusal };
    };
    return watchFeatures({ clock, look, listen: (heard) => licensees.listen(tenantId, heard), refused });
  }

  /** Charges a root of a mutation, with all that its payload needs; answers what to do once that is committed. */
  async chargeRoot(work: Work, root: string): Promise<() => void> {
    const needs = this.#needs.filter(
      (need) => rootOf(need.path) === root && metered(need) && !this.#outcome.refusals.has(keyOf(need)),
    );
    if (needs.length === 0) return () => undefined;
    const charged = await chargeNeeds(work, needs);
    const index = charged.findIndex(({ decision }) => !decision.granted);
    const decision = charged[index]?.decision;
    const need = needs[index];
    if (need !== undefined && decision?.granted === false) {
      const { refusal } = decision;
      const [explained = refusal] = await explain(work, [{ feature: featureOf(refusal, need), refusal }]);
      throw explained;
    }
    return () => this.#keep(charged, needs);
  }

  /** Units return when the marked resolver threw or never ran. */
  async settle(): Promise<void> {
    if (!this.#known?.lines.size) return;
    const unused = [...this.#outcome.lines]
      .filter(([key]) => !this.#outcome.used.has(key))
      .flatMap(([, lines]) => lines);
    this.#outcome.lines.clear();
    await this.#giveBack(unused);
  }

  async #giveBack(unused: readonly Line[]): Promise<void> {
    if (unused.length === 0) return;
    try {
      await this.#refund(unused);
    } catch (error) {
      const { requestId } = this.asking.known;
      this.machinery.log.error({ err: error, requestId }, 'units could not be returned');
    }
  }

  async #refund(lines: readonly Line[]): Promise<void> {
    const { work, session } = await openWork(this.machinery, this.asking.known);
    await committed(session, () => refundLines(work, lines));
  }

  #take(needs: readonly PathNeed[]): void {
    this.#needs = needs;
    this.#decided = keysOf(needs);
  }

  #refuseAll(): void {
    for (const need of this.#needs) this.#outcome.refusals.set(keyOf(need), noActiveLicense());
  }

  /** If a metered need is refused, every metered field answers that refusal. Tells whether one was. */
  #record(decisions: readonly Decision[], needs: readonly PathNeed[]): boolean {
    let meteredRefusal: Refusal | undefined;
    for (const [index, need] of needs.entries()) {
      const decision = decisions[index];
      if (decision === undefined || decision.granted) continue;
      if (decision.metered) meteredRefusal ??= decision.refusal;
      else this.#outcome.refusals.set(keyOf(need), decision.refusal);
    }
    if (meteredRefusal === undefined) return false;
    for (const need of needs.filter(metered)) this.#outcome.refusals.set(keyOf(need), meteredRefusal);
    return true;
  }

  /** Takes down what was refused, and which lines of the ledger each path may still give back. */
  #keep(charged: readonly Charged[], needs: readonly PathNeed[]): void {
    const refused = this.#record(
      charged.map(({ decision }) => decision),
      needs,
    );
    if (refused) return;
    for (const [index, need] of needs.entries()) {
      const lines = charged[index]?.lines ?? [];
      if (lines.length > 0) this.#outcome.lines.set(keyOf(need), lines);
      for (const line of lines) this.#warn(line);
    }
  }

  #warn({ meter, amount, pastLimit }: Line): void {
    if (pastLimit !== true || meter.overage !== 'WARN') return;
    const { featureId: feature, limit } = meter;
    const before = this.#outcome.warnings.get(feature)?.unitsPastLimit ?? 0;
    this.#outcome.warnings.set(feature, { feature, limit, unitsPastLimit: before + amount });
  }
}
