import type { Instant } from './clock.js';
import type { ActivationId, LicenseId } from './id.js';

/** A past-tense fact: `license.created`. Each domain's model lists its own, and a test holds the lists and what is emitted together. */
export type EventType = `${string}.${string}`;

/** What an act says of itself. It is stored as it stands: no secret goes in, and what is about people only into `personal`. */
export interface NewEvent {
  readonly type: EventType;
  /** The id of the thing that changed. */
  readonly subjectId: string;
  readonly licenseId?: LicenseId;
  readonly activationId?: ActivationId;
  readonly data?: Readonly<Record<string, unknown>>;
  /** What of it is about people: names, addresses, places. It is kept apart, and can be erased. */
  readonly personal?: Readonly<Record<string, unknown>>;
}

interface ToldChange extends Pick<NewEvent, 'personal'> {
  readonly data: {
    readonly changed: readonly string[];
    readonly before: Readonly<Record<string, unknown>>;
    readonly after: Readonly<Record<string, unknown>>;
  };
}

/**
 * What became of the members that an act was given: their names, and what they were and are. Those that tell of people are
 * told apart.
 */
export function changeTold<Row extends object>(
  before: Row,
  after: Row,
  changed: readonly (keyof Row & string)[],
  aboutPeople: readonly (keyof Row & string)[] = [],
): ToldChange {
  const of = (row: Row, names: readonly (keyof Row & string)[]) =>
    Object.fromEntries(names.map((name) => [name, row[name]]));
  const personal = changed.filter((name) => aboutPeople.includes(name));
  const others = changed.filter((name) => !aboutPeople.includes(name));
  return {
    data: { changed, before: of(before, others), after: of(after, others) },
    ...(personal.length === 0
      ? {}
      : { personal: { before: of(before, personal), after: of(after, personal) } }),
  };
}

/** A fact as the feed hands it out: numbered, committed, in the tenant's one order. */
export interface FedEvent {
  readonly sequence: number;
  readonly id: string;
  readonly type: EventType;
  readonly subjectId: string;
  readonly licenseId: LicenseId | null;
  readonly activationId: ActivationId | null;
  readonly at: Instant;
}
