import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { applicationActor, oneLicensePerOperation } from '../../access/model.js';
import { type Actor, mayAct } from '../../core/actor.js';
import { committed } from '../../core/db.js';
import type { LicenseId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type {
  CoalescedAct,
  Entered,
  Perishable,
  Reading,
  Recollection,
  ShownSecret,
  Work,
} from '../../core/work.js';
import type { MayRun } from '../../sdk/directive/needs.js';
import { OperationRefusals } from '../callers/securityEvents.js';
import { type Claim, Idempotency, keyName } from './idempotency.js';
import { openWork, requireTenant, tenantOf } from './openWork.js';
import type { Caller, Machinery, Operation } from './operation.js';
import { recall, rememberMany } from './storedAnswers.js';

/** What the caller may not ask for will not run: it needs nothing. */
export function mayRun(actor: Actor): MayRun {
  return ({ extensions: { permission } }) => typeof permission !== 'string' || mayAct(actor, permission);
}

export function isCounted({ kind }: Actor): boolean {
  return kind === 'anonymous' || kind === 'application';
}

/** Whoever has no bearer token is counted before anything runs. */
export async function countRoots(
  limits: Machinery['limits'],
  { actor, address }: Caller,
  roots: number,
): Promise<void> {
  await limits.countAddress(address, roots);
  if (actor.kind === 'application') await limits.countLicense(actor.licenseId, roots);
}

/** A root field of a mutation that is done together with those of others. */
export interface SharedAct {
  readonly responseName: string;
  readonly input: unknown;
  run(): Promise<unknown>;
}

/** A root field of a mutation, ready to run. */
export interface RootAct extends SharedAct {
  /** Draws the units that it needs; answers what to do once they are committed. */
  charge(work: Work): Promise<() => void>;
}

/** An act with what it charges, or the answer that was given to its claim before and nothing else. */
export async function once(act: RootAct, work: Work, claim: Claim | undefined, begun: () => void) {
  const recalled = claim === undefined ? undefined : await recall(work, claim);
  if (recalled !== undefined && 'payload' in recalled) {
    return { payload: recalled.payload, charged: () => undefined };
  }
  begun();
  const payload = await act.run();
  const charged = await act.charge(work);
  if (claim !== undefined && recalled !== undefined)
    await rememberMany(work, [{ claim, storeAs: recalled.storeAs, payload }]);
  return { payload, charged };
}

/** Of another length each time: two who want the same do not keep in step. */
const PAUSE_MILLIS = [5, 25] as const;

/** Finds what a claim was answered, and does nothing. */
const recallOnly: CoalescedAct<undefined, unknown> = async (_, asked) => asked.map(() => undefined);

const isNotFound = (error: unknown): boolean =>
  error instanceof Refusal && error.code === 'ACTIVATION_NOT_FOUND';

/** The roots of an operation that are done together with those of others: their transactions are the meter's. */
export class SharedActs {
  #claim: Claim | undefined;
  #shown: { readonly kind: ShownSecret; readonly secret: string } | undefined;

  constructor(
    private readonly machinery: Machinery,
    private readonly operation: Operation,
    private readonly caller: Caller,
    private readonly idempotency: Idempotency,
  ) {}

  async share({ responseName, input, run }: SharedAct): Promise<unknown> {
    const before = this.operation.actor;
    try {
      if (this.operation.isReading) await this.operation.endReading();
      this.#claim = await this.idempotency.claim(responseName, input);
      return await (this.#claim === undefined ? run() : this.#once(this.#claim, run));
    } catch (error) {
      if (isNotFound(error)) await this.#lookAgain();
      this.operation.refusedTo(error, before);
      throw error;
    }
  }

  /**
   * What was done under the act's key is answered also when it could not be asked any more, because for whom it was done
   * is gone.
   */
  #once(claim: Claim, run: SharedAct['run']): Promise<unknown> {
    const attempt = (): Promise<unknown> =>
      run().catch(async (error: unknown) => {
        const before = await this.coalesce(recallOnly, undefined);
        if (before === undefined) throw error;
        this.operation.become(claim.actor);
        return before;
      });
    return this.machinery.turns.take(keyName(claim), attempt, this.operation.signal);
  }

  /** What was remembered of a secret may lead nowhere any more: that is taken down as of any other that does. */
  async #lookAgain(): Promise<void> {
    if (this.#shown === undefined) return;
    const { kind, secret } = this.#shown;
    if ((await this.machinery.directory.findNow(kind, secret)) === undefined) await this.operation.missed();
  }

  async enter(kind: ShownSecret, secret: string): Promise<Entered | undefined> {
    const place = await this.machinery.directory.find(kind, secret);
    if (place === undefined) {
      await this.operation.missed();
      return undefined;
    }
    this.#shown = { kind, secret };
    const licenseId = place.subjectId as LicenseId;
    const { actor } = this.caller;
    if (actor.kind === 'anonymous') this.operation.become(applicationActor(place.tenantId, licenseId));
    else if (actor.kind === 'application' && actor.licenseId !== licenseId) throw oneLicensePerOperation();
    await this.operation.admit(licenseId);
    if (tenantOf(this.operation.actor) === place.tenantId) return { licenseId, hash: place.hash };
    await this.operation.missed();
    return undefined;
  }

  coalesce<Request, Answer>(
    act: CoalescedAct<Request, Answer>,
    request: Request,
  ): Promise<Answer | undefined> {
    this.operation.throwIfOver();
    const tenantId = requireTenant(tenantOf(this.#claim?.actor ?? this.operation.actor));
    const share = { request, claim: this.#claim };
    // Most have read nothing, and wait for nothing else.
    if (!this.operation.isReading) return this.machinery.meter.act(tenantId, act, share);
    return this.operation.endReading().then(() => this.machinery.meter.act(tenantId, act, share));
  }

  async pause(): Promise<void> {
    await sleep(randomInt(...PAUSE_MILLIS));
    this.operation.throwIfOver();
  }

  async recollect<Value extends Perishable>(
    name: string,
    load: (reading: Reading) => Promise<Value>,
  ): Promise<Recollection<Value>> {
    const read = (): Promise<Value> => this.operation.look(load);
    const { licensees } = this.machinery;
    if (licensees === undefined) return { value: await read(), isFresh: true };
    const tenantId = requireTenant(tenantOf(this.operation.actor));
    return licensees.recollect({ tenantId, now: this.operation.now, name }, read);
  }

  async renew<Value extends Perishable>(
    name: string,
    load: (reading: Reading) => Promise<Value>,
  ): Promise<Value> {
    const read = (): Promise<Value> => this.operation.look(load);
    const { licensees } = this.machinery;
    if (licensees === undefined) return read();
    return licensees.renew({ tenantId: requireTenant(tenantOf(this.operation.actor)), name }, read);
  }
}

/** A task behind an answer, in a transaction of its own; nobody waits for it, and its failure is only logged. */
export async function runBehind(
  machinery: Machinery,
  caller: Caller,
  task: (work: Work) => Promise<void>,
): Promise<void> {
  try {
    const { work, session } = await openWork(machinery, caller);
    await committed(session, () => task(work));
  } catch (error) {
    machinery.log.error({ err: error, requestId: caller.requestId }, 'a task behind an answer failed');
  }
}

/** What an operation acts and is refused with. */
export interface Acting {
  readonly idempotency: Idempotency;
  readonly sharing: SharedActs;
  readonly refusals: OperationRefusals;
}

export function actingOf(operation: Operation, machinery: Machinery, caller: Caller): Acting {
  const idempotency = new Idempotency(machinery, caller);
  const sharing = new SharedActs(machinery, operation, caller, idempotency);
  return { idempotency, sharing, refusals: new OperationRefusals(machinery.security, caller.requestId) };
}
