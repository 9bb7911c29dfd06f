import type { TenantId } from '../../core/id.js';
import { invalidInput, Refusal } from '../../core/refusal.js';

/** A place in a tenant's log: behind its event of this number. 0 is before the first, which has no event. */
export interface LogPlace {
  readonly sequence: number;
  /** Two logs with the same numbers, before and after a restore, differ by it. */
  readonly eventId: string;
}

/** What there is of a log. */
export interface LogBounds {
  /** The newest number; 0 in an empty log. */
  readonly head: number;
  /** Whether the event behind the number that was asked for is kept, if there is one. */
  readonly isNextKept: boolean;
  /** The event of the number that was asked for, if it is kept. */
  readonly eventId: string | null;
}

const NAME = 'log';

export function logCursor(tenantId: TenantId, { sequence, eventId }: LogPlace): string {
  return Buffer.from(JSON.stringify([NAME, tenantId, sequence, eventId])).toString('base64url');
}

function partsOf(cursor: string): unknown[] {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(read) ? read : [];
  } catch {
    return [];
  }
}

function unknownCursor(reason: 'OTHER_TENANT' | 'OTHER_LOG' | 'AHEAD', message: string): Refusal {
  return new Refusal('CURSOR_UNKNOWN', message, { reason });
}

export function cursorExpired(): Refusal {
  const message = 'Events behind this cursor are kept no longer; ask for eventCursor and begin from there.';
  return new Refusal('CURSOR_EXPIRED', message);
}

/** Reads a cursor back. That of another tenant names no place here. */
export function placeOf(tenantId: TenantId, cursor: string): LogPlace {
  const [name, owner, sequence, eventId] = partsOf(cursor);
  const isPlace = typeof sequence === 'number' && Number.isSafeInteger(sequence) && sequence >= 0;
  const isEvent = typeof eventId === 'string' && /^[\w-]{0,50}$/.test(eventId);
  if (name !== NAME || typeof owner !== 'string' || !isPlace || !isEvent)
    throw invalidInput([{ field: 'after', message: 'must be a cursor of `events` or of `eventCursor`' }]);
  if (owner !== tenantId) throw unknownCursor('OTHER_TENANT', 'This cursor is of the log of another tenant.');
  return { sequence, eventId };
}

/** Whether a log can be read on from a place without missing anything; throws why not. */
export function requirePlace({ sequence, eventId }: LogPlace, bounds: LogBounds): void {
  if (sequence > bounds.head)
    throw unknownCursor('AHEAD', 'This cursor is ahead of the log, which has no such event yet.');
  if (bounds.eventId !== null && bounds.eventId !== eventId)
    throw unknownCursor('OTHER_LOG', 'This cursor is of a log that was replaced since, as by a restore.');
  if (sequence < bounds.head && !bounds.isNextKept) throw cursorExpired();
}
