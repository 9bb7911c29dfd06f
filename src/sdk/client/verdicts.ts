import { type VerdictCode, verdictCodes } from '../../activations/model/verdict.js';
import type { Problem } from './results.js';

/** What only a client can say, beside the server's own codes. All of them refuse. */
export const clientCodes = {
  OUTAGE: 'Nobody could be asked, and no signed verdict holds any more.',
  ANSWER_FORGED: "The answer is not as the vendor's keys have signed it, or answers another question.",
  STORE_TAMPERED: 'What this device keeps was edited, and nobody could be asked.',
  QUESTION_REFUSED: 'The server takes no such question.',
} as const;
export type ClientCode = keyof typeof clientCodes;

/** Every code that a validation can answer: closed, so that a `switch` over it can be complete. */
export type AnswerCode = VerdictCode | ClientCode;

export interface AnswerReason {
  readonly code: AnswerCode;
  readonly message: string;
  /** What would make it pass; null where nobody said so. */
  readonly remedy: string | null;
}

/** What an application goes by. */
export interface LicenseVerdict {
  readonly valid: boolean;
  readonly code: AnswerCode;
  readonly reasons: readonly AnswerReason[];
  /** SERVER: it was asked just now. HELD: its last signed verdict stands for it. NOBODY: the client itself refuses. */
  readonly by: 'SERVER' | 'HELD' | 'NOBODY';
  /** When the vendor signed it. */
  readonly signedAt: Date | null;
  /** Until when it holds without another answer, as the outage policy says. */
  readonly holdsUntil: Date | null;
  /** Why the server did not decide, if it did not. */
  readonly problem: Problem | null;
}

export function isVerdictCode(code: unknown): code is VerdictCode {
  return typeof code === 'string' && Object.hasOwn(verdictCodes, code);
}

/** The client refuses by itself. */
export function refusing(
  code: ClientCode | 'CLOCK_SET_BACK',
  remedy: string,
  problem: Problem | null,
): LicenseVerdict {
  const message = code === 'CLOCK_SET_BACK' ? verdictCodes[code] : clientCodes[code];
  return {
    valid: false,
    code,
    reasons: [{ code, message, remedy }],
    by: 'NOBODY',
    signedAt: null,
    holdsUntil: null,
    problem,
  };
}
