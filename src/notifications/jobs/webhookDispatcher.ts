import { setMaxListeners } from 'node:events';
import { Bell } from '../../core/bell.js';
import type { Clock } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import type { KeyRing } from '../../core/crypto.js';
import type { Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { currentSecrets } from '../../core/keptSecrets.js';
import type { Log } from '../../core/log.js';
import type { Work } from '../../core/work.js';
import { addressRules } from '../gateway/addresses.js';
import { SEND_LIMITS, type SendOptions, sendWebhook, type WebhookAnswer } from '../gateway/sendWebhook.js';
import {
  attemptDelays,
  bodyOf,
  type DisabledReason,
  messageIdOf,
  secretBinding,
  type ToldEvent,
  type WebhookEndpointId,
} from '../model/webhooks.js';
import { disableWebhookEndpoint } from '../service/webhooks.js';
import { type Busy, type Claim, claimWebhooks } from './claimWebhooks.js';
import { fanOutWebhooks, type Resting } from './fanOutWebhooks.js';
import { type Outcome, recordWebhook, releaseWebhook } from './recordWebhooks.js';

/** Attempts of one process at a time. Each is a socket that waits, and holds no connection to the database meanwhile. */
const SLOTS = 64;
/** Nothing depends on a word from anybody: what is due, and what was sealed, is found by looking. */
const LOOK_MILLIS = 500;
const RETRY_MILLIS = 2_000;
/** How long a stop waits for answers; what has none by then is given back. */
const STOP_MILLIS = 3_000;

/** What it stands on: of what jobs stand on, a part. */
export interface DispatcherParts {
  /** As `lg_worker`. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly log: Log;
  /** One committed transaction in a tenant as the system. */
  act<Result>(tenantId: TenantId, run: (work: Work) => Promise<Result>): Promise<Result>;
}

/** How messages go out by the settings of the deployment. */
export function sendOptions(config: Config): SendOptions {
  return { ...addressRules(config.LG_WEBHOOK_PRIVATE === 'allow'), limits: SEND_LIMITS };
}

const nothingSent = (error: NonNullable<Outcome['error']>): Outcome => ({
  error,
  attempt: undefined,
  retryAfterSeconds: 0,
});

/**
 * Sends what is due. Every process that does jobs has one: each attempt is taken by one of them under a lease, so that
 * what a process had taken when it died is tried by another, under the same `webhook-id`.
 */
export class WebhookDispatcher {
  readonly #bell = new Bell();
  readonly #running = new Map<Promise<void>, Claim>();
  readonly #resting: Resting = new Map();
  readonly #leaving = new AbortController();
  #stopping = false;
  #fannedOutAt = Number.NEGATIVE_INFINITY;
  #loop: Promise<void> | undefined;

  constructor(
    private readonly parts: DispatcherParts,
    private readonly options: SendOptions,
    private readonly slots = SLOTS,
  ) {
    // Each attempt listens while it runs: Node would take the eleventh for a leak.
    setMaxListeners(slots, this.#leaving.signal);
  }

  /** Looks for what is due until it is stopped. */
  start(): void {
    this.#loop ??= this.#repeat();
  }

  /** Takes nothing more, waits a little for answers, and gives back what has none. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#bell.ring();
    await this.#loop;
    const late = setTimeout(() => this.#leaving.abort(), STOP_MILLIS);
    await Promise.all(this.#running.keys());
    clearTimeout(late);
  }

  /** Sends everything that is due by the clock as it stands; answers how many attempts that took. */
  async drain(): Promise<number> {
    let attempts = 0;
    for (;;) {
      await this.#fanOut();
      const begun = await this.#look();
      attempts += begun;
      if (begun > 0 || this.#running.size > 0) await Promise.race(this.#running.keys());
      else return attempts;
    }
  }

  async #repeat(): Promise<void> {
    while (!this.#stopping) {
      const wait = await this.#turn().then(
        // Whoever has just taken something may find more of it.
        (begun) => (begun > 0 ? 0 : LOOK_MILLIS),
        (error: unknown) => {
          this.parts.log.error({ err: error }, 'webhooks could not be looked for');
          return RETRY_MILLIS;
        },
      );
      if (!this.#stopping && wait > 0) await this.#bell.wait(wait);
    }
  }

  /** Whenever an attempt ends there may be room for another one; for new events it looks by the clock on the wall alone. */
  async #turn(): Promise<number> {
    if (performance.now() - this.#fannedOutAt >= LOOK_MILLIS) await this.#fanOut();
    return this.#look();
  }

  /** What is due is sent all the same where nothing new can be looked for. */
  async #fanOut(): Promise<void> {
    this.#fannedOutAt = performance.now();
    await fanOutWebhooks(this.parts, this.#resting).catch((error: unknown) => {
      this.parts.log.error({ err: error }, 'new events could not be looked for');
    });
  }

  /** Begins as many attempts as there is room for. */
  async #look(): Promise<number> {
    const { pool, clock } = this.parts;
    const room = this.slots - this.#running.size;
    if (room <= 0) return 0;
    const claims = await claimWebhooks(pool.db, clock(), room, this.#busy());
    for (const claim of claims) {
      const run = this.#attempt(claim).finally(() => {
        this.#running.delete(run);
        this.#bell.ring();
      });
      this.#running.set(run, claim);
    }
    return claims.length;
  }

  #busy(): Busy[] {
    const byEndpoint = new Map<WebhookEndpointId, Busy>();
    for (const { tenantId, endpointId } of this.#running.values()) {
      const running = (byEndpoint.get(endpointId)?.running ?? 0) + 1;
      byEndpoint.set(endpointId, { tenantId, endpointId, running });
    }
    return [...byEndpoint.values()];
  }

  /** Never fails: what could not be recorded is left to its lease. */
  async #attempt(claim: Claim): Promise<void> {
    const { log, pool, clock } = this.parts;
    const { tenantId, id: deliveryId, endpointId } = claim;
    try {
      const outcome = await this.#outcomeOf(claim);
      if (outcome === undefined) return await releaseWebhook(pool, claim, clock());
      const reason = await recordWebhook(pool, claim, clock(), outcome);
      if (reason !== undefined) await this.#disable(claim, reason);
    } catch (error) {
      log.error({ err: error, tenantId, endpointId, deliveryId }, 'a webhook delivery could not be recorded');
    }
  }

  /** Undefined when this process stops before there is an answer. */
  async #outcomeOf(claim: Claim): Promise<Outcome | undefined> {
    if (claim.event === undefined) return nothingSent('EVENT_ERASED');
    if (claim.attemptCount > attemptDelays.length) return nothingSent('INTERRUPTED');
    const at = this.parts.clock();
    const begun = performance.now();
    const { statusCode, error, response, retryAfterSeconds } = await this.#send(claim, claim.event);
    if (error !== null && this.#leaving.signal.aborted) return undefined;
    const durationMillis = Math.round(performance.now() - begun);
    return { error, attempt: { at, durationMillis, statusCode, error, response }, retryAfterSeconds };
  }

  #send({ tenantId, endpointId, url, secrets }: Claim, event: ToldEvent): Promise<WebhookAnswer> {
    const { keys, clock } = this.parts;
    const now = clock();
    const binding = secretBinding(tenantId, endpointId);
    const message = {
      url,
      messageId: messageIdOf(event.id, endpointId),
      body: bodyOf(event),
      secrets: currentSecrets(secrets, now).map(({ ciphertext }) => keys.decrypt(ciphertext, binding)),
      now,
    };
    return sendWebhook(message, { ...this.options, signal: this.#leaving.signal });
  }

  async #disable({ tenantId, endpointId }: Claim, reason: DisabledReason): Promise<void> {
    await this.parts.act(tenantId, (work) => disableWebhookEndpoint(work, endpointId, reason));
    this.parts.log.warn({ tenantId, endpointId, reason }, 'a webhook endpoint was disabled');
  }
}
