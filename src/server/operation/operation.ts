import { type GraphQLSchema, OperationTypeNode } from 'graphql';
import type { Actor } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { FedEvent } from '../../core/event.js';
import type { LicenseId } from '../../core/id.js';
import type { Sign, Verify } from '../../core/tokenTypes.js';
import type {
  CoalescedAct,
  Entered,
  EventLook,
  EventsLook,
  Followed,
  Perishable,
  Place,
  Reading,
  ShownSecret,
  Work,
  WorkSettings,
} from '../../core/work.js';
import type { AskedOperation, Context, Examined } from '../../graph/context.js';
import { type Batch, Loaders } from '../../graph/load.js';
import { Pace } from '../../graph/pace.js';
import { type OperationDocument, rootsOf } from '../../sdk/directive/needs.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { costs, requireAffordable, tooCostly } from '../limits/cost.js';
import { Deadline } from '../limits/deadline.js';
import { turnName } from '../limits/fairness.js';
import { checkValues } from '../limits/limits.js';
import { examine } from './examine.js';
import { type Claim, keyName } from './idempotency.js';
import type { Caller, Machinery } from './machinery.js';
import { openWork, placeOf, readingOn, requireTenant, tenantOf } from './openWork.js';
import { OperationFeatures } from './operationFeatures.js';
import { needsFor } from './plans.js';
import type { Progress } from './progress.js';
import {
  type Acting,
  actingOf,
  countRoots,
  isCounted,
  once,
  type RootAct,
  runBehind,
  type SharedAct,
} from './rootActs.js';
import { sharedLook, sharedLooks } from './sharedLook.js';

export type { Caller, Machinery } from './machinery.js';

/** One GraphQL operation: its caller, its one read-only transaction, the work of the root mutation that runs. */
export class Operation implements Context {
  readonly requestId: string;
  readonly place: Place;
  private readonly progress: Progress;
  private acting: Acting | undefined;
  private loading: Loaders | undefined;
  readonly deadline = new Deadline();
  private readonly begun: boolean;
  private tasks: ((work: Work) => Promise<void>)[] | undefined;

  constructor(
    private readonly machinery: Machinery,
    private readonly caller: Caller,
    /** Of the operation that this one goes on with: a subscription is checked and charged once, at its start. */
    begun?: OperationFeatures,
  ) {
    this.requestId = caller.requestId;
    this.place = placeOf(machinery, caller);
    this.progress = {
      actor: caller.actor,
      now: machinery.clock(),
      work: undefined,
      session: undefined,
      reading: undefined,
      ended: false,
      spent: 0,
      pace: undefined,
      features: begun,
    };
    this.begun = begun !== undefined;
  }

  /** Made with the first use, as what follows: thousands wait for events, and need none of it. */
  private get acts(): Acting {
    this.acting ??= actingOf(this, this.machinery, this.caller);
    return this.acting;
  }

  private get loaders(): Loaders {
    this.loading ??= new Loaders(
      () => this.reading(),
      () => this.progress.pace,
    );
    return this.loading;
  }

  get features(): OperationFeatures {
    this.progress.features ??= new OperationFeatures(this.machinery, this);
    return this.progress.features;
  }

  get actor(): Actor {
    return this.progress.actor;
  }

  get now(): Instant {
    return this.progress.now;
  }

  /** Ends the transactions of this operation. */
  get signal(): AbortSignal {
    return this.deadline.signal;
  }

  throwIfOver(): void {
    this.deadline.throwIfOver();
  }

  get idempotencyKey(): string | undefined {
    return this.caller.idempotencyKey;
  }

  get known(): Caller {
    return { ...this.caller, actor: this.progress.actor };
  }

  reading(): Promise<Reading> {
    // A refusal that erases the answer does not stop the resolvers beside it: what they open now nobody would end.
    if (this.progress.ended) return Promise.reject(new Error('the operation has ended'));
    this.progress.reading ??= this.openReading();
    return this.progress.reading;
  }

  load<Value, Arguments>(
    batch: Batch<Value, Arguments>,
    key: string,
    args?: Arguments,
  ): Promise<Value | null> {
    return this.loaders.load(batch as Batch<Value, Arguments | undefined>, key, args);
  }

  examine(schema: GraphQLSchema, asked: AskedOperation): Examined {
    return examine(schema, asked, { actor: this.actor, introspection: this.machinery.introspection });
  }

  /** Ends at the same limit as what is weighed before. */
  spend(cost: number): void {
    this.progress.spent += cost;
    if (this.progress.spent > costs.limit) throw tooCostly(this.progress.spent, costs.limit);
  }

  /** Whether there is enough left for what will be spent, before that is done which cannot be undone then. */
  requireLeft(cost: number): void {
    const whole = this.progress.spent + cost;
    if (whole > costs.limit) throw tooCostly(whole, costs.limit);
  }

  currentWork(): Work {
    if (this.progress.work === undefined)
      throw new Error('there is no transaction outside of a root mutation');
    return this.progress.work;
  }

  afterAnswer(task: (work: Work) => Promise<void>): void {
    this.tasks ??= [];
    this.tasks.push(task);
  }

  /** Before anything runs, whatever door it came by: it is counted and weighed, waits for its turn, and is charged. */
  async begin(asked: OperationDocument): Promise<void> {
    const { actor } = this.caller;
    checkValues(asked.variables);
    if (isCounted(actor)) await this.count(asked);
    const cost = requireAffordable(asked, actor);
    const isMutation = asked.operation.operation === OperationTypeNode.MUTATION;
    this.deadline.begin(this.machinery.operationSeconds, !isMutation);
    this.throwIfOver();
    if (cost > costs.plain) await this.takeTurn(cost);
    const needs = needsFor(asked, this.actor);
    if (!isMutation) return this.features.beforeQuery(needs);
    this.acts.idempotency.recognise(asked);
    return this.features.beforeMutation(needs);
  }

  private async takeTurn(cost: number): Promise<void> {
    const { signal } = this;
    await this.machinery.gate.enter(this.progress, { caller: turnName(this.caller), cost, signal });
    this.progress.pace = new Pace();
  }

  private async count(asked: OperationDocument): Promise<void> {
    try {
      await countRoots(this.machinery.limits, this.caller, rootsOf(asked));
    } catch (error) {
      this.noteRefusal(error, asked.operation.operation);
      throw error;
    }
  }

  /** Whoever is refused is to what follows who he was before. */
  refusedTo(error: unknown, before: Actor): void {
    this.acts.refusals.by(error, this.progress.actor);
    this.progress.actor = before;
  }

  noteRefusal(error: unknown, field: string): void {
    this.acts.refusals.note(error, field, this.actor);
  }

  /** The caller has gone: a query ends, a mutation goes on. */
  leave(): void {
    this.deadline.leave();
  }

  private requireFewMisses(): void {
    this.machinery.guesses.requireFew(this.caller.address, tenantOf(this.caller.actor));
  }

  async admit(licenseId: LicenseId): Promise<void> {
    this.requireFewMisses();
    if (this.caller.actor.kind === 'anonymous') await this.machinery.limits.countLicense(licenseId, 1);
  }

  async missed(): Promise<void> {
    this.requireFewMisses();
    this.machinery.guesses.note(this.caller.address, tenantOf(this.caller.actor));
  }

  private get admission(): Pick<Reading, 'admit' | 'missed'> {
    return { admit: (licenseId) => this.admit(licenseId), missed: () => this.missed() };
  }

  answered(): Promise<(responseName: string) => boolean> {
    return this.acts.idempotency.answered(() => this.reading());
  }

  /**
   * Runs a root mutation once for its caller's idempotency key, or any number of times without one. Who waits for
   * another with the same key holds no connection.
   */
  async act(act: RootAct): Promise<unknown> {
    await this.endReading();
    const claim = await this.acts.idempotency.claim(act.responseName, act.input);
    if (claim === undefined) return this.perform(act);
    return this.machinery.turns.take(keyName(claim), (begun) => this.perform(act, claim, begun), this.signal);
  }

  get sign(): Sign {
    return this.machinery.signing.sign;
  }

  get verify(): Verify {
    return this.machinery.signing.verify;
  }

  get seals(): Seals {
    return this.machinery.signing;
  }

  get settings(): WorkSettings {
    return this.machinery.settings;
  }

  share(act: SharedAct): Promise<unknown> {
    return this.acts.sharing.share(act);
  }

  enter(kind: ShownSecret, secret: string): Promise<Entered | undefined> {
    return this.acts.sharing.enter(kind, secret);
  }

  pause(): Promise<void> {
    return this.acts.sharing.pause();
  }

  /** Who acts from here on. */
  become(actor: Actor): void {
    this.progress.actor = actor;
  }

  coalesce<Request, Answer>(
    act: CoalescedAct<Request, Answer>,
    request: Request,
  ): Promise<Answer | undefined> {
    return this.acts.sharing.coalesce(act, request);
  }

  recollect<Value extends Perishable>(name: string, load: (reading: Reading) => Promise<Value>) {
    return this.acts.sharing.recollect(name, load);
  }

  renew<Value extends Perishable>(name: string, load: (reading: Reading) => Promise<Value>) {
    return this.acts.sharing.renew(name, load);
  }

  /**
   * One transaction: what the act does, then what it charges, then the commit. What its payload reads is read after
   * that, in a transaction of its own, as the actor that the act found.
   */
  private async perform(act: RootAct, claim?: Claim, begun = (): void => undefined): Promise<unknown> {
    const caller = claim === undefined ? this.caller : { ...this.caller, actor: claim.actor };
    const admission = { ...this.admission, signal: this.signal, claim };
    const { work, session, actor } = await openWork(this.machinery, caller, admission);
    this.progress.work = work;
    try {
      const { payload, charged } = await once(act, work, claim, begun);
      await session.commit();
      charged();
      // What resolvers of an earlier, erased payload read meanwhile is a snapshot without this act.
      await this.endReading();
      this.progress.actor = actor();
      this.progress.now = work.now;
      return payload;
    } catch (error) {
      await session.rollback();
      this.progress.actor = this.caller.actor;
      this.acts.refusals.by(error, actor());
      throw error;
    } finally {
      this.progress.work = undefined;
    }
  }

  follow(): Promise<Followed> {
    const { feed } = this.machinery;
    if (feed === undefined) throw new Error('this process follows no events');
    return feed.follow(requireTenant(tenantOf(this.progress.actor)));
  }

  /** The same operation at a later event: its own instant and snapshot, on the features of the first. */
  later(): Operation {
    const operation = new Operation(this.machinery, this.known, this.features);
    operation.deadline.begin(this.machinery.operationSeconds, false);
    return operation;
  }

  /** A look in a snapshot of its own, which holds its connection no longer than it takes. */
  async look<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result> {
    const look = new Operation(this.machinery, this.known);
    try {
      return await run(await look.reading());
    } finally {
      await look.finish();
    }
  }

  /** The same for a subscription, which outlives many: a few at a time. */
  ask<Result>(run: (reading: Reading) => Promise<Result>): Promise<Result> {
    return this.machinery.streams.answer((tell) => this.look((reading) => run(reading).then(tell)));
  }

  askOfEvent<Result>(event: FedEvent, look: EventLook<Result>): Promise<Result> {
    return sharedLook(event, look, this.actor, () => this.ask((reading) => look(reading, event)));
  }

  askOfEvents<Result>(events: readonly FedEvent[], look: EventsLook<Result>): Promise<readonly Result[]> {
    const ask = (unseen: readonly FedEvent[]) => this.ask((reading) => look(reading, unseen));
    return sharedLooks(events, look, this.actor, ask);
  }

  askAlike<Result>(name: string, look: (reading: Reading) => Promise<Result>): Promise<Result> {
    return this.machinery.alike.take(this.actor, name, () => this.ask(look));
  }

  /** Ends the operation: gives back its connection, returns unused units; the tasks run behind the answer. */
  async finish(): Promise<void> {
    this.progress.ended = true;
    this.deadline.end();
    try {
      if (this.isReading) await this.endReading();
    } finally {
      this.machinery.gate.leave(this.progress);
    }
    if (!this.begun) await this.progress.features?.settle();
    for (const task of this.tasks?.splice(0) ?? []) {
      void this.machinery.drain.track(runBehind(this.machinery, this.known, task));
    }
  }

  private async openReading(): Promise<Reading> {
    const session = await this.machinery.pool.begin('read', this.signal);
    this.progress.session = session;
    return readingOn(session, this.progress, this.machinery, { ...this.caller, ...this.admission });
  }

  get isReading(): boolean {
    return this.progress.reading !== undefined;
  }

  /** The snapshot ends, and what was read in it is forgotten. */
  async endReading(): Promise<void> {
    const opening = this.progress.reading;
    if (opening === undefined) return;
    this.progress.reading = undefined;
    this.loading?.clear();
    await opening?.catch(() => undefined);
    await this.progress.session?.rollback();
    this.progress.session = undefined;
  }
}
