import type { WebSocket } from '@fastify/websocket';
import type { FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { apiKeyExpired, apiKeyRevoked } from '../../access/model/apiKeys.js';
import { tokenExpired } from '../../access/model.js';
import type { ApplicationActor, UserActor } from '../../core/actor.js';
import { millis } from '../../core/clock.js';
import { Refusal, type RefusalCode, refusalCodes, unauthenticated } from '../../core/refusal.js';
import type { Authenticate } from '../callers/authenticate.js';
import { MASKED } from '../formatError.js';
import type { DocumentRules } from '../limits/document.js';
import type { Documents } from '../limits/documents.js';
import { networkOf } from '../limits/rateLimits.js';
import type { Machinery } from '../operation/operation.js';
import type { Crowd } from './crowd.js';
import { Pulse } from './pulse.js';
import { runOperation, toldOf } from './socketOperations.js';
import {
  type Asking,
  Conversation,
  type Farewell,
  type Host,
  type Results,
  type Timing,
} from './socketProtocol.js';

/** Operations of one socket at a time, streams among them. */
const OPERATION_LIMIT = 100;
const INIT_WAIT_MILLIS = 5_000;
/** A token that lives longer is looked at again then: a timer of Node ends at 24 days. */
const LONGEST_TIMER_MILLIS = 86_400_000;
/** RFC 6455, section 7.4.1, and its registry. */
const GOODBYE: Farewell = { code: 1001, reason: 'The server is going away' };
const TRY_AGAIN_LATER = 1013;
/** How long somebody who is turned away may take to hear why. */
const GOODBYE_MILLIS = 1_000;

export interface SocketOptions {
  readonly machinery: Machinery;
  readonly rules: DocumentRules;
  readonly documents: Documents;
  readonly authenticate: Authenticate;
  readonly addressOf: (request: FastifyRequest) => string | undefined;
  readonly pingSeconds: number;
  readonly crowd: Crowd;
}

function bearerOf(parameters: Readonly<Record<string, unknown>>): string | undefined {
  const given = parameters.authorization ?? parameters.Authorization;
  if (typeof given === 'string') return given;
  return typeof parameters.token === 'string' ? `Bearer ${parameters.token}` : undefined;
}

/** Whoever comes with one of these is known, and signing in again is of no use. */
const lostKeys: readonly RefusalCode[] = ['API_KEY_REVOKED', 'API_KEY_EXPIRED'];

/** Who is not known may come again as somebody; who is known and not let in need not; what failed may work later. */
export function farewellOf(error: unknown): Farewell {
  if (!(error instanceof Refusal))
    return { code: CloseCode.InternalServerError, reason: `INTERNAL_SERVER_ERROR: ${MASKED}` };
  const reason = `${error.code}: ${error.message}`;
  if (lostKeys.includes(error.code)) return { code: CloseCode.Forbidden, reason };
  const [status] = refusalCodes[error.code];
  if (status === 401) return { code: CloseCode.Unauthorized, reason };
  if (status === 429 || status >= 500) return { code: TRY_AGAIN_LATER, reason };
  return { code: CloseCode.Forbidden, reason };
}

function tooMany(): Refusal {
  const message = `A socket carries at most ${OPERATION_LIMIT} operations at a time.`;
  return new Refusal('TOO_MANY_SUBSCRIPTIONS', message);
}

function stopping(): Refusal {
  return new Refusal('SERVER_STOPPING', 'The server is being stopped; connect again.');
}

/** What a socket keeps of the request that it was opened by. */
interface SocketArrival {
  readonly requestId: string;
  readonly address: string | undefined;
}

/** One open socket: who came by it, and until when. */
class Visit implements Host {
  readonly conversation: Conversation;
  #actor: UserActor | ApplicationActor | undefined;
  #timer: NodeJS.Timeout | undefined;
  #gone = false;
  #letGo: () => void = () => undefined;

  constructor(
    socket: WebSocket,
    private readonly arrival: SocketArrival,
    private readonly options: SocketOptions,
    private readonly onLeft: (visit: Visit) => void,
    timing: Timing,
  ) {
    this.conversation = new Conversation(socket, this, timing);
  }

  async welcome(parameters: Readonly<Record<string, unknown>>): Promise<void> {
    const actor = await this.#arrive(parameters);
    this.#actor = actor;
    if (actor.kind === 'application') this.#endWithProof(parameters);
    else {
      this.#endWithToken(actor);
      this.#endWithKey(actor);
    }
  }

  async #arrive(
    parameters: Readonly<Record<string, unknown>>,
    isKnown = false,
  ): Promise<UserActor | ApplicationActor> {
    const arrival = { ...this.arrival, isKnown };
    const actor = await this.options.authenticate(bearerOf(parameters), arrival);
    if (actor.kind === 'anonymous' || actor.kind === 'system')
      throw unauthenticated('Send a bearer token, or a license key, as `authorization`.');
    return actor;
  }

  /** A proof says nothing of its end: it is looked at again as often as the connection is. */
  #endWithProof(parameters: Readonly<Record<string, unknown>>): void {
    if (this.#gone) return;
    const again = async (): Promise<void> => {
      const over = await this.#arrive(parameters, true).catch((error: unknown) => error);
      if (over instanceof Refusal && over.code === 'APPLICATION_UNKNOWN') {
        this.conversation.close(farewellOf(over));
      } else this.#endWithProof(parameters);
    };
    this.#timer = setTimeout(() => void again(), this.options.pingSeconds * 1000).unref();
  }

  farewell(error: unknown): Farewell {
    if (!(error instanceof Refusal))
      this.options.machinery.log.error({ err: error }, 'a socket could not be begun');
    return farewellOf(error);
  }

  async run({ payload, others, waiter }: Asking): Promise<Results> {
    if (this.options.machinery.drain.isClosing) throw stopping();
    if (others >= OPERATION_LIMIT) throw tooMany();
    const { machinery, rules, documents } = this.options;
    const actor = this.#actor;
    if (actor === undefined) throw unauthenticated('The socket is not authenticated.');
    const { address } = this.arrival;
    return runOperation({ machinery, rules, documents, actor, address, waiter }, payload);
  }

  told(error: unknown): GraphQLFormattedError[] {
    return toldOf(error, this.options.machinery);
  }

  left(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    this.#letGo();
    this.onLeft(this);
  }

  /** Ends the socket when its API key is revoked, wherever that is done. */
  #endWithKey({ apiKeyId, tenantId }: UserActor): void {
    if (this.#gone || apiKeyId === undefined) return;
    const end = (): void => this.conversation.close(farewellOf(apiKeyRevoked()));
    this.#letGo = this.options.machinery.keyHolders.hold(tenantId, apiKeyId, end);
  }

  /** Ends the socket when its token does; one that left while its token was looked at has no end to wait for. */
  #endWithToken(actor: UserActor): void {
    if (this.#gone || actor.expiresAt === null) return;
    const left = millis(actor.expiresAt) - millis(this.options.machinery.clock());
    if (left <= 0) {
      const over = actor.apiKeyId === undefined ? tokenExpired() : apiKeyExpired();
      this.conversation.close(farewellOf(over));
      return;
    }
    const again = (): void => this.#endWithToken(actor);
    this.#timer = setTimeout(again, Math.min(left, LONGEST_TIMER_MILLIS)).unref();
  }
}

/** The graphql-transport-ws protocol on the graph's address, with the same guards and the same errors as over HTTP. */
export class SocketDoor {
  readonly #visits = new Set<Visit>();
  /** Sockets that are over, as long as their operations still give something back. */
  readonly #leaving = new Set<Promise<void>>();

  readonly #timing: Timing;

  constructor(private readonly options: SocketOptions) {
    this.#timing = { initMillis: INIT_WAIT_MILLIS, pulse: new Pulse(options.pingSeconds * 1000) };
  }

  enter(socket: WebSocket, request: FastifyRequest): void {
    const arrival = { requestId: request.id, address: this.options.addressOf(request) };
    const leave = this.#makeRoom(socket, arrival);
    if (leave === undefined) return;
    const visit = new Visit(socket, arrival, this.options, this.#leave, this.#timing);
    this.#visits.add(visit);
    socket.on('close', leave);
    visit.conversation.begin();
  }

  /**
   * Tells every socket that the server goes, so that clients connect to another at once, and ends what they follow; one
   * with a query or a mutation under way once that is answered.
   */
  async goodbye(): Promise<void> {
    const { drain } = this.options.machinery;
    drain.close();
    await Promise.all([...this.#visits].map(({ conversation }) => conversation.closeAnswered(GOODBYE)));
    await Promise.all(this.#leaving);
  }

  /** Whom there is no room for is told so and let go: it may find room later, or on another server. */
  #makeRoom(socket: WebSocket, { address }: SocketArrival): (() => void) | undefined {
    const { crowd } = this.options;
    try {
      return crowd.enter(address === undefined ? '' : networkOf(address));
    } catch (error) {
      const { code, reason } = farewellOf(error);
      socket.on('error', () => undefined);
      socket.close(code, reason);
      setTimeout(() => socket.terminate(), GOODBYE_MILLIS).unref();
      return undefined;
    }
  }

  readonly #leave = (visit: Visit): void => {
    this.#visits.delete(visit);
    const settled = visit.conversation.settled();
    this.#leaving.add(settled);
    void settled.finally(() => this.#leaving.delete(settled));
  };
}
