import { GraphQLError } from 'graphql';
import type { FeatureMark } from './directive/marks.js';
import { needKey, needsOf, type OperationDocument, type PathNeed } from './directive/needs.js';
import type { Licensee } from './licensee.js';
import type { LicenseGraph } from './licenseGraph.js';
import { type FeatureRefused, noActiveLicense, refusalOf } from './refusal.js';

function asGraphError({ code, message, details }: FeatureRefused): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...details } });
}

/** What an operation of somebody's graph may use: decided in one call, before its first resolver runs. */
export class GatedOperation {
  readonly #refusals = new Map<string, FeatureRefused>();
  readonly #decided = new Set<string>();
  readonly #used = new Set<string>();
  readonly #lines = new Map<string, readonly number[]>();
  #grantId: string | null = null;
  #uncounted: string | null = null;

  private constructor(
    private readonly graph: LicenseGraph,
    private readonly licensee: Licensee | null | undefined,
  ) {}

  /** Undefined where nothing is needed: then nobody is asked. */
  static async begin(
    graph: LicenseGraph,
    asked: OperationDocument,
    licensee: () => Promise<Licensee | null | undefined> | Licensee | null | undefined,
  ): Promise<GatedOperation | undefined> {
    const needs = needsOf(asked);
    if (needs.length === 0) return undefined;
    const gated = new GatedOperation(graph, await licensee());
    await gated.#decide(needs);
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

  /** Gives back the units of what threw or never ran. */
  async settle(): Promise<void> {
    const unused = [...this.#lines].filter(([key]) => !this.#used.has(key)).flatMap(([, lines]) => lines);
    this.#lines.clear();
    if (unused.length === 0 || this.#grantId === null || this.licensee == null) return;
    await this.graph.refund(this.licensee, this.#grantId, unused);
  }

  /** What the answer says beside its data: that features passed without anybody being asked. */
  get extensions(): Readonly<Record<string, unknown>> | undefined {
    return this.#uncounted === null ? undefined : { licensegraph: { uncounted: this.#uncounted } };
  }

  async #decide(needs: readonly PathNeed[]): Promise<void> {
    const uses = needs.map(({ feature, amount, path }) => ({ featureId: feature, amount, path }));
    const { verdicts, grantId, uncounted } = await this.graph.decide(this.licensee, uses);
    this.#grantId = grantId;
    this.#uncounted = uncounted;
    for (const [index, { path, feature }] of needs.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined) continue;
      const key = needKey(path, feature);
      const refusal = refusalOf(verdict);
      this.#decided.add(key);
      if (refusal !== undefined) this.#refusals.set(key, refusal);
      if (verdict.lines.length > 0) this.#lines.set(key, verdict.lines);
    }
  }
}

const running = new WeakMap<object, GatedOperation>();

/** Bound to the context that its resolvers get: two operations never share one. */
export function bind(context: unknown, operation: GatedOperation | undefined): void {
  if (typeof context === 'object' && context !== null && operation !== undefined)
    running.set(context, operation);
}

/** A marked field that no adapter has decided on stays closed. */
export function operationOf(context: unknown): GatedOperation | undefined {
  return typeof context === 'object' && context !== null ? running.get(context) : undefined;
}

export function closed(): GraphQLError {
  return asGraphError(noActiveLicense());
}
