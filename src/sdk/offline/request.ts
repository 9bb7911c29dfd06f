import { base64url, CompactEncrypt, compactDecrypt, importJWK, type JSONWebKeySet, type JWK } from 'jose';
import { type Instant, instant } from '../../core/clock.js';
import { REQUEST_TYPE } from '../../core/tokenTypes.js';
import { requireDate, requireKeys, requireObject, requireText } from './arguments.js';
import { armored, codeIn, headerOf, partsOf } from './documents.js';
import { moment, orNull, type Read, readOr, record, text, whole } from './shape.js';

/** What a device that cannot connect asks with; the same facts as it would activate with. */
export interface OfflineDevice {
  readonly licenseKey: string;
  readonly deviceFingerprint: string;
  readonly user?: string | null | undefined;
  readonly units?: number | null | undefined;
  readonly productId?: string | null | undefined;
  readonly machineName?: string | null | undefined;
  readonly hardwareId?: string | null | undefined;
  readonly macAddress?: string | null | undefined;
  readonly operatingSystem?: string | null | undefined;
  readonly applicationVersion?: string | null | undefined;
  readonly domain?: string | null | undefined;
  /** The country that the device says it is in, as an ISO 3166 code. */
  readonly country?: string | null | undefined;
  /** The IANA time zone that it is set to. */
  readonly timezone?: string | null | undefined;
}

/** The same as the vendor's side reads it, with what makes it this request and no other. */
export type OfflineRequest = {
  readonly [Name in keyof OfflineDevice]-?: Exclude<OfflineDevice[Name], undefined>;
} & { readonly nonce: string; readonly madeAt: Instant };

/** What the device keeps until the answer comes: the nonce tells it from an answer to anything else. */
export interface PendingRequest {
  readonly nonce: string;
  readonly madeAt: Instant;
}

export interface MadeRequest {
  /** The code alone, as it goes into a QR code. */
  readonly requestCode: string;
  /** The same as text for a file, mail or paper. */
  readonly text: string;
  readonly pending: PendingRequest;
}

export const readRequest: Read<OfflineRequest> = record<OfflineRequest>({
  licenseKey: text(100),
  deviceFingerprint: text(1024),
  nonce: text(22, 22),
  madeAt: moment,
  user: orNull(text(255)),
  units: orNull(whole(1, 100_000)),
  productId: orNull(text(50)),
  machineName: orNull(text(255)),
  hardwareId: orNull(text(1024)),
  macAddress: orNull(text(17, 12)),
  operatingSystem: orNull(text(100)),
  applicationVersion: orNull(text(50)),
  domain: orNull(text(253)),
  country: orNull(text(2, 2)),
  timezone: orNull(text(64)),
});

const HEADER = ['alg', 'enc', 'typ', 'kid', 'epk'];
const NONCE_BYTES = 16;

/** The newest key that opens requests. */
function openingKey(keys: JSONWebKeySet): JWK {
  const key = keys.keys.findLast((each) => each.use === 'enc' && each.kty === 'EC' && each.crv === 'P-256');
  if (key === undefined) throw new Error('the public keys hold none that requests are encrypted to');
  return key;
}

/**
 * Makes a request code on the device, without a connection: the license key and the device's facts, encrypted to the
 * vendor's public key (JWE, ECDH-ES over P-256 with A256GCM: what every browser has), so that whoever carries the code
 * reads neither.
 *
 * @param keys The vendor's JWKS, as it came with the application.
 * @param now The device's clock; the present if left out.
 * @throws Error if they hold no key to encrypt to.
 * @throws InvalidArgument for an argument of another type than is documented.
 */
export async function createOfflineRequest(
  device: OfflineDevice,
  keys: JSONWebKeySet,
  now: Date = new Date(),
): Promise<MadeRequest> {
  requireObject('device', device);
  requireText('device.licenseKey', device.licenseKey);
  requireText('device.deviceFingerprint', device.deviceFingerprint);
  requireKeys('keys', keys);
  requireDate('now', now);
  const nonce = base64url.encode(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const madeAt = instant(now.getTime());
  const given = Object.entries(device).filter(([, value]) => value !== null && value !== undefined);
  const content = JSON.stringify({ ...Object.fromEntries(given), nonce, madeAt });
  const key = openingKey(keys);
  const requestCode = await new CompactEncrypt(new TextEncoder().encode(content))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: REQUEST_TYPE, kid: key.kid ?? '' })
    .encrypt(await importJWK(key, 'ECDH-ES'));
  return { requestCode, text: armored('request', requestCode), pending: { nonce, madeAt } };
}

/** Where a request says that it opens: the id of its key. Undefined if it is no request. */
export function requestKeyId(input: string): { readonly code: string; readonly kid: string } | undefined {
  const code = codeIn('request', input);
  const header = code !== undefined && partsOf(code) === 5 ? headerOf(code, HEADER) : undefined;
  const { alg, enc, typ, kid } = header ?? {};
  const fits = alg === 'ECDH-ES' && enc === 'A256GCM' && typ === REQUEST_TYPE && typeof kid === 'string';
  return fits && code !== undefined ? { code, kid } : undefined;
}

/** What a request asks, opened with the private half of its key. Undefined if it does not open or does not fit. */
export async function openRequest(code: string, privateKey: JWK): Promise<OfflineRequest | undefined> {
  try {
    const { plaintext } = await compactDecrypt(code, await importJWK(privateKey, 'ECDH-ES'), {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return readOr(readRequest, JSON.parse(new TextDecoder().decode(plaintext)));
  } catch {
    // Not encrypted to us, changed on the way, or no JSON: no request.
    return undefined;
  }
}
