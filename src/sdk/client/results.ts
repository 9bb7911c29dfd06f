import { type RefusalCode, refusalCodes } from '../../core/refusal.js';

/** Why the server decided nothing. */
export const outageReasons = {
  UNREACHABLE: 'The license server was not reached.',
  TIMEOUT: 'The license server did not answer in time.',
  ABORTED: 'The application gave the call up.',
  ANSWER_TOO_LARGE: 'The answer had no end.',
  ANSWER_UNREADABLE: 'What answered is no license server.',
  SERVER_FAILED: 'The license server failed, or is busy or being stopped.',
  RATE_LIMITED: 'Too much was asked; the server says when to come back.',
} as const;
export type OutageReason = keyof typeof outageReasons;

/** Nobody has decided; asked again, it may be answered. */
export interface Outage {
  readonly kind: 'OUTAGE';
  readonly reason: OutageReason;
  readonly message: string;
  /** How long the server wants to be left alone, in milliseconds; 0 if it did not say. */
  readonly retryAfterMillis: number;
}

/** The server has decided, and says no. */
export interface Refused {
  readonly kind: 'REFUSED';
  /** A code of `docs/errors.md`; UNKNOWN is one of a server that is newer than this client. */
  readonly code: RefusalCode | 'UNKNOWN';
  readonly message: string;
  /** What would make it pass, where the server says so. */
  readonly remedy: string | null;
}

/** The application has asked for what this device is not ready for; nothing was sent. */
export interface NotReady {
  readonly kind: 'NOT_READY';
  readonly reason:
    | 'NOT_ACTIVATED'
    | 'NO_REQUEST_PENDING'
    | 'NO_PUBLIC_KEYS'
    | 'STORE_FAILED'
    | 'NOT_FLOATING'
    | 'RELEASED';
  readonly message: string;
}

/** What was answered is not as the vendor's keys have signed it, or answers another question. */
export interface Forged {
  readonly kind: 'FORGED';
  readonly message: string;
}

export type Problem = Outage | Refused | NotReady | Forged;

/** What an act answers: it never throws. */
export type Result<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: Problem };

export function done<Value>(value: Value): Result<Value> {
  return { ok: true, value };
}

export function failed<P extends Problem>(problem: P): { readonly ok: false; readonly problem: P } {
  return { ok: false, problem };
}

export function outage(reason: OutageReason, retryAfterMillis = 0): Outage {
  return { kind: 'OUTAGE', reason, message: outageReasons[reason], retryAfterMillis };
}

const notReadyMessages: Readonly<Record<NotReady['reason'], string>> = {
  NOT_ACTIVATED: 'This device has not been activated.',
  NO_REQUEST_PENDING: 'This device waits for no response: make a request first.',
  NO_PUBLIC_KEYS: "The vendor's public keys are not known: give them, or connect once.",
  NOT_FLOATING: 'The license has no floating seats.',
  RELEASED: 'The seat was given up while it was being taken.',
  STORE_FAILED: 'What has to be kept could not be stored.',
};

export function notReady(reason: NotReady['reason']): NotReady {
  return { kind: 'NOT_READY', reason, message: notReadyMessages[reason] };
}

export function forged(message: string): Forged {
  return { kind: 'FORGED', message };
}

/** What the server would refuse, or take for something else: nothing is sent. */
export function unfit(message: string): Refused {
  return { kind: 'REFUSED', code: 'BAD_USER_INPUT', message, remedy: null };
}

export function isRefusalCode(code: unknown): code is RefusalCode {
  return typeof code === 'string' && Object.hasOwn(refusalCodes, code);
}

/** For the end of a `switch` over a closed list: a case that was forgotten does not compile. */
export function exhausted(value: never): never {
  throw new TypeError(`an answer that is not known: ${String(value)}`);
}

/** Calls an application's callback by itself: what it throws is the process's to see, and ends no loop of ours. */
export function tell(callback: () => void): void {
  queueMicrotask(callback);
}
