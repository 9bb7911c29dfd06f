import { and, eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { sealedHead } from '../../audit/queries.js';
import { subjectOf } from '../../core/actor.js';
import { repeated } from '../../core/check.js';
import { newId } from '../../core/id.js';
import { type KeptSecret, newWebhookSecret, rotated } from '../../core/keptSecrets.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { isEventPattern } from '../model/eventTypes.js';
import {
  type DisabledReason,
  ENDPOINT_LIMIT,
  secretBinding,
  tooManyWebhookEndpoints,
  type WebhookEndpointId,
  webhookEndpointDisabled,
  webhookEndpointNotFound,
} from '../model/webhooks.js';
import { webhookUrlProblem } from '../model/webhookUrl.js';
import { countWebhookEndpoints, lockWebhookEndpoint } from '../queries/webhooks.js';
import type {
  CreateWebhookEndpointInput,
  DeleteWebhookEndpointInput,
  SendTestWebhookInput,
  UpdateWebhookEndpointInput,
} from '../schema/webhookInputs.js';
import { type WebhookEndpoint, webhookCursors, webhookEndpoints } from '../table/webhooks.js';

/** Of those who make endpoints of one tenant at once each counts after the other. */
const COUNT_LOCK = 'licensegraph webhook endpoints';

function problemsOf(
  work: Work,
  { url, events }: { readonly url?: string; readonly events?: readonly string[] },
): FieldProblem[] {
  const wrong = url === undefined ? undefined : webhookUrlProblem(url, work.settings.privateWebhooks);
  const patterns = events ?? [];
  return [
    ...(wrong === undefined ? [] : [{ field: 'input.url', message: wrong }]),
    ...(events?.length === 0
      ? [{ field: 'input.events', message: "must name an event, or '*' for all" }]
      : []),
    ...patterns.flatMap((pattern, index) =>
      isEventPattern(pattern)
        ? []
        : [{ field: `input.events.${index}`, message: `no event is called '${pattern}'` }],
    ),
    ...repeated(patterns, (index) => `input.events.${index}`),
  ];
}

function requireFitting(
  work: Work,
  wanted: { readonly url?: string; readonly events?: readonly string[] },
): void {
  const problems = problemsOf(work, wanted);
  if (problems.length > 0) throw invalidInput(problems);
}

async function requireRoom(work: Work): Promise<void> {
  await work.db.execute(
    sql`select pg_advisory_xact_lock(hashtext(${COUNT_LOCK}), hashtext(${work.tenantId}))`,
  );
  if ((await countWebhookEndpoints(work)) >= ENDPOINT_LIMIT) throw tooManyWebhookEndpoints();
}

/** What an event says of an endpoint. Its address may be a secret of its own: the host alone is told. */
function told({ url, events, enabled }: Pick<WebhookEndpoint, 'url' | 'events' | 'enabled'>) {
  return { host: new URL(url).host, events, enabled };
}

async function lockedEndpoint(work: Work, id: WebhookEndpointId): Promise<WebhookEndpoint> {
  const endpoint = await lockWebhookEndpoint(work, id);
  if (endpoint === undefined) throw webhookEndpointNotFound(id);
  return endpoint;
}

type Change = Partial<Omit<WebhookEndpoint, 'tenantId' | 'id'>>;

async function change(work: Work, id: WebhookEndpointId, values: Change): Promise<WebhookEndpoint> {
  const [row] = await work.db
    .update(webhookEndpoints)
    .set({ ...values, updatedAt: work.now })
    .where(and(eq(webhookEndpoints.tenantId, work.tenantId), eq(webhookEndpoints.id, id)))
    .returning();
  if (row === undefined) throw webhookEndpointNotFound(id);
  return row;
}

function sealSecret(work: Work, id: WebhookEndpointId, secret: string): string {
  return work.keys.encrypt(secret, secretBinding(work.tenantId, id));
}

export interface ShownSecret {
  readonly endpoint: WebhookEndpoint;
  readonly secret: string | null;
}

export async function createWebhookEndpoint(
  work: Work,
  { url, events, description }: CreateWebhookEndpointInput,
): Promise<ShownSecret> {
  requireWholeTenant(work, 'webhook.create');
  requireFitting(work, { url, events });
  await requireRoom(work);
  const id = newId<'WebhookEndpoint'>(work.now);
  const secret = newWebhookSecret();
  const fromSequence = await sealedHead(work);
  await work.db
    .insert(webhookCursors)
    .values({ tenantId: work.tenantId, sequence: fromSequence })
    .onConflictDoNothing();
  const [endpoint] = await work.db
    .insert(webhookEndpoints)
    .values({
      tenantId: work.tenantId,
      id,
      url,
      description: description ?? null,
      events,
      secrets: [{ ciphertext: sealSecret(work, id, secret), until: null }],
      enabled: true,
      fromSequence,
      createdBy: subjectOf(work.actor) ?? '',
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (endpoint === undefined) throw new Error('an insert returned no row');
  await work.emit({ type: 'webhook_endpoint.created', subjectId: id, data: told(endpoint) });
  return { endpoint, secret };
}

/** What is told begins with the next event; what happened while it was off is told by a replay. */
async function enabling(
  work: Work,
  endpoint: WebhookEndpoint,
  enabled: boolean | undefined,
): Promise<Change> {
  if (enabled === undefined || enabled === endpoint.enabled) return {};
  if (!enabled) return { enabled: false, disabledReason: 'SWITCHED_OFF', disabledAt: work.now };
  return {
    enabled: true,
    disabledReason: null,
    disabledAt: null,
    failingSince: null,
    lastFailureAt: null,
    fromSequence: await sealedHead(work),
  };
}

interface Rotation {
  readonly secret: string | null;
  readonly secrets: readonly KeptSecret[];
}

function rotation(work: Work, endpoint: WebhookEndpoint, input: UpdateWebhookEndpointInput): Rotation {
  if (input.rotateSecret !== true) return { secret: null, secrets: endpoint.secrets };
  const secret = newWebhookSecret();
  const ciphertext = sealSecret(work, endpoint.id, secret);
  return { secret, secrets: rotated(endpoint.secrets, ciphertext, work.now, input.endOldSecrets === true) };
}

export async function updateWebhookEndpoint(
  work: Work,
  input: UpdateWebhookEndpointInput,
): Promise<ShownSecret> {
  requireWholeTenant(work, 'webhook.update');
  const { url, events, description, enabled } = input;
  requireFitting(work, {
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { events }),
  });
  const before = await lockedEndpoint(work, input.endpointId);
  const { secret, secrets } = rotation(work, before, input);
  const endpoint = await change(work, before.id, {
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { events }),
    ...(description === undefined ? {} : { description }),
    ...(await enabling(work, before, enabled)),
    ...(secret === null ? {} : { secrets }),
  });
  const data = { before: told(before), after: told(endpoint), secret_rotated: secret !== null };
  await work.emit({ type: 'webhook_endpoint.updated', subjectId: endpoint.id, data });
  return { endpoint, secret };
}

/** Its secrets are gone at once; what was sent to it stays listed for its time. Doing it twice finds nothing. */
export async function deleteWebhookEndpoint(
  work: Work,
  { endpointId }: DeleteWebhookEndpointInput,
): Promise<WebhookEndpoint> {
  requireWholeTenant(work, 'webhook.delete');
  const before = await lockedEndpoint(work, endpointId);
  const endpoint = await change(work, before.id, { enabled: false, deletedAt: work.now, secrets: [] });
  await work.emit({ type: 'webhook_endpoint.deleted', subjectId: endpoint.id, data: told(before) });
  return endpoint;
}

/** The event goes to this endpoint alone, whatever events it wants. */
export async function sendTestWebhook(
  work: Work,
  { endpointId }: SendTestWebhookInput,
): Promise<WebhookEndpoint> {
  requireWholeTenant(work, 'webhook.update');
  const endpoint = await lockedEndpoint(work, endpointId);
  if (!endpoint.enabled) throw webhookEndpointDisabled(endpointId);
  await work.emit({ type: 'webhook_endpoint.tested', subjectId: endpoint.id });
  return endpoint;
}

/** What the server does by itself. Of two who find out at once one does it. */
export async function disableWebhookEndpoint(
  work: Work,
  id: WebhookEndpointId,
  reason: DisabledReason,
): Promise<void> {
  const endpoint = await lockWebhookEndpoint(work, id);
  if (endpoint?.enabled !== true) return;
  await change(work, id, { enabled: false, disabledReason: reason, disabledAt: work.now });
  const data = { host: told(endpoint).host, reason, failing_since: endpoint.failingSince };
  await work.emit({ type: 'webhook_endpoint.disabled', subjectId: id, data });
}
