import type { Device, LicenseClientOptions, OutagePolicy } from './options.js';
import { systemTime, type Time } from './time.js';
import { Transport } from './transport.js';
import { Trust } from './trust.js';
import { Vault } from './vault.js';

/** What every act of a client is made of. */
export interface Parts {
  readonly licenseKey: string;
  readonly device: Device;
  readonly tenantId: string | undefined;
  readonly outage: OutagePolicy;
  readonly transport: Transport;
  readonly vault: Vault;
  readonly trust: Trust;
  readonly time: Time;
  /** Remembers a secret that no message may hold. */
  readonly hide: (secret: string) => void;
}

/** Tokens change seldom: a few earlier ones are hidden as well. */
const MOST_SECRETS = 8;

export function partsOf(options: LicenseClientOptions): Parts {
  const { url, licenseKey, device, store, trust, outage, timeoutMillis = 10_000, tries = 2, fetch } = options;
  const { time = systemTime, tenantId, onStoreFailed } = options;
  const tokens: string[] = [];
  const secrets = (): readonly string[] => [licenseKey, device.fingerprint, ...tokens];
  const transport = new Transport({ url, timeoutMillis, tries, fetch, now: () => time.now(), secrets });
  const vault = new Vault(store, licenseKey, device.fingerprint, onStoreFailed);
  const hide = (secret: string): void => {
    if (tokens.includes(secret)) return;
    tokens.push(secret);
    if (tokens.length > MOST_SECRETS) tokens.shift();
  };
  const trusted = new Trust(trust, transport, vault, () => time.now());
  return { licenseKey, device, tenantId, outage, transport, vault, trust: trusted, time, hide };
}
