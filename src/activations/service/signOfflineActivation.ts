import { subjectOf } from '../../core/actor.js';
import { latest } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import type { OfflineRequest as Request } from '../../sdk/offline/request.js';
import type { Seals } from '../../sdk/offline/seals.js';
import { isReservation } from '../model/activation.js';
import { documentEnd, keptUntil, requestAnswered, requireFresh, requireRunning } from '../model/offline.js';
import { isFloating } from '../model/seats.js';
import { type Facts, requirePassing } from '../model/verdict.js';
import { offlineRequestOf } from '../queries/offline.js';
import type { SignOfflineActivationInput } from '../schema/offline.js';
import { type Activation, type OfflineRequest, offlineRequests } from '../table.js';
import { firstActivation, licenseShown, livingActivation, lockedLicense, notYet } from './activateLicense.js';
import { changeActivation, eventOf } from './activation.js';
import { factsOfOffline, issueDocument, markedDevice, type Subject } from './licenseContent.js';
import { carried, onlineInput, openedRequest } from './offlineRequest.js';
import { countSeat } from './seats.js';

const bond = (id: string): string => `offline_request:${id}`;

export function storedResponse(work: Work, row: OfflineRequest): string {
  return work.keys.decrypt(row.response, bond(row.id));
}

/**
 * The seat of a device that has one already is kept for as long as the new response holds, with what the request asks
 * beyond it: whoever is signed for more processors is counted for them, whether or not he ever registers.
 */
async function reserveAgain(
  work: Work,
  license: License,
  known: Activation,
  { user, units }: Request,
  seats: Facts['seats'],
) {
  const until = keptUntil(documentEnd(work.now, work.settings.offlineCodeDays, { license, ends: [] }));
  const activation = await changeActivation(work, known, {
    userRef: known.userRef ?? user,
    units: Math.max(known.units, units ?? 1),
    ...(isReservation(known) ? { expiresAt: latest(known.expiresAt, until) } : {}),
    ...(isFloating(license)
      ? { leaseExpiresAt: latest(known.leaseExpiresAt, until), seatFreedAt: null }
      : {}),
  });
  return { activation, license: await countSeat(work, license, { activation, before: known, seats }) };
}

/** A seat for a device: the one that it has, or one that is kept for it. */
async function reserve(
  work: Work,
  license: License,
  known: Activation | undefined,
  request: Request,
  seats: Facts['seats'],
): Promise<{ readonly activation: Activation; readonly license: License }> {
  if (known !== undefined) return reserveAgain(work, license, known, request, seats);
  const until = keptUntil(documentEnd(work.now, work.settings.offlineCodeDays, { license, ends: [] }));
  const leaseExpiresAt = isFloating(license) ? until : null;
  const terms = { activationType: 'OFFLINE', expiresAt: until, leaseExpiresAt } as const;
  return firstActivation(work, license, onlineInput(request), seats, terms);
}

/** Signs the one answer that this request gets, and keeps it. */
async function answer(
  work: Work,
  seals: Seals,
  request: Request,
  subject: Subject & { activation: Activation },
) {
  const { license, activation } = subject;
  const limited = isReservation(activation) ? null : activation.expiresAt;
  const lease = isFloating(license) ? activation.leaseExpiresAt : null;
  const end = documentEnd(work.now, work.settings.offlineCodeDays, { license, ends: [limited, lease] });
  const { code } = await issueDocument(work, seals, subject, { nonce: request.nonce, end });
  const id = newId<'OfflineRequest'>(work.now);
  await work.db.insert(offlineRequests).values({
    tenantId: work.tenantId,
    id,
    licenseId: license.id,
    activationId: activation.id,
    nonce: request.nonce,
    madeAt: request.madeAt,
    signedBy: subjectOf(work.actor) ?? '',
    response: work.keys.encrypt(code, bond(id)),
    expiresAt: end,
    createdAt: work.now,
    updatedAt: work.now,
  });
  await work.emit(eventOf(activation, 'activation.signed_offline', { expires_at: end }));
  return signed(code, end, activation, license);
}

function signed(responseCode: string, expiresAt: string, activation: Activation, license: License) {
  const response = { kind: 'response', code: responseCode } as const;
  return { responseCode, expiresAt, activation, license, response };
}

/**
 * Answers the request of a device that cannot connect: judged by the rules of `activateLicense`, its seat kept from now
 * on. The same request again gets the same answer, and no second seat.
 */
export async function signOfflineActivation(work: Work, input: SignOfflineActivationInput, seals: Seals) {
  const request = await openedRequest(work, seals, input.requestCode);
  const id = await licenseShown(work, request.licenseKey);
  // They take 40 ms, in which nobody has to wait for the license.
  const marks = await markedDevice(request);
  const license = await lockedLicense(work, id, request.deviceFingerprint);
  const known = await livingActivation(work, license, request.deviceFingerprint);
  const about = { licenseId: license.id, ...(known === undefined ? {} : { activationId: known.id }) };
  requireFresh(request.madeAt, work.now, work.settings.offlineCodeDays, about);
  const before = await offlineRequestOf(work, license.id, request.nonce);
  if (before !== undefined) requireRunning(before.expiresAt, work.now, about);
  if (before !== undefined && before.activationId !== known?.id) throw requestAnswered(about);
  const there = carried(work);
  const facts = await factsOfOffline(there, license, known, onlineInput(request));
  requirePassing(facts, notYet, about);
  if (before !== undefined && known !== undefined)
    return signed(storedResponse(work, before), before.expiresAt, known, license);
  const reserved = await reserve(there, license, known, request, facts.seats);
  return answer(work, seals, request, { ...reserved, marks });
}
