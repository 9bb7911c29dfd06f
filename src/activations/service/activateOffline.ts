import { and, eq } from 'drizzle-orm';
import type { RefusalSubject } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { codeIn } from '../../sdk/offline/documents.js';
import { signedDocument } from '../../sdk/offline/licenseFile.js';
import type { OfflineRequest as Request } from '../../sdk/offline/request.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { isReservation } from '../model/activation.js';
import { codeMismatch, codeUsed, requireRunning, responseForged } from '../model/offline.js';
import { type Facts, requirePassing } from '../model/verdict.js';
import { offlineRequestOf } from '../queries/offline.js';
import type { ActivateOfflineInput } from '../schema/offline.js';
import { type Activation, type OfflineRequest, offlineRequests } from '../table.js';
import {
  type ActivatedLicense,
  activatedAgain,
  factsOfClaim,
  licenseOfKey,
  livingActivation,
  notYet,
} from './activateLicense.js';
import { eventOf } from './activation.js';
import { carried, onlineInput, openedRequest } from './offlineRequest.js';
import { storedResponse } from './signOfflineActivation.js';

/** The request that a response answers: as it was signed, not over, this one and no other. */
async function answeredRequest(
  work: Work,
  seals: Seals,
  { request, responseCode, license }: { request: Request; responseCode: string; license: License },
): Promise<OfflineRequest> {
  const about: RefusalSubject = { licenseId: license.id };
  const code = codeIn('response', responseCode);
  const keys = { keys: await seals.publicKeys() };
  const document = code === undefined ? undefined : await signedDocument('offlineResponse', code, keys);
  if (document === undefined) {
    await work.missed();
    throw responseForged(about);
  }
  const row = await offlineRequestOf(work, license.id, request.nonce);
  if (row === undefined || storedResponse(work, row) !== code) throw codeMismatch(about);
  if (row.registeredAt !== null) throw codeUsed(about);
  requireRunning(row.expiresAt, work.now, about);
  return row;
}

/** The seat that was kept is the device's for good; a floating one for as long as it was kept. */
function registered(
  work: Work,
  known: Activation,
  license: License,
  { request, seats }: { request: Request; seats: Facts['seats'] },
): Promise<ActivatedLicense> {
  const terms = isReservation(known) ? { expiresAt: null } : {};
  return activatedAgain(work, license, known, onlineInput(request), { seats, terms });
}

/** Registers what was signed for a device without a connection; once. */
export async function activateOffline(
  work: Work,
  input: ActivateOfflineInput,
  seals: Seals,
): Promise<ActivatedLicense> {
  const request = await openedRequest(work, seals, input.requestCode);
  const license = await licenseOfKey(work, request);
  const { responseCode } = input;
  const row = await answeredRequest(work, seals, { request, responseCode, license });
  const known = await livingActivation(work, license, request.deviceFingerprint);
  const about = { licenseId: license.id, activationId: row.activationId };
  if (known === undefined || known.id !== row.activationId) throw codeUsed(about);
  const there = carried(work);
  const facts = await factsOfClaim(there, license, known, onlineInput(request));
  requirePassing(facts, notYet, about);
  await work.db
    .update(offlineRequests)
    .set({ registeredAt: work.now, updatedAt: work.now })
    .where(and(eq(offlineRequests.tenantId, work.tenantId), eq(offlineRequests.id, row.id)));
  const activated = await registered(there, known, license, { request, seats: facts.seats });
  await work.emit(eventOf(activated.activation, 'activation.registered'));
  return activated;
}
