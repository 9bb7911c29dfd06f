import { type GraphQLError, type GraphQLResolveInfo, Kind } from 'graphql';
import type { GateOptions } from './adapters/options.js';
import { bind, GatedOperation } from './operation.js';

const RECHECK_MILLIS = 30_000;

/** The gate of a stream, laid into its context: servers copy a context, and leave what stands in it. */
const GATE = Symbol('licensegraph');

export interface StreamGate {
  readonly graph: GateOptions<unknown>['graph'];
  readonly licensee: (context: unknown) => ReturnType<GateOptions<unknown>['licensee']>;
  readonly recheckMillis: number;
  operation: GatedOperation | undefined;
}

export function openGate<Context>({ graph, licensee, recheckMillis }: GateOptions<Context>): StreamGate {
  return {
    graph,
    licensee: (context) => licensee(context as Context),
    recheckMillis: recheckMillis ?? RECHECK_MILLIS,
    operation: undefined,
  };
}

export function layGate(context: object, gate: StreamGate): void {
  Object.assign(context, { [GATE]: gate });
}

export function gateIn(context: unknown): StreamGate | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  return (context as { readonly [GATE]?: StreamGate })[GATE];
}

/** Decides on a stream where its root field begins: there alone its variables and its context are known on every server. */
export async function beginStream(
  gate: StreamGate,
  context: unknown,
  info: GraphQLResolveInfo,
): Promise<GatedOperation | undefined> {
  const { schema, operation, fragments, variableValues } = info;
  const document = { kind: Kind.DOCUMENT, definitions: [operation, ...Object.values(fragments)] } as const;
  const asked = { schema, document, operation, variables: variableValues, areCoerced: true };
  gate.operation = await GatedOperation.begin(gate.graph, asked, () => gate.licensee(context));
  bind(context, gate.operation);
  return gate.operation;
}

/** The last event of a stream whose features are granted no longer: its root field answers the refusal. */
export class Ended {
  constructor(readonly refusal: GraphQLError) {}
}

type Result = IteratorResult<unknown, undefined>;
const over: Result = { done: true, value: undefined };

/**
 * The events of a stream, for as long as its features are granted. They are asked for again all the while; a refusal is
 * the last event, and then the stream is over. When it is, what no event has used goes back.
 */
export class GrantedStream implements AsyncIterableIterator<unknown, undefined> {
  readonly #source: AsyncIterator<unknown>;
  readonly #waiting = new Set<(result: Result) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refusal: GraphQLError | undefined;
  #isOver = false;

  constructor(
    source: AsyncIterable<unknown>,
    private readonly operation: GatedOperation,
    private readonly recheckMillis: number,
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#arm();
  }

  next(): Promise<Result> {
    if (this.#refusal !== undefined || this.#isOver) return this.#last();
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      this.#source.next().then(
        (result) => {
          if (!this.#waiting.delete(resolve)) return;
          resolve(result.done === true ? this.#last() : { done: false, value: result.value });
        },
        (error: unknown) => {
          if (this.#waiting.delete(resolve)) this.#end().then(() => reject(error), reject);
        },
      );
    });
  }

  async return(): Promise<Result> {
    await this.#end();
    return over;
  }

  async throw(error: unknown): Promise<Result> {
    await this.#end();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  /** The refusal once, and then nothing any more. */
  async #last(): Promise<Result> {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    await this.#end();
    return refusal === undefined ? over : { done: false, value: new Ended(refusal) };
  }

  #arm(): void {
    this.#timer = setTimeout(() => void this.#look(), this.recheckMillis);
    // A stream alone keeps no process from ending.
    (this.#timer as { unref?(): void }).unref?.();
  }

  async #look(): Promise<void> {
    const refusal = await this.operation.lookAgain();
    if (this.#isOver) return;
    if (refusal === undefined) return this.#arm();
    this.#refusal = refusal;
    const [first, ...others] = this.#waiting;
    this.#waiting.clear();
    first?.(await this.#last());
    for (const resolve of others) resolve(over);
  }

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting) resolve(over);
    this.#waiting.clear();
    // Not waited for: a generator that hangs ends when it wakes.
    void Promise.resolve(this.#source.return?.()).catch(() => undefined);
    await this.operation.settle();
  }
}
