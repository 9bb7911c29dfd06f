import type { GraphQLSchema } from 'graphql';
import type { Actor } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { Sign, Verify } from '../core/tokenTypes.js';
import type { Coalescing, Reading, Watch, Work, WorkSettings } from '../core/work.js';
import type { PathNeed } from '../sdk/directive/needs.js';
import type { Seals } from '../sdk/offline/seals.js';
import type { Batch } from './load.js';
import type { FeatureRun } from './requiresFeature.js';

/** An operation that is only looked at. */
export interface AskedOperation {
  readonly document: string;
  readonly operationName?: string | null;
  readonly variables?: Readonly<Record<string, unknown>> | null;
}

export type Examined =
  | { readonly problems: readonly string[]; readonly needs?: never }
  | { readonly needs: readonly PathNeed[]; readonly problems?: never };

/** What every resolver of one operation shares. Built by server/operation/operation.ts. */
export interface Context extends Watch, Coalescing {
  readonly requestId: string;
  /** Who asks; an application becomes known with the key or token that it shows. */
  readonly actor: Actor;
  readonly now: Instant;
  readonly settings: WorkSettings;
  /** Signs what is to be verified without us. */
  readonly sign: Sign;
  /** Signs for devices without a connection, and opens what they ask. */
  readonly seals: Seals;
  /** Reads what was signed here, when it comes back. */
  readonly verify: Verify;
  /** The units and features of this operation, known before its first resolver. */
  readonly features: FeatureRun;
  /** What an operation would need, were it sent by this caller; or why it would not run. */
  examine(schema: GraphQLSchema, asked: AskedOperation): Examined;
  /** The one read-only transaction of the operation, opened by whoever reads first. */
  reading(): Promise<Reading>;
  /** Asks one key of a batch; what is asked in the same tick goes out as one statement. */
  load<Value>(batch: Batch<Value>, key: string): Promise<Value | null>;
  load<Value, Arguments>(batch: Batch<Value, Arguments>, key: string, args: Arguments): Promise<Value | null>;
  /** The transaction of the root mutation that is running; throws outside of one. */
  currentWork(): Work;
  /** Runs after the answer, in a transaction of its own; the answer does not wait for it. */
  afterAnswer(task: (work: Work) => Promise<void>): void;
}
