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
import { Interruption } from '../../core/interruption.js';
import { piped, type Stream } from '../../core/queue.js';
import { formatError, isInternal } from '../formatError.js';
import { newRequestId } from '../http/requestId.js';
import { type DocumentRules, refusal, variableProblems } from '../limits/document.js';
import type { Documents } from '../limits/documents.js';
import { checkValues } from '../limits/limits.js';
import { parsedDocument } from '../limits/parsedDocuments.js';
import { type Caller, type Machinery, Operation } from '../operation/operation.js';
import { groupOf, sharedAnswer } from './sharedAnswer.js';
import type { Result, Results } from './socketProtocol.js';

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
  /** Tells when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

async function parsed(asker: Asker, payload: SubscribePayload): Promise<Pick<Asked, 'document' | 'query'>> {
  const { machinery, rules, documents } = asker;
  const query = documents.find(payload) ?? payload.query;
  await machinery.line.enter(query.length);
  const document = parsedDocument(rules, query);
  if (!('kind' in document)) throw new NotBegun(document);
  return { document, query };
}

/** A socket has no headers for each operation: the key stands in its extensions. */
function idempotencyKeyOf({ extensions }: SubscribePayload): string | undefined {
  const key = extensions?.idempotencyKey ?? undefined;
  if (key === undefined || typeof key === 'string') return key;
  throw new NotBegun([refusal('BAD_REQUEST', '`extensions.idempotencyKey` must be text.')]);
}

/** What a socket asks for, ready to run. */
async function prepared(asker: Asker, payload: SubscribePayload): Promise<Asked> {
  const { machinery, rules, actor, address, signal } = asker;
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
  signal.addEventListener('abort', () => contextValue.leave(), { once: true });
  if (signal.aborted) contextValue.leave();
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
 * Settles once, when the stream has ended and no event of it is being executed any more. It is interrupted
 * when it may not go on.
 */
function settling(events: Stream<Buffer>, lost: Interruption, settle: () => Promise<void>): Results {
  let step: Promise<unknown> = Promise.resolve();
  let settled: Promise<void> | undefined;
  const end = (): Promise<void> => {
    settled ??= step.then(settle, settle);
    return settled;
  };
  return {
    next: async () => {
      const next = events.next();
      step = next;
      const { done, value } = await lost.during(next).catch(async (error: unknown) => {
        await events.return();
        await end();
        throw error;
      });
      if (done !== true) return { done: false, value };
      await end();
      return { done: true, value: undefined };
    },
    return: async () => {
      await events.return();
      await end();
      return { done: true, value: undefined };
    },
    isEndless: true,
  };
}

/**
 * Each event executed in a snapshot of its own, and none before the caller has taken the last. Units that were charged
 * at the start return at the end, if no event has come to what they were charged for.
 */
async function stream(asked: Asked, machinery: Machinery): Promise<Results> {
  const { contextValue: begun } = asked;
  const source = await followed(asked);
  if (!(Symbol.asyncIterator in source)) return once(shown(source, begun, machinery));
  const told = async (rootValue: unknown): Promise<Buffer> => {
    const operation = begun.later();
    try {
      const result = await execute({ ...asked, rootValue, contextValue: operation });
      return Buffer.from(JSON.stringify(shown(result, operation, machinery)));
    } finally {
      await operation.finish();
    }
  };
  const group = begun.features.areGranted ? groupOf(begun.actor, asked) : undefined;
  const events = piped(source[Symbol.asyncIterator](), (event) =>
    sharedAnswer(event, group, () => machinery.streams.take(() => told(event))),
  );
  const lost = new Interruption();
  const stop = begun.features.watch((error) => lost.interrupt(error));
  return settling(events, lost, () => {
    stop();
    return begun.finish();
  });
}

/** Runs what a socket asks for, with the same guards and the same errors as over HTTP. */
export async function runOperation(asker: Asker, payload: SubscribePayload): Promise<Results> {
  const asked = await prepared(asker, payload);
  if (asked.operation.operation === OperationTypeNode.SUBSCRIPTION) return stream(asked, asker.machinery);
  return once(shown(await asker.machinery.drain.track(answer(asked)), asked.contextValue, asker.machinery));
}
