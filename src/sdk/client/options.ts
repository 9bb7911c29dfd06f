import type { Store } from './stores.js';
import type { Time } from './time.js';
import type { TrustedKeys } from './trust.js';

/** What a device says of itself, as `activateLicense` takes it. What is left out is not told. */
export interface Device {
  /** What tells it from others, 1 to 1024 characters; `machineFingerprint` and `storedFingerprint` make one. */
  readonly fingerprint: string;
  readonly user?: string | undefined;
  /** Processors or cores, where a license counts them. */
  readonly units?: number | undefined;
  readonly productId?: string | undefined;
  /** The version of the product; maintenance has to cover it. */
  readonly version?: string | undefined;
  readonly machineName?: string | undefined;
  readonly hardwareId?: string | undefined;
  readonly macAddress?: string | undefined;
  readonly domain?: string | undefined;
  readonly operatingSystem?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly applicationVersion?: string | undefined;
  readonly location?: DeviceLocation | undefined;
}

export interface DeviceLocation {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** IANA. */
  readonly timezone: string;
  readonly region?: string | undefined;
  readonly city?: string | undefined;
}

/** What happens when nobody can be asked. There is no default: it is the application's promise, and never without end. */
export interface OutagePolicy {
  /** For how many seconds after it was signed the last verdict holds: 0 to 31,622,400 (366 days). 0: for none. */
  readonly holdSeconds: number;
}

export interface LicenseClientOptions {
  /** The address of the license server's graph: `https://licenses.example.com/graphql`. */
  readonly url: string;
  /** As the user has typed it; one that is malformed is answered so by `validate`. */
  readonly licenseKey: string;
  readonly device: Device;
  /**
   * The vendor's own tenant: a key, a token or a document of another one is not found, or another vendor's. Needed where
   * the server serves other vendors too: any of them could make licenses of a product that is called as yours. Units are
   * drawn by a device that is activated, then.
   */
  readonly tenantId?: string | undefined;
  /** What outlives the process: `memoryStore()`, `webStore(localStorage)`, `fileStore(folder)` or your own. */
  readonly store: Store;
  /** Whose signatures are believed: `'PUBLISHED'`, or the keys that came with the application. */
  readonly trust: TrustedKeys;
  /** How long the last signed verdict holds while the server is away. */
  readonly outage: OutagePolicy;
  /**
   * Told when the store could not be read or written, with what it threw: a full disk, a folder that is not the
   * application's. The client goes on with what it has in memory, which ends with the process.
   */
  readonly onStoreFailed?: ((error: unknown) => void) | undefined;
  /** After how many milliseconds a try is given up; 10,000. */
  readonly timeoutMillis?: number | undefined;
  /** How often a call is sent before it is an outage; 2. Mutations go under one idempotency key. */
  readonly tries?: number | undefined;
  /** For proxies and tests; the platform's own otherwise. */
  readonly fetch?: typeof fetch | undefined;
  /** For tests; the device's own otherwise. */
  readonly time?: Time | undefined;
}

const MOST_HOLD_SECONDS = 366 * 86_400;

function requireThat(holds: boolean, message: string): void {
  if (!holds) throw new TypeError(message);
}

/** @throws TypeError for the options of a loop that are no object. */
export function requireObject(options: unknown): void {
  requireThat(typeof options === 'object' && options !== null, 'options: has to be an object');
}

const texts = [
  'user',
  'productId',
  'version',
  'machineName',
  'hardwareId',
  'macAddress',
  'domain',
  'operatingSystem',
  'userAgent',
  'applicationVersion',
] as const satisfies readonly (keyof Device)[];

/** The graph would take a number for an id, and sign another question than was asked: its answer would look forged. */
function requireDevice(device: Device): void {
  const { fingerprint } = device ?? {};
  requireThat(
    typeof fingerprint === 'string' && fingerprint.trim().length > 0 && fingerprint.length <= 1024,
    'device.fingerprint: has to be 1 to 1024 characters',
  );
  for (const name of texts)
    requireThat(typeof (device[name] ?? '') === 'string', `device.${name}: has to be a text`);
}

/** What would otherwise be found out when something has to be kept, and was not. */
function isStore(store: unknown): boolean {
  if (typeof store !== 'object' || store === null) return false;
  return ['get', 'set'].every((name) => typeof Reflect.get(store, name) === 'function');
}

function isWebAddress(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  // No fetch takes an address that holds a password, and each call would look like an outage.
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** @throws TypeError for options that are none: the one thing that a client throws. */
export function requireOptions(options: LicenseClientOptions): void {
  requireObject(options);
  const { url, licenseKey, device, tenantId, store, trust, outage, timeoutMillis = 1, tries = 1 } = options;
  const { holdSeconds } = outage ?? {};
  requireThat(
    globalThis.crypto?.subtle !== undefined,
    'WebCrypto: has to be there; a page has it over HTTPS only',
  );
  requireThat(isWebAddress(url), 'url: has to be the address of a license server, https://…/graphql');
  requireThat(typeof licenseKey === 'string', 'licenseKey: has to be a text');
  requireDevice(device);
  requireThat(isStore(store), 'store: has to have get(name) and set(name, text)');
  requireThat(
    tenantId === undefined || (typeof tenantId === 'string' && tenantId.length > 0),
    'tenantId: has to be the code of a tenant',
  );
  requireThat(
    trust === 'PUBLISHED' || Array.isArray(trust?.keys),
    "trust: has to be 'PUBLISHED' or a set of public keys, { keys: [...] }",
  );
  requireThat(
    typeof holdSeconds === 'number' && holdSeconds >= 0 && holdSeconds <= MOST_HOLD_SECONDS,
    `outage.holdSeconds: has to be from 0 to ${MOST_HOLD_SECONDS}`,
  );
  requireThat(timeoutMillis > 0 && Number.isFinite(timeoutMillis), 'timeoutMillis: has to be more than 0');
  requireThat(Number.isInteger(tries) && tries >= 1 && tries <= 10, 'tries: has to be from 1 to 10');
}
