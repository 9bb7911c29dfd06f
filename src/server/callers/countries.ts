import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Reader, type Response } from 'maxmind';
import { parseAddress } from '../../core/addressRange.js';
import { parseCountry } from '../../core/countries.js';
import type { Log } from '../../core/log.js';
import { StartupError } from '../../core/startupError.js';

/** Of no country: whoever comes from there is in a network of one's own. */
const OWN_NETWORKS: readonly string[] = [
  'private',
  'loopback',
  'linkLocal',
  'carrierGradeNat',
  'uniqueLocal',
];

/** How often the file is looked at: a new one is in use some seconds after it was put in place. */
const LOOK_MILLIS = 1_000;

/** Where addresses are, by the operator's file. */
export interface Countries {
  /**
   * Null where the file is to say and does not; undefined for an address that lies in no country, of a network of one's
   * own: only the device can tell where that is.
   */
  of(address: string): string | null | undefined;
  close(): void;
}

/** MaxMind's own files nest the code; others that write this format hold it as text. */
function countryIn(entry: unknown): string | null {
  if (entry === null || typeof entry !== 'object' || !('country' in entry)) return null;
  const { country } = entry;
  const code =
    country !== null && typeof country === 'object' && 'iso_code' in country ? country.iso_code : country;
  return typeof code === 'string' ? (parseCountry(code) ?? null) : null;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Opens the file, which has to be there and to be read; follows its changes, and keeps the last that could be read. */
export function openCountries(path: string, log: Log): Countries {
  let reader: Reader<Response>;
  try {
    reader = new Reader<Response>(readFileSync(path));
  } catch (error) {
    throw new StartupError(`LG_GEOIP_FILE: ${path} cannot be read: ${reasonOf(error)}`);
  }
  const reload = async (): Promise<void> => {
    try {
      reader = new Reader<Response>(await readFile(path));
      log.info({ path }, 'the file of countries was read again');
    } catch (error) {
      log.warn(
        { path, reason: reasonOf(error) },
        'the new file of countries cannot be read; the old one stays',
      );
    }
  };
  const changed = (): void => void reload();
  watchFile(path, { interval: LOOK_MILLIS, persistent: false }, changed);
  return {
    of: (written) => {
      const address = parseAddress(written);
      if (address === undefined) return null;
      return OWN_NETWORKS.includes(address.range()) ? undefined : countryIn(reader.get(address.toString()));
    },
    close: () => unwatchFile(path, changed),
  };
}
