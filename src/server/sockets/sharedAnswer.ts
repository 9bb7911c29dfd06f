import { createHash } from 'node:crypto';
import { type Actor, scopeOf } from '../../core/actor.js';

/** Whoever comes to an event later than this has it executed anew: what it tells is of now. */
const FRESH_MILLIS = 1_000;

interface Answer {
  readonly until: number;
  readonly bytes: Promise<Buffer>;
}

/** What is asked: a document by its text, however it was named. */
interface Asked {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
}

/** By what the looks have found of an event, one object to all who see it: an answer goes when the last has taken it. */
const answers = new WeakMap<object, Map<string, Answer>>();

/**
 * All that an answer to an event depends on, as one word: who asks for the same, sees the same part of the same tenant
 * and may do the same is answered the same. Who it is stands in no answer of a stream.
 */
export function groupOf(actor: Actor, { query, operationName, variableValues }: Asked): string {
  const tenantId = 'tenantId' in actor ? actor.tenantId : null;
  const sight = [tenantId, actor.kind, scopeOf(actor), [...actor.permissions].sort()];
  const asked = [query, operationName ?? null, variableValues ?? null];
  return createHash('sha256')
    .update(JSON.stringify([sight, asked]))
    .digest('base64url');
}

/** The answer that is made of a found event, executed and written once for a group of subscribers. */
export function sharedAnswer(
  found: unknown,
  group: string | undefined,
  execute: () => Promise<Buffer>,
): Promise<Buffer> {
  if (group === undefined || typeof found !== 'object' || found === null) return execute();
  const ofFound = answers.get(found) ?? new Map<string, Answer>();
  answers.set(found, ofFound);
  const known = ofFound.get(group);
  if (known !== undefined && known.until > performance.now()) return known.bytes;
  const bytes = execute();
  ofFound.set(group, { until: performance.now() + FRESH_MILLIS, bytes });
  return bytes;
}
