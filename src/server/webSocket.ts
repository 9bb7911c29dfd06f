import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from 'graphql';
import { CloseCode, type Context as SocketContext, type SubscribePayload } from 'graphql-ws';
import { type Extra, makeHandler } from 'graphql-ws/use/@fastify/websocket';
import { tokenExpired } from '../access/model.js';
import type { UserActor } from '../core/actor.js';
import { millis } from '../core/clock.js';
import { piped } from '../core/queue.js';
import { Refusal, type RefusalCode, unauthenticated } from '../core/refusal.js';
import type { Authenticate } from './authenticate.js';
import { documentOf, refusal, variableProblems } from './document.js';
import { formatError, isInternal, MASKED } from './formatError.js';
import { type Caller, type Machinery, Operation } from './operation.js';

/** Streams of one socket at a time. */
const SUBSCRIPTION_LIMIT = 100;
const INIT_WAIT_MILLIS = 5_000;
/** A token that lives longer is looked at again then: a timer of Node ends at 24 days. */
const LONGEST_TIMER_MILLIS = 86_400_000;

export interface SocketOptions {
  readonly machinery: Machinery;
  readonly schema: GraphQLSchema;
  readonly authenticate: Authenticate;
  readonly addressOf: (request: FastifyRequest) => string | undefined;
}

/** What a socket knows of its caller. */
type Held = {
  actor?: UserActor;
  timer?: NodeJS.Timeout;
};
type Socket = SocketContext<Record<string, unknown>, Extra & Partial<Held>>;

interface Asked extends ExecutionArgs {
  readonly contextValue: Operation;
  readonly operation: OperationDefinitionNode;
}

function bearerOf(parameters: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const given = parameters?.authorization ?? parameters?.Authorization;
  if (typeof given === 'string') return given;
  return typeof parameters?.token === 'string' ? `Bearer ${parameters.token}` : undefined;
}

/** Errors as every door answers them; our own are logged and masked. */
function shown(
  { errors, data }: ExecutionResult,
  { requestId }: Operation,
  { log }: Machinery,
): { data: Record<string, unknown> | null; errors?: GraphQLFormattedError[] } {
  const answered = { data: data ?? null };
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

type Results = AsyncIterableIterator<ExecutionResult> | ExecutionResult;

/** A subscription whose one field is skipped has nothing to follow, and GraphQL throws. */
async function sourceOf(asked: Asked): Promise<Awaited<ReturnType<typeof createSourceEventStream>>> {
  try {
    return await createSourceEventStream(asked);
  } catch {
    return { errors: [refusal('BAD_REQUEST', 'The subscription asks for no field.')] };
  }
}

/** One stream: checked and charged at its start, each event executed in a snapshot of its own. */
async function stream(asked: Asked): Promise<Results> {
  const { contextValue: begun } = asked;
  await begin(asked);
  const source = await sourceOf(asked);
  await begun.endReading();
  if (!(Symbol.asyncIterator in source)) {
    await begun.finish();
    return source;
  }
  const events = source[Symbol.asyncIterator]();
  const iterable = { ...iteratorOf(events), [Symbol.asyncIterator]: () => iterable };
  return piped(iterable, async (rootValue) => {
    const operation = begun.later();
    const result = await execute({ ...asked, rootValue, contextValue: operation });
    await operation.finish();
    return result;
  });
}

function iteratorOf<Entry>(
  events: AsyncIterator<Entry>,
): Pick<AsyncIterableIterator<Entry>, 'next' | 'return'> {
  return {
    next: () => events.next(),
    return: async () => (await events.return?.()) ?? { done: true, value: undefined },
  };
}

/** RFC 6455, section 5.5.1: the reason of a close has room for 123 bytes. */
const LONGEST_REASON = 123;
/** RFC 6455, section 7.4.1, and the registry's 1013: it may work later. */
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;

/** Says why before it hangs up: the code of the refusal, then its words. */
function hangUp(socket: Socket, closeCode: number, code: RefusalCode, message: string): false {
  socket.extra.socket.close(closeCode, `${code}: ${message}`.slice(0, LONGEST_REASON));
  return false;
}

function refuse(socket: Socket, { code, message }: Refusal): false {
  const closeCode = code === 'ISSUER_UNAVAILABLE' ? TRY_AGAIN_LATER : CloseCode.Unauthorized;
  return hangUp(socket, closeCode, code, message);
}

/** Ends the socket when its token does. */
function endWithToken(socket: Socket, actor: UserActor, machinery: Machinery): void {
  if (actor.expiresAt === null) return;
  const left = millis(actor.expiresAt) - millis(machinery.clock());
  if (left <= 0) {
    refuse(socket, tokenExpired());
    return;
  }
  const again = (): void => endWithToken(socket, actor, machinery);
  socket.extra.timer = setTimeout(again, Math.min(left, LONGEST_TIMER_MILLIS)).unref();
}

async function authenticated(socket: Socket, { authenticate, machinery }: SocketOptions): Promise<boolean> {
  try {
    const actor = await authenticate(bearerOf(socket.connectionParams));
    if (actor.kind !== 'user' && actor.kind !== 'service')
      return refuse(socket, unauthenticated('Send a bearer token as `authorization`.'));
    socket.extra.actor = actor;
    endWithToken(socket, actor, machinery);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return refuse(socket, error);
    machinery.log.error({ err: error }, 'a socket could not be begun');
    return hangUp(socket, INTERNAL_ERROR, 'INTERNAL_SERVER_ERROR', MASKED);
  }
}

/** What a socket asks for, ready to run; errors end that operation and not the socket. */
function prepared(
  socket: Socket,
  payload: SubscribePayload,
  options: SocketOptions,
): Asked | readonly GraphQLError[] {
  const { schema, machinery, addressOf } = options;
  const { actor, request } = socket.extra;
  if (actor === undefined) return [refusal('UNAUTHENTICATED', 'The socket is not authenticated.')];
  if (Object.keys(socket.subscriptions).length > SUBSCRIPTION_LIMIT) {
    return [
      refusal(
        'TOO_MANY_SUBSCRIPTIONS',
        `A socket carries at most ${SUBSCRIPTION_LIMIT} operations at a time.`,
      ),
    ];
  }
  const document = documentOf(schema, payload);
  if (!('kind' in document)) return document;
  const operation = getOperationAST(document, payload.operationName ?? undefined);
  if (!operation) return [refusal('OPERATION_RESOLUTION_FAILURE', 'The document has no such operation.')];
  const problems = variableProblems(schema, operation, payload.variables ?? {});
  if (problems.length > 0) return problems;
  const caller: Caller = { actor, requestId: randomUUID(), address: addressOf(request) };
  const contextValue = new Operation(machinery, caller);
  const variableValues = payload.variables ?? {};
  return {
    schema,
    document,
    operation,
    variableValues,
    operationName: operation.name?.value ?? null,
    contextValue,
  };
}

function asked(args: ExecutionArgs): Asked {
  const { contextValue } = args;
  const operation = getOperationAST(args.document, args.operationName ?? undefined);
  if (!(contextValue instanceof Operation) || !operation)
    throw new Error('an operation that was not prepared');
  return { ...args, contextValue, operation };
}

/** The graphql-transport-ws protocol on the graph's address, with the same guards and the same errors as over HTTP. */
export function socketHandler(options: SocketOptions): ReturnType<typeof makeHandler> {
  const { schema, machinery } = options;
  return makeHandler<Record<string, unknown>, Held>({
    schema,
    isProd: true,
    connectionInitWaitTimeout: INIT_WAIT_MILLIS,
    onConnect: (socket) => authenticated(socket, options),
    onClose: (socket) => clearTimeout(socket.extra.timer),
    onSubscribe: (socket, _id, payload) => prepared(socket, payload, options),
    execute: (args) => answer(asked(args)),
    subscribe: (args) => stream(asked(args)),
    onNext: (_socket, _id, _payload, args, result) =>
      shown(result as ExecutionResult, asked(args).contextValue, machinery),
    onError: (_socket, _id, _payload, errors) => errors.map((error) => formatError(error.toJSON(), error)),
  });
}
