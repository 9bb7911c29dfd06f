type Limits = Readonly<Record<string, number | null>>;

/** What a customer's license grants of the features of the hosts' graph, where a case says nothing else. */
export const all: Limits = { gold: 10, silver: 1, plain: null, box: null };

/** A stream, what it tells and what it costs, the same on every server. */
export interface StreamCase {
  readonly name: string;
  readonly limits?: Limits;
  readonly query: string;
  /** What each tick is told as; then its reader leaves, unless it was refused. */
  readonly told: readonly object[];
  readonly refused?: string;
  readonly used?: Readonly<Record<string, number>>;
}

export const streamCases: readonly StreamCase[] = [
  {
    name: 'a stream that is not marked asks nobody',
    query: 'subscription { ticks }',
    told: [{ ticks: 1 }, { ticks: 2 }],
  },
  {
    name: 'a stream is charged once, however many events it tells',
    limits: all,
    query: 'subscription { gilded }',
    told: [{ gilded: 1 }, { gilded: 2 }, { gilded: 3 }],
    used: { gold: 2 },
  },
  {
    name: 'a stream is charged with what its events need',
    limits: all,
    query: 'subscription { chased { inner } }',
    told: [{ chased: { inner: 1 } }],
    used: { gold: 2 },
  },
  {
    name: 'a stream that has told nothing gives its units back',
    limits: all,
    query: 'subscription { gilded }',
    told: [],
  },
  {
    name: 'a stream whose feature is not granted does not begin',
    limits: { gold: 10 },
    query: 'subscription { locked }',
    told: [],
    refused: 'FEATURE_NOT_LICENSED',
  },
  {
    name: 'a stream for which units are wanting does not begin, and draws none',
    limits: { gold: 1 },
    query: 'subscription { gilded }',
    told: [],
    refused: 'QUOTA_EXCEEDED',
  },
];
