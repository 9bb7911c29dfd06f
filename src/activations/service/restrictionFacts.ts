import { parseCountry } from '../../core/countries.js';
import { canonicalDomain } from '../../core/domainName.js';
import type { Reading } from '../../core/work.js';
import { parseMacAddress } from '../../templates/model.js';
import type { RestrictionFacts } from '../model/restrictions.js';
import type { Activation } from '../table.js';

/** What a device tells of itself that restrictions may look at. */
export interface Told {
  readonly macAddress?: string | null | undefined;
  readonly hardwareId?: string | null | undefined;
  readonly domain?: string | null | undefined;
  readonly location?: { readonly country: string } | null | undefined;
}

type Kept = Pick<Activation, 'macAddress' | 'hardwareId' | 'domain' | 'location'>;

/** Where a file says where addresses are, nobody is believed who says otherwise. */
function countryOf(reading: Reading, told: Told, kept: Kept | undefined): string | undefined {
  const { country } = reading;
  if (country !== undefined) return country ?? undefined;
  return told.location?.country ?? kept?.location?.country;
}

/** The country that a device is seen in now: by its address, or by its own word where no file says, if it is one. */
export function countrySeen(reading: Reading, told: Told): string | undefined {
  return parseCountry(countryOf(reading, told, undefined) ?? '');
}

function hashesOf(
  reading: Reading,
  kind: 'MAC_ADDRESS' | 'HARDWARE_ID',
  told: string | null | undefined,
  kept: string | null | undefined,
): readonly string[] | undefined {
  if (told) return reading.keys.hashes(kind, told, reading.tenantId);
  return kept ? [kept] : undefined;
}

/**
 * What restrictions are judged by: where the caller is seen, what it tells now, and what its activation has kept of what it
 * told before. Whoever shows an activation's token need not tell all of it each time.
 */
export function restrictionFactsOf(reading: Reading, told: Told, kept?: Kept): RestrictionFacts {
  const { macAddress, hardwareId, domain } = told;
  return {
    address: reading.address,
    country: countryOf(reading, told, kept),
    domain: domain ? canonicalDomain(domain) : (kept?.domain ?? undefined),
    macAddress: hashesOf(reading, 'MAC_ADDRESS', parseMacAddress(macAddress ?? ''), kept?.macAddress),
    hardwareId: hashesOf(reading, 'HARDWARE_ID', hardwareId, kept?.hardwareId),
  };
}
