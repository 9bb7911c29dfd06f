import type { Actor } from '../../core/actor.js';
import type { Clock } from '../../core/clock.js';
import type { KeyRing } from '../../core/crypto.js';
import type { Pool } from '../../core/db.js';
import type { Lane } from '../../core/lane.js';
import type { Log } from '../../core/log.js';
import type { Followers, WorkSettings } from '../../core/work.js';
import type { ApiKeyHolders } from '../callers/apiKeyHolders.js';
import type { ApiKeyUses } from '../callers/apiKeyUses.js';
import type { Countries } from '../callers/countries.js';
import type { SecurityEvents } from '../callers/securityEvents.js';
import type { Drain } from '../drain.js';
import type { EventFeed } from '../events/eventFeed.js';
import type { InboundDoor } from '../inbound/inboundDoor.js';
import type { CostGate, ShortestFirst } from '../limits/fairness.js';
import type { Guesses } from '../limits/guesses.js';
import type { RateLimits } from '../limits/rateLimits.js';
import type { SigningKeys } from '../signingKeys.js';
import type { Directory } from './directory.js';
import type { Licensees } from './licensees.js';
import type { Meter } from './meter.js';
import type { AlikeLooks } from './sharedLook.js';
import type { Turns } from './turns.js';

/** What every operation of this process uses. */
export interface Machinery {
  readonly pool: Pool;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: WorkSettings;
  readonly followers: Followers;
  /** Acts under one Idempotency-Key, one after the other. */
  readonly turns: Turns;
  /** Whether the schema may be asked about. */
  readonly introspection: boolean;
  /** How long an operation may take. */
  readonly operationSeconds: number;
  /** Counts callers without a bearer token, over all servers. */
  readonly limits: RateLimits;
  /** Adds up secrets that led nowhere. */
  readonly guesses: Guesses;
  /** What is under way, for a stop to wait for. */
  readonly drain: Drain;
  /** Requests of both doors, looked at one after the other. */
  readonly line: ShortestFirst;
  /** Operations that cost much, a few at a time. */
  readonly gate: CostGate;
  /** Records refusals that somebody has to be able to look up. */
  readonly security: SecurityEvents;
  /** When API keys were last used, and what they hold open. */
  readonly keyUses: ApiKeyUses;
  readonly keyHolders: ApiKeyHolders;
  /** Events on their way to subscribers, a few at a time: however many follow, whoever asks something gets a connection. */
  readonly streams: Lane;
  readonly alike: AlikeLooks;
  /** Tells the sealer that events were committed; many calls at once make one word. */
  announce(): void;
  /** Draws units for queries, many callers at once. */
  readonly meter: Meter;
  /** Finds the tenants of secrets, many callers at once. */
  readonly directory: Directory;
  /** What this deployment signs with. */
  readonly signing: SigningKeys;
  /** Takes what payment processors tell. */
  readonly inbound: InboundDoor;
  readonly countries?: Countries;
  /** What callers are granted, remembered; only where events are followed, which make it forget. */
  readonly licensees?: Licensees;
  /** Hands out a tenant's events; a process that only works on the database has none. */
  readonly feed?: Pick<EventFeed, 'follow' | 'readers'>;
}

export interface Caller {
  readonly actor: Actor;
  readonly requestId: string;
  readonly address: string | undefined;
  /** The Idempotency-Key as it came: a header over HTTP, `extensions.idempotencyKey` over a socket. */
  readonly idempotencyKey?: string | undefined;
}
