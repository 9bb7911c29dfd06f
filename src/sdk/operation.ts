import { type GraphQLError as GraphError, GraphQLError, OperationTypeNode } from 'graphql';
import type { FeatureMark } from './directive/marks.js';
import { needKey, needsOf, type OperationDocument, type PathNeed, rootsOf } from './directive/needs.js';
import type { Asker, Decision, Use } from './licensee.js';
import type { LicenseGraph } from './licenseGraph.js';
import { type FeatureRefused, firstRefusal, noActiveLicense, refusalsOf } from './refusal.js';

function asGraphError({ code, message, details }: FeatureRefused): GraphError {
  return new GraphQLError(message, { extensions: { code, ...details } });
}

const keyOf = ({ path, feature }: PathNeed): string => needKey(path, feature);
const isMetered = ({ amount }: PathNeed): boolean => amount > 0;
const useOf = ({ feature, amount, path }: PathNeed): Use => ({ featureId: feature, amount, path });
/** Whether a path is that of a root field, or lies below it. */
const isOf = (root: string, path: string): boolean => path === root || path.startsWith(`${root}.`);

/** What of a grant a path may give back. */
interface Drawn {
  readonly path: string;
  readonly grantId: string;
  readonly lines: readonly number[];
}

/**
 * What an operation of somebody's graph may use. A query and a stream are decided in one call, before anything runs; a
 * mutation of several root fields is checked whole, and each of them charged when its turn has come.
 */
export class GatedOperation {
  readonly #refusals = new Map<string, FeatureRefused>();
  readonly #decided = new Set<string>();
  readonly #used = new Set<string>();
  readonly #drawn = new Map<string, Drawn>();
  #rootByRoot = false;
  #uncounted: string | null = null;

  private constructor(
    private readonly graph: LicenseGraph,
    private readonly asker: Asker,
    private readonly needs: readonly PathNeed[],
  ) {}

  /** Undefined where nothing is needed: then nobody is asked. */
  static async begin(
    graph: LicenseGraph,
    asked: OperationDocument,
    licensee: () => Promise<Asker> | Asker,
  ): Promise<GatedOperation | undefined> {
    const needs = needsOf(asked);
    if (needs.length === 0) return undefined;
    const gated = new GatedOperation(graph, await licensee(), needs);
    const isMutation = asked.operation.operation === OperationTypeNode.MUTATION;
    if (isMutation && rootsOf(asked) > 1 && needs.some(isMetered)) await gated.#checkRoots();
    else gated.#take(await graph.decide(gated.asker, needs.map(useOf)), needs);
    return gated;
  }

  /** Throws if a feature was refused at this response path, or nobody decided on it. */
  check(path: string, marks: readonly FeatureMark[]): void {
    for (const { feature } of marks) {
      const key = needKey(path, feature);
      const refusal = this.#refusals.get(key) ?? (this.#decided.has(key) ? undefined : noActiveLicense());
      if (refusal !== undefined) throw asGraphError(refusal);
    }
  }

  /** The marked resolver at this path has answered: its units stay charged. */
  used(path: string, marks: readonly FeatureMark[]): void {
    for (const { feature } of marks) this.#used.add(needKey(path, feature));
  }

  /** Charges a root field of a mutation with all that its payload needs; throws if others took the units meanwhile. */
  async chargeRoot(root: string): Promise<void> {
    if (!this.#rootByRoot) return;
    const needs = this.needs.filter(
      (need) => isOf(root, need.path) && isMetered(need) && !this.#refusals.has(keyOf(need)),
    );
    const decision = await this.graph.decide(this.asker, needs.map(useOf));
    this.#take(decision, needs);
    const refused = firstRefusal(decision.verdicts);
    if (refused !== undefined) throw asGraphError(refused);
  }

  /** Gives back the units of what threw or never ran, of one root field or of all. */
  async settle(root?: string): Promise<void> {
    const lines = new Map<string, number[]>();
    for (const [key, drawn] of this.#drawn) {
      if (root !== undefined && !isOf(root, drawn.path)) continue;
      this.#drawn.delete(key);
      if (!this.#used.has(key))
        lines.set(drawn.grantId, [...(lines.get(drawn.grantId) ?? []), ...drawn.lines]);
    }
    await Promise.all([...lines].map(([grantId, unused]) => this.graph.refund(this.asker, grantId, unused)));
  }

  /** What the answer says beside its data: that features passed without anybody being asked. */
  get extensions(): Readonly<Record<string, unknown>> | undefined {
    return this.#uncounted === null ? undefined : { licensegraph: { uncounted: this.#uncounted } };
  }

  /** Asks whether what was granted still is, units apart; answers the first refusal. */
  async lookAgain(): Promise<GraphError | undefined> {
    const granted = this.needs.filter((need) => !this.#refusals.has(keyOf(need)));
    const uses = granted.map((need) => useOf({ ...need, amount: 0 }));
    const { verdicts, uncounted } = await this.graph.check(this.asker, uses);
    this.#uncounted ??= uncounted;
    const refused = firstRefusal(verdicts);
    return refused === undefined ? undefined : asGraphError(refused);
  }

  async #checkRoots(): Promise<void> {
    this.#take(await this.graph.check(this.asker, this.needs.map(useOf)), this.needs);
    // Whoever could not be asked for the whole is not asked for each of its roots.
    this.#rootByRoot = this.#uncounted === null;
  }

  #take({ verdicts, grantId, uncounted }: Decision, needs: readonly PathNeed[]): void {
    this.#uncounted ??= uncounted;
    const refusals = refusalsOf(verdicts);
    for (const [index, need] of needs.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined) continue;
      const refusal = refusals[index];
      this.#decided.add(keyOf(need));
      if (refusal !== undefined) this.#refusals.set(keyOf(need), refusal);
      const { lines } = verdict;
      if (grantId !== null && lines.length > 0)
        this.#drawn.set(keyOf(need), { path: need.path, grantId, lines });
    }
  }
}

const running = new WeakMap<object, GatedOperation>();

/** Bound to the context that its resolvers get: two operations never share one. */
export function bind(context: unknown, operation: GatedOperation | undefined): void {
  if (typeof context === 'object' && context !== null && operation !== undefined)
    running.set(context, operation);
}

export function operationOf(context: unknown): GatedOperation | undefined {
  return typeof context === 'object' && context !== null ? running.get(context) : undefined;
}

/** A marked field that no adapter has decided on stays closed. */
export function closed(): GraphError {
  return asGraphError(noActiveLicense());
}
