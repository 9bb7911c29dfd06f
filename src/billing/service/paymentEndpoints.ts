import { and, eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { keyDirectory } from '../../access/table.js';
import { subjectOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import { currentSecrets, type KeptSecret, newWebhookSecret, rotated } from '../../core/keptSecrets.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Reading, Work } from '../../core/work.js';
import {
  type InboundProcessor,
  PAYMENT_ENDPOINT_LIMIT,
  type PaymentEndpointId,
  paymentEndpointNotFound,
  secretBinding,
  tooManyPaymentEndpoints,
} from '../model/inbound.js';
import { countPaymentEndpoints, lockPaymentEndpoint } from '../queries/inbound.js';
import type { CreatePaymentEndpointInput, UpdatePaymentEndpointInput } from '../schema/inboundInputs.js';
import { type PaymentEndpoint, paymentEndpoints } from '../table/inbound.js';

/** Of those who make endpoints of one tenant at once each counts after the other. */
const COUNT_LOCK = 'licensegraph payment endpoints';

/** What each processor signs with, as it shows it to its customer. A webhook's id is PayPal's word for whom it signs. */
const secretForms: Readonly<Record<InboundProcessor, { readonly form: RegExp; readonly words: string }>> = {
  STRIPE: { form: /^whsec_[\x21-\x7e]{16,200}$/, words: "must be Stripe's signing secret, `whsec_…`" },
  PAYPAL: { form: /^[A-Za-z0-9]{10,50}$/, words: 'must be the id of the webhook at PayPal' },
  BILLING: { form: /^$/, words: 'is made here and shown once: leave it out' },
};

const API_KEY_FORM = /^(sk|rk)_[A-Za-z0-9_]{16,250}$/;

type Secrets = Pick<CreatePaymentEndpointInput, 'secret' | 'apiKey'>;

function problemsOf(processor: InboundProcessor, { secret, apiKey }: Secrets): FieldProblem[] {
  const { form, words } = secretForms[processor];
  const isWrong = secret !== undefined && secret !== null && !form.test(secret);
  const key = (message: string): FieldProblem[] => [{ field: 'input.apiKey', message }];
  return [
    ...(isWrong ? [{ field: 'input.secret', message: words }] : []),
    ...(apiKey && processor !== 'STRIPE' ? key('is for Stripe alone') : []),
    ...(apiKey && processor === 'STRIPE' && !API_KEY_FORM.test(apiKey)
      ? key("must be one of Stripe's secret keys, `sk_…` or `rk_…`")
      : []),
  ];
}

function requireFitting(problems: readonly FieldProblem[]): void {
  if (problems.length > 0) throw invalidInput(problems);
}

async function requireRoom(work: Work): Promise<void> {
  await work.db.execute(
    sql`select pg_advisory_xact_lock(hashtext(${COUNT_LOCK}), hashtext(${work.tenantId}))`,
  );
  if ((await countPaymentEndpoints(work)) >= PAYMENT_ENDPOINT_LIMIT) throw tooManyPaymentEndpoints();
}

function sealed(work: Work, id: PaymentEndpointId, secret: string): string {
  return work.keys.encrypt(secret, secretBinding(work.tenantId, id));
}

/** What an event says of an endpoint: none of its secrets. */
function told({ processor, enabled, apiKey }: Pick<PaymentEndpoint, 'processor' | 'enabled' | 'apiKey'>) {
  return { processor, enabled, charges: apiKey !== null };
}

export interface ShownEndpoint {
  readonly endpoint: PaymentEndpoint;
  /** Only what was made here. */
  readonly secret: string | null;
}

/** What the processor was told, or what it is to be told. */
function firstSecret({ processor, secret }: CreatePaymentEndpointInput): {
  readonly secret: string;
  readonly shown: string | null;
} {
  if (processor === 'BILLING') {
    const made = newWebhookSecret();
    return { secret: made, shown: made };
  }
  if (secret) return { secret, shown: null };
  throw invalidInput([{ field: 'input.secret', message: secretForms[processor].words }]);
}

export async function createPaymentEndpoint(
  work: Work,
  input: CreatePaymentEndpointInput,
): Promise<ShownEndpoint> {
  requireWholeTenant(work, 'payment_endpoint.create');
  const { processor, description, apiKey } = input;
  requireFitting(problemsOf(processor, input));
  const { secret, shown } = firstSecret(input);
  await requireRoom(work);
  const id = newId<'PaymentEndpoint'>(work.now);
  const [endpoint] = await work.db
    .insert(paymentEndpoints)
    .values({
      tenantId: work.tenantId,
      id,
      processor,
      description: description ?? null,
      secrets: [{ ciphertext: sealed(work, id, secret), until: null }],
      apiKey: apiKey ? sealed(work, id, apiKey) : null,
      enabled: true,
      createdBy: subjectOf(work.actor) ?? '',
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (endpoint === undefined) throw new Error('an insert returned no row');
  const hash = work.keys.hash('PAYMENT_ENDPOINT', id);
  await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'PAYMENT_ENDPOINT', tenantId: work.tenantId, subjectId: id });
  await work.emit({ type: 'payment_endpoint.created', subjectId: id, data: told(endpoint) });
  return { endpoint, secret: shown };
}

interface Rotation {
  readonly shown: string | null;
  readonly secrets: readonly KeptSecret[];
}

function rotation(work: Work, endpoint: PaymentEndpoint, input: UpdatePaymentEndpointInput): Rotation {
  const { rotateSecret, secret, endOldSecrets } = input;
  const isOurs = endpoint.processor === 'BILLING';
  if (rotateSecret === true && !isOurs)
    throw invalidInput([
      { field: 'input.rotateSecret', message: 'is for BILLING alone: give the new `secret`' },
    ]);
  const made = rotateSecret === true ? newWebhookSecret() : null;
  const next = made ?? secret ?? null;
  if (next !== null) {
    const ciphertext = sealed(work, endpoint.id, next);
    return { shown: made, secrets: rotated(endpoint.secrets, ciphertext, work.now, endOldSecrets === true) };
  }
  const kept =
    endOldSecrets === true ? endpoint.secrets.filter(({ until }) => until === null) : endpoint.secrets;
  return { shown: null, secrets: kept };
}

export async function updatePaymentEndpoint(
  work: Work,
  input: UpdatePaymentEndpointInput,
): Promise<ShownEndpoint> {
  requireWholeTenant(work, 'payment_endpoint.update');
  const before = await lockPaymentEndpoint(work, input.endpointId);
  if (before === undefined) throw paymentEndpointNotFound(input.endpointId);
  const { description, enabled, apiKey } = input;
  requireFitting(problemsOf(before.processor, input));
  const { shown, secrets } = rotation(work, before, input);
  const [endpoint] = await work.db
    .update(paymentEndpoints)
    .set({
      secrets,
      ...(description === undefined ? {} : { description }),
      ...(enabled === undefined ? {} : { enabled }),
      ...(apiKey === undefined ? {} : { apiKey: apiKey === null ? null : sealed(work, before.id, apiKey) }),
      updatedAt: work.now,
    })
    .where(and(eq(paymentEndpoints.tenantId, work.tenantId), eq(paymentEndpoints.id, before.id)))
    .returning();
  if (endpoint === undefined) throw paymentEndpointNotFound(input.endpointId);
  const data = {
    before: told(before),
    after: told(endpoint),
    secret_rotated: secrets[0]?.ciphertext !== before.secrets[0]?.ciphertext,
    api_key_changed: apiKey !== undefined,
  };
  await work.emit({ type: 'payment_endpoint.updated', subjectId: endpoint.id, data });
  return { endpoint, secret: shown };
}

/** The secrets that an endpoint takes signatures of at this instant. */
export function openedSecrets(
  keys: Reading['keys'],
  { tenantId, id, secrets }: Pick<PaymentEndpoint, 'tenantId' | 'id' | 'secrets'>,
  now: Instant,
): string[] {
  return currentSecrets(secrets, now).map(({ ciphertext }) =>
    keys.decrypt(ciphertext, secretBinding(tenantId, id)),
  );
}
