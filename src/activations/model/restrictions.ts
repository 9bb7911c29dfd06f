import { isWithin, parseAddress, parseRange } from '../../core/addressRange.js';
import type { Instant } from '../../core/clock.js';
import { parseCountry } from '../../core/countries.js';
import { canonicalDomain, namesDomain, parseDomainPattern } from '../../core/domainName.js';
import {
  edgesAfter,
  isOpen,
  parseWindow,
  readWindow,
  type WallClock,
  type WeeklyWindow,
  wallClock,
} from '../../core/weeklyWindow.js';
import {
  isKeyedHash,
  type LicenseRestriction,
  type RestrictionOperator,
  type RestrictionType,
} from '../../templates/model.js';

/** Where a caller is and what it says of itself. What is absent is not known; time is known always. */
export interface RestrictionFacts {
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
  readonly domain?: string | undefined;
  readonly address?: string | undefined;
  /** Keyed hashes of the one value, under every pepper: restrictions keep nothing else of it. */
  readonly macAddress?: readonly string[] | undefined;
  readonly hardwareId?: readonly string[] | undefined;
}

export type RestrictionCode =
  | 'RESTRICTED_GEOGRAPHIC'
  | 'RESTRICTED_DOMAIN'
  | 'RESTRICTED_IP_RANGE'
  | 'RESTRICTED_MAC_ADDRESS'
  | 'RESTRICTED_HARDWARE_ID'
  | 'RESTRICTED_TIME';

/** Whether a value of a restriction is met; undefined when it cannot be read. */
type Meets = (value: string) => boolean | undefined;

interface Measure {
  /** What the caller has to tell, or be seen by. */
  readonly fact: string;
  /** Undefined when the fact is not known. */
  readonly meets: (facts: RestrictionFacts, now: Instant) => Meets | undefined;
}

const keyIdOf = (hash: string): string => hash.split('.', 1).join();

/** A hash under a key by which the fact is not known says nothing of it. */
function hashed(known: readonly string[] | undefined): Meets | undefined {
  if (known === undefined) return undefined;
  const keyIds = known.map(keyIdOf);
  return (value) =>
    isKeyedHash(value) && keyIds.includes(keyIdOf(value)) ? known.includes(value) : undefined;
}

/** A license may have thousands of windows, in a few zones: each zone's clock is read once. */
function onClocks(now: Instant): Meets {
  const clocks = new Map<string, WallClock | undefined>();
  const clockIn = (zone: string): WallClock | undefined => {
    if (!clocks.has(zone)) clocks.set(zone, wallClock(zone, now));
    return clocks.get(zone);
  };
  return (value) =>
    read(readWindow(value), (window) => read(clockIn(window.zone), (clock) => isOpen(window, clock)));
}

/** What each type is judged by. */
const measures: Readonly<Record<RestrictionType, Measure>> = {
  GEOGRAPHIC: {
    fact: 'country',
    meets: ({ country }) => {
      const own = parseCountry(country ?? '');
      return own === undefined ? undefined : (value) => read(parseCountry(value), (other) => other === own);
    },
  },
  DOMAIN: {
    fact: 'domain',
    meets: ({ domain }) => {
      const name = canonicalDomain(domain ?? '');
      return name === undefined
        ? undefined
        : (value) => read(parseDomainPattern(value), (pattern) => namesDomain(pattern, name));
    },
  },
  IP_RANGE: {
    fact: 'address',
    meets: (facts) => {
      const address = parseAddress(facts.address ?? '');
      return address === undefined
        ? undefined
        : (value) => read(parseRange(value), (range) => isWithin(address, range));
    },
  },
  MAC_ADDRESS: { fact: 'MAC address', meets: ({ macAddress }) => hashed(macAddress) },
  HARDWARE_ID: { fact: 'hardware id', meets: ({ hardwareId }) => hashed(hardwareId) },
  TIME_BASED: {
    fact: 'time',
    meets: (_, now) => onClocks(now),
  },
};

function read<Value>(
  value: Value | undefined,
  test: (value: Value) => boolean | undefined,
): boolean | undefined {
  return value === undefined ? undefined : test(value);
}

/** A value that cannot be read allows nothing and denies everything. */
function isMet({ operator, values }: LicenseRestriction, meets: Meets): boolean {
  return values.some((value) => meets(value) ?? operator === 'DENY');
}

interface Placed extends LicenseRestriction {
  /** Counted from one, as the license lists them. */
  readonly position: number;
}

export interface RestrictionFailure {
  readonly kind: 'UNKNOWN' | 'DENIED' | 'NOT_ALLOWED';
  readonly restrictionType: RestrictionType;
  readonly operator: RestrictionOperator;
  /** The restrictions that refuse: the one that denies, or all that would allow. */
  readonly positions: readonly number[];
}

function failure(
  kind: RestrictionFailure['kind'],
  entries: readonly Placed[],
): RestrictionFailure | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const { restrictionType, operator } = first;
  return { kind, restrictionType, operator, positions: entries.map(({ position }) => position) };
}

/**
 * Why the restrictions of one type refuse, if they do: a fact that is not known, any DENY that is met, or no ALLOW of those
 * there are. Their order does not matter.
 */
export function restrictionFailure(
  restrictions: readonly LicenseRestriction[],
  type: RestrictionType,
  facts: RestrictionFacts,
  now: Instant,
): RestrictionFailure | undefined {
  if (restrictions.length === 0) return undefined;
  const entries = restrictions
    .map((restriction, index): Placed => ({ ...restriction, position: index + 1 }))
    .filter(({ restrictionType }) => restrictionType === type);
  if (entries.length === 0) return undefined;
  const meets = measures[type].meets(facts, now);
  if (meets === undefined) return failure('UNKNOWN', entries.slice(0, 1));
  const denying = entries.find((entry) => entry.operator === 'DENY' && isMet(entry, meets));
  if (denying !== undefined) return failure('DENIED', [denying]);
  const allowing = entries.filter(({ operator }) => operator === 'ALLOW');
  return allowing.some((entry) => isMet(entry, meets)) ? undefined : failure('NOT_ALLOWED', allowing);
}

/** More than these are not searched for the hour at which they open. */
const MOST_WINDOWS = 20;

/** When restrictions of time will let in whoever they keep out now; undefined if not within the week. */
export function nextOpening(restrictions: readonly LicenseRestriction[], now: Instant): Instant | undefined {
  const written = restrictions
    .filter(({ restrictionType }) => restrictionType === 'TIME_BASED')
    .flatMap(({ values }) => values);
  if (written.length > MOST_WINDOWS) return undefined;
  const windows = written.map(parseWindow).filter((window): window is WeeklyWindow => window !== undefined);
  const edges = new Set(windows.flatMap((window) => edgesAfter(window, now)));
  return [...edges]
    .sort()
    .find((edge) => restrictionFailure(restrictions, 'TIME_BASED', {}, edge) === undefined);
}

/** What would make restrictions of a type pass. Their values are not told: whoever copied a key would know what to claim. */
export function restrictionRemedy(
  { kind, restrictionType, operator, positions }: RestrictionFailure,
  opening: Instant | undefined,
): string {
  const { fact } = measures[restrictionType];
  const which = `restriction ${positions.join(' or ')} (${operator} ${restrictionType})`;
  if (kind === 'UNKNOWN') return `Tell the ${fact}: ${which} is judged by it, and it is not known.`;
  if (restrictionType === 'TIME_BASED') {
    const when = opening === undefined ? 'when it lets use in' : `from ${opening}`;
    return `Use it ${when}: ${which} rules out this time.`;
  }
  return kind === 'DENIED'
    ? `Use it with another ${fact}: ${which} rules out this one.`
    : `Use it with another ${fact}: ${which} does not name this one.`;
}
