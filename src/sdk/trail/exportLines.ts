import type { ChainEnd, TrailEntry } from '../../audit/model/chain.js';
import type { Checkpoint } from '../../audit/model/checkpoint.js';

/** What an export of a trail is made of, line by line. */
export type ExportLine =
  | {
      readonly kind: 'trail';
      readonly tenantId: string;
      readonly after: ChainEnd;
      readonly boundary: string | null;
    }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'entry'; readonly entry: TrailEntry }
  | { readonly kind: 'end' };

/** A line that is none of an export. */
export class UnreadableLine extends Error {
  override readonly name = 'UnreadableLine';
}

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textIn(of: Members, name: string): string {
  const value = of[name];
  if (typeof value === 'string') return value;
  throw new UnreadableLine(`${name} is no text`);
}

function textOrNull(of: Members, name: string): string | null {
  return of[name] === null || of[name] === undefined ? null : textIn(of, name);
}

function numberIn(of: Members, name: string): number {
  const value = of[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UnreadableLine(`${name} is no number of a trail`);
}

function membersIn(of: Members, name: string): Members {
  const value = of[name];
  if (isMembers(value)) return value;
  throw new UnreadableLine(`${name} is no object`);
}

/** Members beyond those that are hashed would show what nobody has vouched for. */
function eventIn(of: Members): TrailEntry['event'] {
  if (of.event === null) return null;
  const event = membersIn(of, 'event');
  const read = {
    tenantId: textIn(event, 'tenantId'),
    id: textIn(event, 'id'),
    type: textIn(event, 'type'),
    subjectId: textIn(event, 'subjectId'),
    licenseId: textOrNull(event, 'licenseId'),
    activationId: textOrNull(event, 'activationId'),
    actor: textOrNull(event, 'actor'),
    data: membersIn(event, 'data'),
    metadata: membersIn(event, 'metadata'),
    personalHash: textOrNull(event, 'personalHash'),
    createdAt: textIn(event, 'createdAt'),
  };
  const strange = Object.keys(event).find((name) => !Object.hasOwn(read, name));
  if (strange !== undefined) throw new UnreadableLine(`an event has no ${strange}`);
  return read;
}

function entryIn(line: Members): TrailEntry {
  const personal = line.personal === undefined ? undefined : membersIn(line, 'personal');
  return {
    sequence: numberIn(line, 'sequence'),
    sealedAt: textIn(line, 'sealedAt'),
    hash: textIn(line, 'hash'),
    event: eventIn(line),
    personal:
      personal === undefined ? null : { salt: textIn(personal, 'salt'), data: membersIn(personal, 'data') },
  };
}

function membersOf(line: string): Members {
  try {
    const value: unknown = JSON.parse(line);
    if (isMembers(value)) return value;
  } catch {
    // Said below, as of whatever else is no object.
  }
  throw new UnreadableLine('is no JSON object');
}

/** One line of a file of checkpoints that were handed out, or of an export. */
export function checkpointIn(line: string): Checkpoint {
  const members = membersOf(line);
  return {
    sequence: numberIn(members, 'sequence'),
    hash: textIn(members, 'hash'),
    token: textIn(members, 'token'),
  };
}

export function readLine(line: string): ExportLine {
  const members = membersOf(line);
  switch (members.kind) {
    case 'trail':
      if (members.version !== 1) throw new UnreadableLine('is of another version');
      return {
        kind: 'trail',
        tenantId: textIn(members, 'tenantId'),
        after: { sequence: numberIn(members, 'after'), hash: textIn(members, 'afterHash') },
        boundary: textOrNull(members, 'boundary'),
      };
    case 'checkpoint':
      return { kind: 'checkpoint', checkpoint: checkpointIn(line) };
    case 'entry':
      return { kind: 'entry', entry: entryIn(members) };
    case 'end':
      return { kind: 'end' };
    default:
      throw new UnreadableLine('is of no kind that an export has');
  }
}
