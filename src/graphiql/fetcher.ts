import type { Fetcher, FetcherParams, Observable, Unsubscribable } from '@graphiql/toolkit';
import { type ExecutionResult, Kind, type OperationDefinitionNode, parse } from 'graphql';
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

async function ask(params: FetcherParams, headers: Record<string, string>): Promise<ExecutionResult> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      'apollo-require-preflight': 'graphiql',
      ...headers,
    },
    body: JSON.stringify(params),
    cache: 'no-store',
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText} and no JSON.`);
  }
}

/** What a stream ended with, as GraphiQL shows it: errors of the graph as they are, a closed socket in words. */
function ending(error: unknown): unknown {
  if (!(error instanceof CloseEvent)) return error;
  const { code, reason } = error;
  return new Error(`The server closed the stream (${code})${reason === '' ? '.' : `: ${reason}`}`);
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
      error: (error) => observer.error(ending(error)),
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
