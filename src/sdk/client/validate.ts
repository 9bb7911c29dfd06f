import { base64url } from 'jose';
import { verdictCodes } from '../../activations/model/verdict.js';
import { isClockSetBack, sawSignedTime, sawTime, vendorTime } from './clockGuard.js';
import { type Kept, type KeptAnswer, MOST_ANSWERS } from './kept.js';
import { VALIDATE_KEY, VALIDATE_TOKEN } from './operations.js';
import type { Parts } from './parts.js';
import { forged, type Problem, type Refused, unfit } from './results.js';
import {
  type Question,
  questionDigest,
  type SignedVerdict,
  sentencesIn,
  verdictIn,
} from './signedAnswers.js';
import type { Fields } from './transport.js';
import { type LicenseVerdict, refusing } from './verdicts.js';

/** What a validation asks beyond the device's own facts. */
export interface Asking {
  /** Features that have to be granted. */
  readonly features?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const NONCE_BYTES = 24;

function newNonce(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
}

/** By its token, once this device is activated; else by the license key. */
function questionOf({ licenseKey, device, tenantId }: Parts, { activation }: Kept, asking: Asking): Question {
  const { fingerprint, user, productId, version, macAddress, hardwareId, domain, location } = device;
  const shown = activation === null ? { licenseKey } : { activationToken: activation.token };
  const facts = { tenantId, productId, version, macAddress, hardwareId, domain, location };
  const asked = { features: asking.features, user: asking.user ?? user };
  return { ...shown, deviceFingerprint: fingerprint, ...facts, ...asked };
}

function withAnswer(kept: Kept, answer: KeptAnswer, isValid: boolean): Kept {
  // A refusal ends what was held for other questions: the license may be gone.
  const others = isValid ? kept.answers.filter(({ asked }) => asked !== answer.asked) : [];
  return { ...kept, answers: [answer, ...others].slice(0, MOST_ANSWERS) };
}

/** The vendor has signed that it is this time: what was seen by a clock that was ahead is forgotten. */
function healed(kept: Kept, signedAt: number, now: number): Kept {
  const { offline } = kept;
  const ahead = offline !== null && Date.parse(offline.seenAt) > signedAt;
  const record = ahead ? { ...offline, seenAt: new Date(signedAt).toISOString() } : offline;
  return { ...sawSignedTime(kept, signedAt, now), offline: record, isTampered: false };
}

/** As long as the policy says, and no longer than the vendor has signed. */
function holdsUntil({ outage }: Parts, { signedAtMillis, validUntilMillis }: SignedVerdict): Date {
  return new Date(
    Math.min(signedAtMillis + outage.holdSeconds * 1000, validUntilMillis ?? Number.POSITIVE_INFINITY),
  );
}

function verdictOf(
  parts: Parts,
  signed: SignedVerdict,
  by: 'SERVER' | 'HELD',
  answer: Fields,
  problem: Problem | null,
): LicenseVerdict {
  const sentences = sentencesIn(answer);
  return {
    valid: signed.valid,
    code: signed.code,
    reasons: signed.reasons.map((code) => ({
      code,
      message: verdictCodes[code],
      remedy: parts.transport.shown(sentences.get(code)?.remedy),
    })),
    by,
    signedAt: new Date(signed.signedAtMillis),
    holdsUntil: holdsUntil(parts, signed),
    problem,
  };
}

const CONNECT = 'Connect to the license server.';

/** The last signed verdict on this very question, for as long as the policy says. */
async function heldVerdict(parts: Parts, question: Question, problem: Problem): Promise<LicenseVerdict> {
  const now = parts.time.now();
  const kept = await parts.vault.read();
  if (kept.isTampered) return refusing('STORE_TAMPERED', CONNECT, problem);
  if (isClockSetBack(kept, now))
    return refusing('CLOCK_SET_BACK', 'Set the clock of the device right.', problem);
  const time = vendorTime(sawTime(kept, now), now);
  await parts.vault.update((known) => sawTime(known, now));
  // What an answer is kept for: the same question without its nonce.
  const asked = await questionDigest(question);
  const found = kept.answers.find((answer) => answer.asked === asked);
  const claims = found && (await parts.trust.claimsHeld(found.signed));
  const signed = found && (await verdictIn(claims, { ...question, nonce: found.nonce }));
  if (signed === undefined) return refusing('OUTAGE', CONNECT, problem);
  const isOver = time >= holdsUntil(parts, signed).getTime();
  return isOver ? refusing('OUTAGE', CONNECT, problem) : verdictOf(parts, signed, 'HELD', {}, problem);
}

async function judged(
  parts: Parts,
  question: Question,
  answer: Fields,
  asking: Asking,
): Promise<LicenseVerdict> {
  const { signedAnswer, valid, code } = answer;
  const jws = typeof signedAnswer === 'string' ? signedAnswer : '';
  const { nonce, ...asked } = question;
  const claims = await parts.trust.claimsNow(jws, asking.signal);
  if (!claims.ok && claims.problem.kind === 'OUTAGE') return heldVerdict(parts, asked, claims.problem);
  const signed = await verdictIn(claims.ok ? claims.value : undefined, question);
  if (signed === undefined || signed.valid !== valid || signed.code !== code) {
    const problem = forged('The answer of the license server does not verify.');
    return refusing('ANSWER_FORGED', "Ask the vendor's license server itself.", problem);
  }
  const kept = { asked: await questionDigest(asked), nonce: String(nonce), signed: jws };
  const now = parts.time.now();
  await parts.vault.update((known) =>
    withAnswer(healed(known, signed.signedAtMillis, now), kept, signed.valid),
  );
  return verdictOf(parts, signed, 'SERVER', answer, null);
}

/** GraphQL takes a text for a list of one: what it would sign is another question, and its answer would look forged. */
function problemIn({
  features,
  user,
}: {
  readonly features?: unknown;
  readonly user?: unknown;
}): Refused | undefined {
  const isList = Array.isArray(features) && features.every((feature) => typeof feature === 'string');
  if (!isList && (features ?? undefined) !== undefined) return unfit('features: has to be a list of texts');
  return typeof (user ?? '') === 'string' ? undefined : unfit('user: has to be a text');
}

/**
 * Asks the server with a nonce and believes its signed answer alone; where nobody can be asked, the last one holds as
 * long as the outage policy says.
 */
export async function validate(parts: Parts, asking: Asking): Promise<LicenseVerdict> {
  const refused = problemIn(asking);
  if (refused !== undefined) return refusing('QUESTION_REFUSED', refused.message, refused);
  const kept = await parts.vault.read();
  const asked = questionOf(parts, kept, asking);
  const question = { ...asked, nonce: newNonce() };
  const query = kept.activation === null ? VALIDATE_KEY : VALIDATE_TOKEN;
  const answered = await parts.transport.send({ query, variables: question, signal: asking.signal });
  if (answered.ok) return judged(parts, question, answered.value, asking);
  const { problem } = answered;
  if (problem.kind === 'OUTAGE') return heldVerdict(parts, asked, problem);
  return refusing('QUESTION_REFUSED', problem.message, problem);
}
