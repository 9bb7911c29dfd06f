import { hash as digestOf } from 'node:crypto';
import { exactText } from '../../core/canonicalText.js';

/**
 * How a tenant's events hang together, so that whoever holds them can compute it again: the server, and a program that has
 * nothing but an export. Each seal's hash is SHA-256 over the hash before it, its number, its instant and the exact text of
 * its event. Personal data stand in it as a salted hash of their own, and may be gone.
 */
export interface TrailEvent {
  readonly tenantId: string;
  readonly id: string;
  readonly type: string;
  readonly subjectId: string;
  readonly licenseId: string | null;
  readonly activationId: string | null;
  /** The subject of who did it. */
  readonly actor: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly personalHash: string | null;
  /** UTC, as exact as the database has it. */
  readonly createdAt: string;
}

export interface PersonalPart {
  readonly salt: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A seal with what it seals; without it where that is gone. */
export interface TrailEntry {
  readonly sequence: number;
  readonly sealedAt: string;
  readonly hash: string;
  readonly event: TrailEvent | null;
  /** What was told of people, where it was not erased and may be seen. */
  readonly personal: PersonalPart | null;
}

/** The end of a chain: a number and its hash. */
export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

const sha256 = (text: string): string => digestOf('sha256', text, 'base64url');

/** What a tenant's first event hangs on. */
export function genesis(tenantId: string): ChainEnd {
  return { sequence: 0, hash: sha256(`licensegraph-trail-1\n${tenantId}`) };
}

/** Hash of what is personal of an event, under a salt of 128 random bits: who lacks the salt cannot try values. */
export function personalHash({ salt, data }: PersonalPart): string {
  return sha256(`licensegraph-personal-1\n${salt}\n${exactText(data)}`);
}

/** An instant as the exact text has it: UTC, no zeros at the end of a fraction. */
export function plainInstant(text: string): string {
  return text.replace(/\.(\d*?)0*Z$/, (_, digits: string) => (digits === '' ? 'Z' : `.${digits}Z`));
}

/** Its `exactText`: of these members alone, whatever else an export has beside them. */
export function eventText(event: TrailEvent): string {
  const { activationId, actor, createdAt, data, id, licenseId, metadata, subjectId, tenantId, type } = event;
  const told = event.personalHash;
  return exactText({
    activationId,
    actor,
    createdAt,
    data,
    id,
    licenseId,
    metadata,
    personalHash: told,
    subjectId,
    tenantId,
    type,
  });
}

export function sealHash(before: string, sequence: number, sealedAt: string, event: TrailEvent): string {
  return sha256(`licensegraph-event-1\n${before}\n${sequence}\n${sealedAt}\n${eventText(event)}`);
}

/** What can be wrong with a trail. */
export const trailProblems = [
  'EDITED',
  'DELETED',
  'INSERTED',
  'REORDERED',
  'TAIL_CUT',
  'HEAD_REWRITTEN',
  'CHECKPOINT_MISMATCH',
] as const;
export type TrailProblem = (typeof trailProblems)[number];

/** The first thing that is wrong, and where. */
export interface TrailBreak {
  readonly problem: TrailProblem;
  readonly sequence: number;
  readonly eventId: string | null;
}

/** Whether an entry is the one that stood behind this end of the chain, whatever number it has now. */
function follows(end: ChainEnd, entry: TrailEntry): boolean {
  if (entry.event === null) return false;
  return sealHash(end.hash, end.sequence + 1, entry.sealedAt, entry.event) === entry.hash;
}

function isWhole(end: ChainEnd, entry: TrailEntry): boolean {
  if (entry.sequence !== end.sequence + 1 || !follows(end, entry)) return false;
  const { event, personal } = entry;
  return personal === null || (event !== null && personalHash(personal) === event.personalHash);
}

/** Goes along the chain as far as it holds. */
export function walk(end: ChainEnd, entries: readonly TrailEntry[]): { end: ChainEnd; broken: boolean } {
  let reached = end;
  for (const entry of entries) {
    if (!isWhole(reached, entry)) return { end: reached, broken: true };
    reached = { sequence: entry.sequence, hash: entry.hash };
  }
  return { end: reached, broken: false };
}

/** How many entries behind a break are looked at to tell what happened. */
export const BREAK_WINDOW = 1000;
const LONGEST_GAP = 100;

/** Rows that stand where others stood: those before it in the window came in, or it was moved. */
function movedOrInserted(end: ChainEnd, entries: readonly TrailEntry[]): TrailProblem | undefined {
  const at = entries.findIndex((entry) => follows(end, entry));
  const original = entries[at];
  if (original === undefined) return undefined;
  const behind = { sequence: end.sequence + 1, hash: original.hash };
  return entries.slice(0, at).some((entry) => follows(behind, entry)) ? 'REORDERED' : 'INSERTED';
}

/** Two seals whose events were exchanged: each hash is made of the other's event. */
function isExchanged(end: ChainEnd, first: TrailEntry, entries: readonly TrailEntry[]): boolean {
  return entries.some(
    ({ event }) =>
      event !== null &&
      sealHash(end.hash, end.sequence + 1, first.sealedAt, event) === first.hash &&
      event.id !== first.event?.id,
  );
}

/** Whether the entries behind the first were numbered higher once: the ones between are gone, and theirs moved up. */
function hasClosedGap([first, second]: readonly TrailEntry[]): boolean {
  if (first === undefined || second === undefined) return false;
  return Array.from({ length: LONGEST_GAP }, (_, gap) => first.sequence + gap + 1).some((sequence) =>
    follows({ sequence, hash: first.hash }, second),
  );
}

/** Says what happened where a chain does not hold, from the entries that stand behind its last sound end. */
export function breakBehind(end: ChainEnd, entries: readonly TrailEntry[]): TrailBreak {
  const sequence = end.sequence + 1;
  const [first] = entries;
  if (first === undefined) return { problem: 'TAIL_CUT', sequence, eventId: null };
  const eventId = first.event?.id ?? null;
  if (first.sequence !== sequence || first.event === null) return { problem: 'DELETED', sequence, eventId };
  if (follows(end, first)) return { problem: 'EDITED', sequence, eventId };
  if (isExchanged(end, first, entries)) return { problem: 'REORDERED', sequence, eventId };
  const moved = movedOrInserted(end, entries);
  if (moved !== undefined) return { problem: moved, sequence, eventId };
  return { problem: hasClosedGap(entries) ? 'DELETED' : 'EDITED', sequence, eventId };
}
