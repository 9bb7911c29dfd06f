import type { Fetcher, FetcherParams, Observable, Unsubscribable } from '@graphiql/toolkit';
import { type ExecutionResult, GraphQLError, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { createClient } from 'graphql-ws';

type Headers = Readonly<Record<string, unknown>>;

interface Observer {
  readonly next: (result: ExecutionResult) => void;
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

function texts(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** What happened before there was an answer, in the form of one; of an Error that is thrown GraphiQL shows the stack. */
function failed(message: string): ExecutionResult {
  return { errors: [new GraphQLError(message)] };
}

async function ask(params: FetcherParams, headers: Record<string, string>): Promise<ExecutionResult> {
  const request: RequestInit = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      'apollo-require-preflight': 'graphiql',
      ...headers,
    },
    body: JSON.stringify(params),
    cache: 'no-store',
  };
  const response = await fetch('/graphql', request).catch(() => undefined);
  if (response === undefined) return failed('The server does not answer.');
  return response
    .json()
    .catch(() => failed(`The server answered ${response.status} ${response.statusText} and no JSON.`));
}

/** What a stream ended with: errors of the graph as they are, a socket that was closed in words. */
function ending(error: unknown): ExecutionResult {
  if (Array.isArray(error)) return { errors: error };
  if (!(error instanceof CloseEvent)) return failed('The stream broke off.');
  const { code, reason } = error;
  return failed(`The server closed the stream (${code})${reason === '' ? '.' : `: ${reason}`}`);
}

/**
 * A socket of its own for each stream, opened with the token of that moment. Not an async generator: one that waits
 * for its next event cannot be stopped before that has come.
 */
function follow(params: FetcherParams, headers: Record<string, string>): Observable<ExecutionResult> {
  const { protocol, host } = window.location;
  const client = createClient({
    url: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/graphql`,
    connectionParams: headers,
    retryAttempts: 0,
  });
  const subscribe = (observer: Observer): Unsubscribable => ({
    unsubscribe: client.subscribe(params, {
      // What comes is plain JSON; GraphiQL shows it as it is.
      next: (result) => observer.next(result as ExecutionResult),
      error: (error) => {
        observer.next(ending(error));
        observer.complete();
      },
      complete: () => observer.complete(),
    }),
  });
  return { subscribe } as Observable<ExecutionResult>;
}

/**
 * The operation that is asked for, read from the document itself: what GraphiQL tells of it is up to 100 ms old, and
 * names the operation that stood in the editor before.
 */
function operationOf({ query, operationName }: FetcherParams): OperationDefinitionNode | undefined {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    const named = operations as OperationDefinitionNode[];
    return named.length === 1 ? named[0] : named.find(({ name }) => name?.value === operationName);
  } catch {
    // What is no GraphQL is for the server to say.
    return undefined;
  }
}

/** Asks the graph as whoever is chosen at that moment; a header that is typed goes before ours. */
export function fetcherOf(token: () => string | undefined): Fetcher {
  return (params, options = {}) => {
    const headers = { ...bearer(token()), ...texts(options.headers ?? {}) };
    const operation = operationOf(params);
    const { query, variables } = params;
    const asked = { query, variables, operationName: operation?.name?.value ?? null };
    return operation?.operation === 'subscription' ? follow(asked, headers) : ask(asked, headers);
  };
}
