import { calendarWindow } from '../../core/calendarWindow.js';
import type { Instant } from '../../core/clock.js';
import { Refusal, type RefusalSubject } from '../../core/refusal.js';
import { type ActivationFacts, isOver } from './activation.js';

/** How often the devices of a license were given up for others, and how often they may be. */
export interface DeactivationFacts {
  readonly issuedDate: Instant;
  readonly maxDeactivationsPerYear: number | null;
  /** Of the year that began then; those of an earlier year are over. */
  readonly deactivations: number;
  readonly deactivationsSince: Instant | null;
}

/** What a license allows in the year that runs, which is counted from its issue date. */
export interface DeactivationAllowance {
  readonly limit: number;
  readonly used: number;
  readonly left: number;
  /** When the next year begins, and with it the whole allowance anew. */
  readonly renewsAt: Instant;
}

/** What is kept of a license's deactivations, brought to the year that runs. */
export function deactivationsAt(license: DeactivationFacts, now: Instant) {
  const { start, end } = calendarWindow(license.issuedDate, 'years', now);
  const used = license.deactivationsSince === start ? license.deactivations : 0;
  return { used, start, end };
}

export function allowanceAt(license: DeactivationFacts, now: Instant): DeactivationAllowance | null {
  const limit = license.maxDeactivationsPerYear;
  if (limit === null) return null;
  const { used, end } = deactivationsAt(license, now);
  return { limit, used, left: Math.max(0, limit - used), renewsAt: end };
}

/** Whether it is a device that lives and is given up; what is over by itself, or was made in an emergency, is not counted. */
export function isGivenUp({ status, activationType, expiresAt }: ActivationFacts, now: Instant): boolean {
  return status === 'ACTIVE' && activationType !== 'EMERGENCY' && !isOver(expiresAt, now);
}

export function requireAllowance(license: DeactivationFacts, now: Instant, about: RefusalSubject): void {
  const allowance = allowanceAt(license, now);
  if (allowance === null || allowance.left > 0) return;
  const { limit, used, renewsAt: nextAt } = allowance;
  const message = `The license lets ${limit} devices be given up in a year, and ${used} were; the next may be at ${nextAt}.`;
  throw new Refusal('DEACTIVATION_LIMIT_EXCEEDED', message, { limit, used, nextAt }, about);
}
