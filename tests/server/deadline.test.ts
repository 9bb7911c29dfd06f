import { expect, test, vi } from 'vitest';
import type { Refusal } from '../../src/core/refusal.js';
import { Deadline } from '../../src/server/limits/deadline.js';

function told(deadline: Deadline): string[] {
  const codes: string[] = [];
  deadline.whenOver(({ code }: Refusal) => void codes.push(code));
  return codes;
}

test('when its caller has gone, a query is over once, for who asked before and for who asks later', () => {
  const deadline = new Deadline();
  const early = deadline.signal;
  const codes = told(deadline);
  deadline.begin(60, true);

  deadline.leave();
  deadline.leave();

  expect(codes).toEqual(['OPERATION_CANCELLED']);
  expect(early.reason).toMatchObject({ code: 'OPERATION_CANCELLED' });
  expect(deadline.signal).toBe(early);
  expect(() => deadline.throwIfOver()).toThrowError(expect.objectContaining({ code: 'OPERATION_CANCELLED' }));
  deadline.end();
});

test('a signal that is asked for when it is over is aborted already, for the same reason', () => {
  const deadline = new Deadline();
  deadline.leave();
  deadline.begin(60, true);

  const { aborted, reason } = deadline.signal;

  expect([aborted, reason.code]).toEqual([true, 'OPERATION_CANCELLED']);
  deadline.end();
});

test('a mutation goes on without its caller, and is over when its time is', () => {
  vi.useFakeTimers();
  const deadline = new Deadline();
  const codes = told(deadline);
  deadline.begin(5, false);

  deadline.leave();
  vi.advanceTimersByTime(4_999);
  deadline.throwIfOver();
  vi.advanceTimersByTime(1);

  expect(codes).toEqual(['OPERATION_TIMEOUT']);
  vi.useRealTimers();
});

test('who has taken his word back is told nothing, and nobody is once it has ended', () => {
  vi.useFakeTimers();
  const deadline = new Deadline();
  const codes: string[] = [];
  deadline.whenOver(() => void codes.push('taken back'))();
  deadline.whenOver(() => void codes.push('ended'));
  deadline.begin(5, false);

  deadline.end();
  vi.advanceTimersByTime(60_000);

  expect(codes).toEqual([]);
  expect(deadline.signal.aborted).toBe(false);
  vi.useRealTimers();
});
