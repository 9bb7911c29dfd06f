import { type DocumentNode, type GraphQLSchema, getOperationAST } from 'graphql';
import { bind, GatedOperation, operationOf } from '../operation.js';
import { gateIn, layGate, openGate } from '../streams.js';
import type { GateOptions } from './options.js';

type Variables = Readonly<Record<string, unknown>>;
type PreExecution = (
  schema: GraphQLSchema,
  document: DocumentNode,
  context: never,
  variables: Variables,
) => Promise<void>;
type BeforeStream = (schema: GraphQLSchema, document: DocumentNode, context: object) => Promise<void>;
interface Execution {
  extensions?: object | undefined;
}
type OnResolution = (execution: Execution, context: never) => Promise<void>;

interface Hooks {
  addHook(name: 'preExecution', hook: PreExecution): void;
  addHook(name: 'preSubscriptionExecution', hook: BeforeStream): void;
  addHook(name: 'onResolution' | 'onSubscriptionResolution', hook: OnResolution): void;
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

function tell(execution: Execution, gated: GatedOperation | undefined): void {
  const extensions = gated?.extensions;
  if (extensions !== undefined) execution.extensions = { ...execution.extensions, ...extensions };
}

/**
 * For Fastify with mercurius, called once after it was registered: decides on an operation before it runs, and gives back
 * what it did not use before it is answered. A subscription is decided at its start, asked for again while it lasts, and
 * ends with the refusal.
 */
export function mercuriusFeatureGate<Context>(server: MercuriusServer, options: GateOptions<Context>): void {
  const { graph, licensee } = options;
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
    tell(execution, gated);
  });
  hooks.addHook('preSubscriptionExecution', async (_schema, _document, context) => {
    layGate(context, openGate(options));
  });
  hooks.addHook('onSubscriptionResolution', async (execution, context) => {
    tell(execution, gateIn(context)?.operation);
  });
}
