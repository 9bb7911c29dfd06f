import { subjectOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { bindingOf, type DeviceBinding } from '../../sdk/offline/deviceBinding.js';
import { armored, DOCUMENT_CHARACTERS, type DocumentKind } from '../../sdk/offline/documents.js';
import { claimsOf, type LicenseContent } from '../../sdk/offline/licenseDocument.js';
import { listedDevice } from '../../sdk/offline/revocationList.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { isRestrictedBy, offlineRestrictions, requireCarriable, secondsUntil } from '../model/offline.js';
import { seatUnit } from '../model/seats.js';
import type { Facts } from '../model/verdict.js';
import { revocationList } from '../queries/offline.js';
import type { ActivateLicenseInput } from '../schema.js';
import { type Activation, licenseFiles } from '../table.js';
import { factsOfClaim } from './activateLicense.js';
import { restrictionFactsOf } from './restrictionFacts.js';

/** A device as it tells of itself; what tells it from others is kept nowhere. */
export type Device = Pick<ActivateLicenseInput, 'deviceFingerprint' | 'hardwareId' | 'macAddress' | 'user'>;

/** The marks of a device; they take 40 ms, and so are made before its license is locked, for whoever may have a document. */
export function markedDevice(device: Device): Promise<DeviceBinding> {
  return bindingOf(device);
}

/**
 * What the rules look at when a device is to have a document. What it told before does not count: the document is bound to
 * what it tells now, and would be bound to nothing.
 */
export async function factsOfOffline(
  work: Work,
  license: License,
  activation: Activation | undefined,
  input: ActivateLicenseInput,
): Promise<Facts> {
  const facts = await factsOfClaim(work, license, activation, input);
  return { ...facts, restrictionFacts: restrictionFactsOf(work, input) };
}

/** Only what the license asks of a device is written down in its documents. */
function narrowed(marks: DeviceBinding, license: License): DeviceBinding {
  const { restrictions } = license;
  return {
    ...marks,
    hardwareId: isRestrictedBy(restrictions, 'HARDWARE_ID') ? marks.hardwareId : null,
    macAddress: isRestrictedBy(restrictions, 'MAC_ADDRESS') ? marks.macAddress : null,
    user: seatUnit(license) === 'USER' ? marks.user : null,
  };
}

export interface Subject {
  readonly license: License;
  readonly activation: Activation | undefined;
  readonly marks: DeviceBinding | undefined;
}

/** A response says itself when it ends, and the seat that is kept for it with it. */
function activationIn({ id, activationType, expiresAt, leaseExpiresAt }: Activation, isResponse: boolean) {
  const isKept = isResponse && activationType === 'OFFLINE';
  return { id, activationType, expiresAt: isKept ? null : expiresAt, leaseExpiresAt };
}

async function contentOf(
  reading: Reading,
  { license, activation, marks }: Subject,
  nonce: string | null,
): Promise<LicenseContent> {
  const { id, productId, productName, productVersion, licenseType, licenseModel, issuedTo } = license;
  const { issuedDate, expiryDate, gracePeriodDays, maintenanceExpiry, maxActivations, features } = license;
  return {
    tenantId: reading.tenantId,
    epoch: (await revocationList(reading))?.epoch ?? 0,
    license: {
      ...{ id, productId, productName, productVersion, licenseType, licenseModel, issuedTo },
      ...{ issuedDate, expiryDate, gracePeriodDays, maintenanceExpiry, maxActivations, features },
      restrictions: offlineRestrictions(license.restrictions),
    },
    activation: activation === undefined ? null : activationIn(activation, nonce !== null),
    device: marks === undefined ? null : narrowed(marks, license),
    deviceId: activation === undefined ? null : await listedDevice(activation.deviceFingerprint),
    nonce,
  };
}

/** A document as it is carried, unless no device would take it. */
export function carriable(kind: DocumentKind, code: string, { id }: Pick<License, 'id'>): string {
  const document = armored(kind, code);
  requireCarriable(document, DOCUMENT_CHARACTERS, { licenseId: id });
  return document;
}

/** Signs a document about a license, and writes down that it is out: lists of what no longer holds are made from that. */
export async function issueDocument(
  work: Work,
  seals: Seals,
  subject: Subject,
  { nonce, end }: { readonly nonce: string | null; readonly end: Instant },
): Promise<{ readonly id: string; readonly code: string }> {
  const id = newId<'LicenseFile'>(work.now);
  const content = await contentOf(work, subject, nonce);
  const kind = nonce === null ? 'licenseFile' : 'offlineResponse';
  const code = await seals.sign(kind, claimsOf(id, content), secondsUntil(end, work.now));
  carriable(nonce === null ? 'licenseFile' : 'response', code, subject.license);
  await work.db.insert(licenseFiles).values({
    tenantId: work.tenantId,
    id,
    licenseId: subject.license.id,
    activationId: subject.activation?.id ?? null,
    issuedBy: subjectOf(work.actor) ?? '',
    expiresAt: end,
    createdAt: work.now,
  });
  return { id, code };
}
