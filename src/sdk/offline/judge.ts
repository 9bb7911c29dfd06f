import { type Facts, type Verdict, verdictOn } from '../../activations/model/verdict.js';
import { addMillis, type Instant, instant, latest } from '../../core/clock.js';
import type { LicenseRestriction, RestrictionType } from '../../templates/model.js';
import { type DeviceBinding, marksOf } from './deviceBinding.js';
import type { LicenseDocument } from './licenseDocument.js';
import type { RevocationList } from './revocationList.js';
import { CLOCK_TOLERANCE_SECONDS } from './signature.js';

/**
 * What an application keeps from one start to the next, where its user does not change it easily: the latest time that it
 * has seen, and the latest revocation list. Both only grow.
 */
export interface OfflineRecord {
  readonly seenAt: string;
  readonly epoch: number;
}

/** What an application knows when it asks of a document. What is left out is not asked. */
export interface OfflineFacts {
  /** The device's clock; the present if left out. */
  readonly now?: Date | undefined;
  /** A document that is bound to a device holds on no other, and on none that does not say which it is. */
  readonly deviceFingerprint?: string | undefined;
  readonly hardwareId?: string | undefined;
  readonly macAddress?: string | undefined;
  readonly user?: string | undefined;
  /** The vendor's own tenant. Others whom the same server serves sign with the same keys, and may name a product alike. */
  readonly tenantId?: string | undefined;
  readonly productId?: string | undefined;
  readonly version?: { readonly name: string; readonly releasedAt?: Date | undefined } | undefined;
  /** Features that have to be granted. */
  readonly features?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
  /** What was kept when it was asked last. */
  readonly record?: OfflineRecord | undefined;
  /** The revocation list, if one was carried here. */
  readonly revocations?: string | undefined;
}

/** In the form of keyed hashes, which is how the rules take what identifies a device. */
const asHash = (mark: string | null): string[] | undefined =>
  mark === null ? undefined : [`device.${mark}`];

const allowing = (restrictionType: RestrictionType, values: string[] | undefined): LicenseRestriction[] =>
  values === undefined ? [] : [{ restrictionType, operator: 'ALLOW', values }];

/** What was judged by MAC address or hardware id when the document was signed is bound to those that it was judged by. */
function boundRestrictions(bound: DeviceBinding | null): LicenseRestriction[] {
  if (bound === null) return [];
  return [
    ...allowing('MAC_ADDRESS', asHash(bound.macAddress)),
    ...allowing('HARDWARE_ID', asHash(bound.hardwareId)),
  ];
}

/** The device's own marks, if the document asks for any and the device says which it is. */
async function ownMarks(
  { device }: LicenseDocument,
  { deviceFingerprint, hardwareId, macAddress, user }: OfflineFacts,
): Promise<DeviceBinding | null> {
  if (device === null || deviceFingerprint === undefined) return null;
  return marksOf(device, { deviceFingerprint, hardwareId, macAddress, user });
}

function licenseFacts(
  { license, device }: LicenseDocument,
  list: RevocationList | undefined,
): Facts['license'] {
  const restrictions = [...license.restrictions, ...boundRestrictions(device)];
  const lost = list?.licenses.find(({ id }) => id === license.id)?.status;
  const suspensionCause = lost === 'SUSPENDED' ? ('MANUAL' as const) : null;
  const suspension = { suspensionCause, suspensionReason: null, suspendedFrom: null };
  // It ran, or was in grace, when it was signed; which of the two it is now its dates say.
  return { ...license, ...suspension, status: lost ?? 'ACTIVE', restrictions };
}

function activationFacts(
  { activation, device }: LicenseDocument,
  own: DeviceBinding | null,
  user: string | undefined,
  isEnded: boolean,
): Facts['activation'] {
  if (activation === null) return undefined;
  const isOther = device !== null && device.user !== null && device.user !== own?.user;
  const userRef = isOther ? '' : (user ?? null);
  return { ...activation, userRef, status: isEnded ? 'DEACTIVATED' : 'ACTIVE' };
}

/** The latest time that is known to have been. */
export function lastSeen(document: LicenseDocument, record: OfflineRecord | undefined): Instant {
  const seen = Date.parse(record?.seenAt ?? '');
  return Number.isNaN(seen) ? document.issuedAt : latest(document.issuedAt, instant(seen));
}

const tolerance = CLOCK_TOLERANCE_SECONDS * 1000;

/** Judges a document that is as it was signed, by the same rules as the server. */
export async function judge(
  document: LicenseDocument,
  asked: OfflineFacts,
  now: Instant,
  list: RevocationList | undefined,
): Promise<Verdict> {
  const { activation, device, deviceId } = document;
  const own = await ownMarks(document, asked);
  const isEnded = activation !== null && list?.activations.includes(activation.id) === true;
  const { version } = asked;
  return verdictOn({
    now,
    license: licenseFacts(document, list),
    activation: activationFacts(document, own, asked.user, isEnded),
    deviceNamed: activation !== null,
    blacklisted: deviceId !== null && list?.devices.includes(deviceId) === true,
    fingerprintMatches: device === null ? undefined : own?.fingerprint === device.fingerprint,
    user: asked.user,
    productId: asked.productId,
    version:
      version === undefined
        ? undefined
        : {
            name: version.name,
            releasedAt: version.releasedAt === undefined ? null : instant(version.releasedAt.getTime()),
          },
    features: asked.features,
    restrictionFacts: {
      country: asked.country,
      domain: asked.domain,
      macAddress: asHash(own?.macAddress ?? null),
      hardwareId: asHash(own?.hardwareId ?? null),
    },
    signatureValid: true,
    fileExpiresAt: addMillis(document.expiresAt, tolerance),
    clockSetBack: addMillis(now, tolerance) < lastSeen(document, asked.record),
  });
}
