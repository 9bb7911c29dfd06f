import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type { Actor } from '../../core/actor.js';
import { formatError, isInternal } from '../formatError.js';
import { newRequestId } from '../http/requestId.js';
import { type DocumentRules, refusal, variableProblems } from '../limits/document.js';
import type { Documents } from '../limits/documents.js';
import { checkValues } from '../limits/limits.js';
import { parsedDocument } from '../limits/parsedDocuments.js';
import { type Caller, type Machinery, Operation } from '../operation/operation.js';
import { groupOf, sharedAnswer } from './sharedAnswer.js';
import type { Result, Results, Waiter } from './socketProtocol.js';

/** Why an operation was not begun. */
export class NotBegun extends Error {
  constructor(readonly errors: readonly GraphQLError[]) {
    super(errors[0]?.message);
  }
}

interface Asked extends ExecutionArgs {
  /** The text of the document, wherever that came from. */
  readonly query: string;
  readonly contextValue: Operation;
  readonly operation: OperationDefinitionNode;
}

export interface Asker {
  readonly machinery: Machinery;
  readonly rules: DocumentRules;
  readonly documents: Documents;
  readonly actor: Actor;
  readonly address: string | undefined;
  readonly waiter: Waiter;
}

async function parsed(asker: Asker, payload: SubscribePayload): Promise<Pick<Asked, 'document' | 'query'>> {
  const { machinery, rules, documents } = asker;
  const query = documents.find(payload) ?? payload.query;
  await machinery.line.enter(query.length);
  const found = parsedDocument(rules, query);
  if (!('document' in found)) throw new NotBegun(found);
  return found;
}

/** A socket has no headers for each operation: the key stands in its extensions. */
function idempotencyKeyOf({ extensions }: SubscribePayload): string | undefined {
  const key = extensions?.idempotencyKey ?? undefined;
  if (key === undefined || typeof key === 'string') return key;
  throw new NotBegun([refusal('BAD_REQUEST', '`extensions.idempotencyKey` must be text.')]);
}

/** What a socket asks for, ready to run. */
async function prepared(asker: Asker, payload: SubscribePayload): Promise<Asked> {
  const { machinery, rules, actor, address, waiter } = asker;
  const { document, query } = await parsed(asker, payload);
  const operation = getOperationAST(document, payload.operationName ?? undefined);
  if (!operation)
    throw new NotBegun([refusal('OPERATION_RESOLUTION_FAILURE', 'The document has no such operation.')]);
  const variableValues = payload.variables ?? {};
  checkValues(variableValues);
  const problems = variableProblems(rules, operation, variableValues);
  if (problems.length > 0) throw new NotBegun(problems);
  const idempotencyKey = idempotencyKeyOf(payload);
  const caller: Caller = { actor, requestId: newRequestId(), address, idempotencyKey };
  const contextValue = new Operation(machinery, caller);
  waiter.onGone = () => contextValue.leave();
  if (waiter.isGone) contextValue.leave();
  const operationName = operation.name?.value ?? null;
  return { schema: rules.schema, document, query, operation, variableValues, operationName, contextValue };
}

/** Errors as every door answers them; our own are logged and masked. */
function shown(
  { errors, data }: ExecutionResult,
  { requestId, features }: Operation,
  { log }: Machinery,
): Result {
  const { extensions } = features;
  const answered = { data: data ?? null, ...(extensions === undefined ? {} : { extensions }) };
  if (errors === undefined) return answered;
  const formatted = errors.map((error) => {
    if (isInternal(error)) {
      log.error({ err: error.originalError ?? error, requestId }, 'an operation failed');
      error.extensions.requestId = requestId;
    }
    return formatError(error.toJSON(), error);
  });
  return { ...answered, errors: formatted };
}

/** What ended an operation, in the words of the other door. */
export function toldOf(error: unknown, { log }: Machinery): GraphQLFormattedError[] {
  if (error instanceof NotBegun) return error.errors.map((each) => formatError(each.toJSON(), each));
  if (error instanceof GraphQLError && !isInternal(error)) return [formatError(error.toJSON(), error)];
  if (!isInternal(error)) return [formatError({ message: '' }, error)];
  const requestId = newRequestId();
  log.error({ err: error, requestId }, 'an operation failed');
  return [formatError({ message: '', extensions: { requestId } }, error)];
}

function begin({ schema, document, operation, variableValues, contextValue }: Asked): Promise<void> {
  return contextValue.begin({ schema, document, operation, variables: { ...variableValues } });
}

async function answer(asked: Asked): Promise<ExecutionResult> {
  const { contextValue: operation } = asked;
  try {
    await begin(asked);
    return await execute(asked);
  } finally {
    await operation.finish();
  }
}

/** A stream of one. */
function once(result: Result): Results {
  const left = [result];
  return {
    next: async () => {
      const value = left.pop();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
    return: async () => ({ done: true, value: undefined }),
    isEndless: false,
  };
}

/** The events that a subscription follows, checked and charged at its start; or why it follows none. */
async function followed(asked: Asked): Promise<AsyncIterable<unknown> | ExecutionResult> {
  const { contextValue: begun } = asked;
  try {
    await begin(asked);
    const source = await createSourceEventStream(asked);
    await begun.endReading();
    if (!(Symbol.asyncIterator in source)) await begun.finish();
    return source;
  } catch (error) {
    await begun.finish();
    throw error;
  }
}

/**
 * What follows events: each is executed in a snapshot of its own, and none before the caller has taken the last. Thousands
 * of them wait at a time, so that each waits in as few promises as can be. Units that were charged at the start return
 * at the end, if no event has come to what they were charged for.
 */
class Followed implements Results {
  readonly isEndless = true;
  readonly #group: string | undefined;
  readonly #stop: () => void;
  #step: Promise<unknown> | undefined;
  #settled: Promise<void> | undefined;
  #lost: { readonly error: unknown } | undefined;

  constructor(
    private readonly source: AsyncIterator<unknown>,
    private readonly asked: Asked,
    private readonly machinery: Machinery,
  ) {
    const { features, actor } = asked.contextValue;
    this.#group = features.areGranted ? groupOf(actor, asked) : undefined;
    this.#stop = features.watch((error) => {
      this.#lost ??= { error };
      void this.source.return?.();
    });
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    const step = this.#next();
    this.#step = step;
    return step;
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    await this.source.return?.();
    // Behind the event that is being executed.
    this.#settled ??= Promise.allSettled([this.#step]).then(() => this.#settle());
    await this.#settled;
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    try {
      this.#throwIfLost();
      const { done, value } = await this.source.next();
      const told = done === true ? undefined : await this.#told(value);
      this.#throwIfLost();
      if (told !== undefined) return { done: false, value: told };
    } catch (error) {
      await this.source.return?.();
      await this.#end();
      throw error;
    }
    await this.#end();
    return { done: true, value: undefined };
  }

  #throwIfLost(): void {
    if (this.#lost !== undefined) throw this.#lost.error;
  }

  /** Who has left settles behind this step. */
  async #end(): Promise<void> {
    if (this.#settled !== undefined) return;
    this.#settled = this.#settle();
    await this.#settled;
  }

  #told(event: unknown): Promise<Buffer> {
    return sharedAnswer(event, this.#group, () => this.machinery.streams.take(() => this.#execute(event)));
  }

  async #execute(rootValue: unknown): Promise<Buffer> {
    const operation = this.asked.contextValue.later();
    try {
      const result = await execute({ ...this.asked, rootValue, contextValue: operation });
      return Buffer.from(JSON.stringify(shown(result, operation, this.machinery)));
    } finally {
      await operation.finish();
    }
  }

  #settle(): Promise<void> {
    this.#stop();
    return this.asked.contextValue.finish();
  }
}

async function stream(asked: Asked, machinery: Machinery): Promise<Results> {
  const { contextValue: begun } = asked;
  const source = await followed(asked);
  if (!(Symbol.asyncIterator in source)) return once(shown(source, begun, machinery));
  // What takes as long as it is followed has no time of its own; each of its events has.
  begun.deadline.end();
  return new Followed(source[Symbol.asyncIterator](), asked, machinery);
}

/** Runs what a socket asks for, with the same guards and the same errors as over HTTP. */
export async function runOperation(asker: Asker, payload: SubscribePayload): Promise<Results> {
  const asked = await prepared(asker, payload);
  if (asked.operation.operation === OperationTypeNode.SUBSCRIPTION) {
    const results = await stream(asked, asker.machinery);
    asker.waiter.onGone = undefined;
    return results;
  }
  return once(shown(await asker.machinery.drain.track(answer(asked)), asked.contextValue, asker.machinery));
}
