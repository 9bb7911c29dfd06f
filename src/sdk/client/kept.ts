import type { JSONWebKeySet } from 'jose';
import {
  listOf,
  orNull,
  type Read,
  readOr,
  record,
  text,
  truth,
  Unreadable,
  whole,
} from '../offline/shape.js';
import type { UsageReport } from './usage.js';
import { readUsage } from './usage.js';

/** A signed answer with what makes it the answer to a question: another one has another digest. */
export interface KeptAnswer {
  readonly asked: string;
  readonly nonce: string;
  readonly signed: string;
}

/** Metrics that were sent, or are about to be, under a key by which the server takes them once. */
export interface Batch {
  readonly key: string;
  readonly activationToken: string;
  readonly usage: UsageReport;
  /** Whether it was asked for a floating seat: under its key it goes again as it was, whoever finds it. */
  readonly isFloating: boolean;
}

/** What a client keeps from one start to the next. */
export interface Kept {
  /** What was here before was not as this client had left it; a signed answer heals it. */
  readonly isTampered: boolean;
  readonly activation: { readonly token: string; readonly id: string } | null;
  /** The latest time that the vendor has signed; it never falls. */
  readonly signedAt: number;
  /** The latest time that was seen, by the device's clock as far as it was set right; a signed answer heals it. */
  readonly seenAt: number;
  /** What the device's clock lacked to the vendor's, when a signed answer came. */
  readonly offset: number;
  readonly answers: readonly KeptAnswer[];
  readonly keys: { readonly set: JSONWebKeySet; readonly fetchedAt: number } | null;
  readonly usage: UsageReport;
  readonly batch: Batch | null;
  readonly offline: { readonly seenAt: string; readonly epoch: number } | null;
  /** The latest revocation list that was shown and believed. */
  readonly revocations: { readonly list: string; readonly epoch: number } | null;
  /** Until when the floating seat of an activation is taken along, in milliseconds of the vendor's time. */
  readonly loan: { readonly activationId: string; readonly until: number } | null;
  readonly pending: { readonly requestCode: string; readonly nonce: string } | null;
}

export const nothingKept: Kept = {
  isTampered: false,
  activation: null,
  signedAt: 0,
  seenAt: 0,
  offset: 0,
  answers: [],
  keys: null,
  usage: {},
  batch: null,
  offline: null,
  revocations: null,
  loan: null,
  pending: null,
};

/** Absent in what earlier clients kept. */
const isTrue: Read<boolean> = (value) => value === true;
export const MOST_CHARACTERS = 262_144;
const LATEST_MILLIS = 8_640_000_000_000_000;
export const MOST_ANSWERS = 8;
const time = whole(0, LATEST_MILLIS);
const token = text(200);

/** Keys as they were published; which of them verify what, whoever verifies asks. */
export const readKeySet: Read<JSONWebKeySet> = (value) => {
  const keys: unknown =
    typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
  const fits =
    Array.isArray(keys) && keys.length <= 100 && keys.every((key) => typeof key === 'object' && key !== null);
  if (!fits) throw new Unreadable('keys do not fit');
  return { keys };
};

const readKept = record<Kept>({
  isTampered: truth,
  activation: orNull(record({ token, id: text(36) })),
  signedAt: time,
  seenAt: time,
  offset: whole(-LATEST_MILLIS, LATEST_MILLIS),
  answers: listOf(record({ asked: text(43), nonce: text(128), signed: text(MOST_CHARACTERS) }), MOST_ANSWERS),
  keys: orNull(record({ set: readKeySet, fetchedAt: time })),
  usage: readUsage,
  batch: orNull(record({ key: text(64), activationToken: token, usage: readUsage, isFloating: isTrue })),
  offline: orNull(record({ seenAt: text(30), epoch: whole(0, Number.MAX_SAFE_INTEGER) })),
  revocations: orNull(record({ list: text(MOST_CHARACTERS), epoch: whole(0, Number.MAX_SAFE_INTEGER) })),
  loan: orNull(record({ activationId: text(36), until: time })),
  pending: orNull(record({ requestCode: text(MOST_CHARACTERS), nonce: text(22, 22) })),
});

/** What was kept; undefined for anything that this client does not write. */
export function keptIn(json: string): Kept | undefined {
  try {
    return readOr(readKept, JSON.parse(json));
  } catch {
    return undefined;
  }
}
