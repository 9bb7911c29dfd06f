import { base64url } from 'jose';
import type { VerdictCode } from '../../activations/model/verdict.js';
import { canonicalText } from '../../core/canonicalText.js';
import { fieldsOf } from '../answers.js';
import { isVerdictCode } from './verdicts.js';

/** What a validation is asked with, as it is sent. */
export type Question = Readonly<Record<string, unknown>>;

/** What the vendor has signed of a question. */
export interface SignedVerdict {
  readonly valid: boolean;
  readonly code: VerdictCode;
  readonly reasons: readonly VerdictCode[];
  readonly signedAtMillis: number;
  /** When the license, its grace, the activation or a feature that was asked for ends, whichever is first; null is never. */
  readonly validUntilMillis: number | null;
}

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** SHA-256 in base64url of the arguments, as the server digests what it was asked. */
export async function questionDigest(question: Question): Promise<string> {
  const bytes = new Uint8Array(new TextEncoder().encode(canonicalText(question)));
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * What verified claims say to this very question, nonce included; undefined for an answer to any other one. That it is
 * fresh, its nonce says: no clock is asked, since the device's may be wrong.
 */
export async function verdictIn(
  claims: Readonly<Record<string, unknown>> | undefined,
  question: Question,
): Promise<SignedVerdict | undefined> {
  const { nonce, question: digest, valid, code, reasons, iat, valid_until: end } = claims ?? {};
  if (nonce !== question.nonce || digest !== (await questionDigest(question))) return undefined;
  if (!isSeconds(iat) || !(end === undefined || isSeconds(end)) || !isVerdictCode(code)) return undefined;
  if (!Array.isArray(reasons) || !reasons.every(isVerdictCode)) return undefined;
  if (valid !== (code === 'VALID' || code === 'GRACE_PERIOD')) return undefined;
  return {
    valid,
    code,
    reasons,
    signedAtMillis: iat * 1000,
    validUntilMillis: end === undefined ? null : end * 1000,
  };
}

/** The sentences that came beside a signed answer, by the code that they explain; they are signed by nobody. */
export function sentencesIn(answer: unknown): ReadonlyMap<string, { message: unknown; remedy: unknown }> {
  const { reasons } = fieldsOf(answer);
  const listed = Array.isArray(reasons) ? reasons.map(fieldsOf) : [];
  return new Map(listed.map(({ code, message, remedy }) => [String(code), { message, remedy }]));
}
