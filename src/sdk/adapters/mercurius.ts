import { type DocumentNode, type GraphQLSchema, getOperationAST } from 'graphql';
import { bind, GatedOperation, operationOf } from '../operation.js';
import type { GateOptions } from './options.js';

type Variables = Readonly<Record<string, unknown>>;
type PreExecution = (
  schema: GraphQLSchema,
  document: DocumentNode,
  context: never,
  variables: Variables,
) => Promise<void>;
type OnResolution = (execution: { extensions?: object | undefined }, context: never) => Promise<void>;

interface Hooks {
  addHook(name: 'preExecution', hook: PreExecution): void;
  addHook(name: 'onResolution', hook: OnResolution): void;
}

/** A Fastify server with mercurius; this package needs no version of either. */
export interface MercuriusServer {
  readonly graphql: object;
}

interface Asked {
  readonly operationName?: string | null;
}
interface RequestContext {
  readonly operationId?: number;
  readonly reply?: { readonly request: { readonly body?: unknown; readonly query?: unknown } };
}

/** Mercurius does not hand the operation's name on: it stands in the request, of a batch in the one of this place. */
function operationName({ reply, operationId }: RequestContext): string | undefined {
  const { body, query } = reply?.request ?? {};
  const asked = (Array.isArray(body) ? body[operationId ?? 0] : (body ?? query)) as Asked | undefined;
  return asked?.operationName ?? undefined;
}

/** For Fastify with mercurius: decides on an operation before it runs, and gives back what it did not use. */
export function mercuriusFeatureGate<Context>(
  server: MercuriusServer,
  { graph, licensee }: GateOptions<Context>,
): void {
  const hooks = server.graphql as Hooks;
  hooks.addHook('preExecution', async (schema, document, context, variables) => {
    const operation = getOperationAST(document, operationName(context as RequestContext));
    if (operation == null) return;
    const asked = { schema, document, operation, variables: variables ?? {} };
    bind(context, await GatedOperation.begin(graph, asked, () => licensee(context as Context)));
  });
  hooks.addHook('onResolution', async (execution, context) => {
    const gated = operationOf(context);
    await gated?.settle();
    const extensions = gated?.extensions;
    if (extensions !== undefined) execution.extensions = { ...execution.extensions, ...extensions };
  });
}
