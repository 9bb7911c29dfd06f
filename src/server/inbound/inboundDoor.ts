import { randomBytes } from 'node:crypto';
import { anonymous } from '../../access/permissions.js';
import { CertificateUnavailable, PaypalCertificates } from '../../billing/gateway/paypalCertificates.js';
import { doorPath, type InboundProcessor } from '../../billing/model/inbound.js';
import { nameOf } from '../../billing/model/inboundEvents.js';
import { parseBody } from '../../billing/model/paymentFacts.js';
import type { ForgeryKind, Headers } from '../../billing/model/webhookSignatures.js';
import { findPaymentEndpoint } from '../../billing/queries/inbound.js';
import { openedSecrets } from '../../billing/service/paymentEndpoints.js';
import { type Arrival, storeInbound } from '../../billing/service/storeInbound.js';
import type { PaymentEndpoint } from '../../billing/table/inbound.js';
import type { Actor } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import { committed, type Pool } from '../../core/db.js';
import { isUuid, type TenantId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import { networkOf } from '../limits/rateLimits.js';
import type { Machinery } from '../operation/machinery.js';
import { judges } from './judge.js';

/** A webhook as it came. */
export interface InboundRequest {
  readonly processor: InboundProcessor;
  /** Behind the address of the processor, from anybody. */
  readonly endpointId: string | undefined;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly address: string | undefined;
  readonly requestId: string;
}

/** What a webhook has to be signed with, and whose it is then. */
interface Place {
  readonly secrets: readonly string[];
  readonly endpoint: Pick<PaymentEndpoint, 'tenantId' | 'id'> | undefined;
}

type Secrets = Readonly<Record<InboundProcessor, readonly string[]>>;

export interface InboundDoorParts {
  readonly machinery: () => Machinery;
  /** As `lg_worker`: what comes may have no tenant yet. */
  readonly pool: Pool;
  readonly config: Config;
}

/** A tenant that there cannot be: whoever names no endpoint is looked for as whoever names one. */
const NOBODY = '-' as TenantId;

const forged: Readonly<Record<ForgeryKind, () => Refusal>> = {
  SIGNATURE: () =>
    new Refusal('WEBHOOK_SIGNATURE_INVALID', 'The webhook is not signed by whom this address is for.'),
  TIMESTAMP: () =>
    new Refusal('WEBHOOK_TIMESTAMP_INVALID', 'The webhook was signed too long ago, or in the future.'),
};

/**
 * Where payment processors knock. Nothing of a body is read before its signature holds, whoever is right is never kept
 * waiting by whoever is wrong, and nobody is answered before what he sent is stored.
 */
export class InboundDoor {
  readonly #deployment: Secrets;
  readonly #certificates: PaypalCertificates;
  /** What nobody signs with, for addresses that are none: to be wrong there takes as long. */
  readonly #decoy = `whsec_${randomBytes(32).toString('base64')}`;

  constructor(private readonly parts: InboundDoorParts) {
    const { config } = parts;
    this.#deployment = {
      STRIPE: config.LG_STRIPE_WEBHOOK_SECRET,
      PAYPAL: config.LG_PAYPAL_WEBHOOK_ID,
      BILLING: config.LG_BILLING_WEBHOOK_SECRET,
    };
    this.#certificates = new PaypalCertificates(
      () => parts.machinery().clock(),
      config.LG_PAYPAL_TEST_CERTIFICATES,
    );
  }

  /** Whether the deployment itself takes webhooks of a processor. */
  isOpen(processor: InboundProcessor): boolean {
    return this.#deployment[processor].length > 0;
  }

  /** Stores what came, or refuses it. */
  async take(request: InboundRequest): Promise<void> {
    const { clock, keys } = this.parts.machinery();
    const now = clock();
    const place = await this.#placeOf(request, now);
    await this.#requireSigned(request, place, now);
    const arrival = arrivalOf(request, place);
    const session = await this.parts.pool.begin('write');
    await committed(session, () => storeInbound({ db: session.db, keys, now }, arrival));
  }

  async #placeOf({ processor, endpointId }: InboundRequest, now: Instant): Promise<Place> {
    if (endpointId === undefined) return { secrets: this.#deployment[processor], endpoint: undefined };
    const { directory, keys } = this.parts.machinery();
    const id = isUuid(endpointId) ? endpointId : '';
    const found = await directory.findNow('PAYMENT_ENDPOINT', id);
    const endpoint = await findPaymentEndpoint(this.parts.pool.db, found?.tenantId ?? NOBODY, id);
    if (endpoint === undefined || !endpoint.enabled || endpoint.processor !== processor)
      return { secrets: [this.#decoy], endpoint: undefined };
    return { secrets: openedSecrets(keys, endpoint, now), endpoint };
  }

  async #requireSigned(request: InboundRequest, place: Place, now: Instant): Promise<void> {
    const { headers, body, address } = request;
    const asker = address === undefined ? '' : networkOf(address);
    const sent = { headers, body, now, asker };
    const judgement = await judges[request.processor](sent, place.secrets, this.#certificates).catch(
      (error: unknown) => {
        if (!(error instanceof CertificateUnavailable)) throw error;
        throw new Refusal('CERTIFICATE_UNAVAILABLE', 'The certificate of the signature cannot be had now.');
      },
    );
    if (judgement === undefined) return;
    await this.#note(request, place, forged[judgement]());
  }

  /** Each wrong one is counted where it comes from, and recorded as often as refusals are: rarely. */
  async #note(request: InboundRequest, { endpoint }: Place, refusal: Refusal): Promise<never> {
    const { limits, security } = this.parts.machinery();
    const { processor, requestId, address } = request;
    const field = `POST ${doorPath(processor, endpoint?.id)}`;
    security.note({ actor: senderTo(endpoint), refusal, field, requestId });
    await limits.countForged(address);
    throw refusal;
  }
}

/** Nobody is proven by a wrong signature; it is told in the trail of the tenant whose address it came to. */
function senderTo(endpoint: Place['endpoint']): Actor {
  if (endpoint === undefined) return anonymous;
  const { tenantId, id } = endpoint;
  const subject = `payment endpoint ${id}`;
  return { kind: 'service', subject, tenantId, permissions: new Set(), expiresAt: null };
}

function arrivalOf({ processor, headers, body }: InboundRequest, { endpoint }: Place): Arrival {
  const read = parseBody(body);
  const named = read === undefined ? undefined : nameOf(processor, headers, read.members);
  if (read === undefined || named === undefined)
    throw new Refusal('WEBHOOK_UNREADABLE', 'The body is no event with an id and a type.');
  const { name, transmission } = named;
  const { id: eventId, type: eventType } = name;
  return { processor, endpoint, eventId, eventType, transmission, body: read.text };
}
