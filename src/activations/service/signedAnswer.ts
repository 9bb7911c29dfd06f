import { createHash } from 'node:crypto';
import { mayAct } from '../../core/actor.js';
import { canonicalText } from '../../core/canonicalText.js';
import { type Instant, millis } from '../../core/clock.js';
import type { Sign } from '../../core/tokenTypes.js';
import type { Reading } from '../../core/work.js';
import { graceEnd } from '../../licenses/model.js';
import type { Answer, KeyQuestion, TokenQuestion, Validation } from './validate.js';

/** How long a signed answer verifies; who is to live by it for longer goes by when it was issued. */
export const SIGNED_ANSWER_SECONDS = 300;

/** SHA-256 in base64url of the arguments as they were sent: whoever asked can tell an answer to another question. */
export function questionDigest(question: KeyQuestion | TokenQuestion): string {
  return createHash('sha256').update(canonicalText(question)).digest('base64url');
}

/** What the caller may see of the license and the device, by the same permissions as in the graph. */
function subjectsOf({ actor }: Reading, { license, activation }: Validation) {
  return {
    ...(license !== null && mayAct(actor, 'license.read') ? { license_id: license.id } : {}),
    ...(activation !== null && mayAct(actor, 'activation.read_shown')
      ? { activation_id: activation.id }
      : {}),
  };
}

/**
 * Until when a valid verdict can hold by time alone: the license and its grace, the activation where that is limited, and
 * the features that were asked for. What an emergency code gave passes over the end of grace. Null is for good.
 */
function endOf({ license, activation }: Validation, features: readonly string[]): Instant | null {
  if (license === null) return null;
  const isEmergency = activation?.activationType === 'EMERGENCY';
  const asked = license.features.filter(({ featureId }) => features.includes(featureId));
  const ends = [
    isEmergency ? null : graceEnd(license),
    activation?.expiresAt,
    ...asked.map(({ expiresAt }) => expiresAt),
  ];
  return ends.filter((end): end is Instant => end !== null && end !== undefined).toSorted()[0] ?? null;
}

/** A verdict with its signature, where a nonce was sent: a refusal is signed as well, so that nobody can make one up. */
export async function signedAnswer(
  reading: Reading,
  question: KeyQuestion | TokenQuestion,
  validation: Validation,
  sign: Sign,
): Promise<Answer> {
  const { nonce } = question;
  if (!nonce) return { ...validation, signedAnswer: null };
  const { valid, code, reasons } = validation;
  const end =
    valid && mayAct(reading.actor, 'license.read') ? endOf(validation, question.features ?? []) : null;
  const claims = {
    nonce,
    question: questionDigest(question),
    valid,
    code,
    reasons: reasons.map((reason) => reason.code),
    ...(end === null ? {} : { valid_until: Math.floor(millis(end) / 1000) }),
    ...subjectsOf(reading, validation),
  };
  return { ...validation, signedAnswer: await sign('validation', claims, SIGNED_ANSWER_SECONDS) };
}
