/** Where the client reads the time and waits. An application gives none; a test gives one that it moves. */
export interface Time {
  /** Milliseconds since 1970 by the device's clock, which anybody may set. */
  now(): number;
  /** Milliseconds that only go forward, from whenever they began. */
  elapsed(): number;
  /** From 0 up to 1, without it. */
  random(): number;
  /** Runs something once, so many milliseconds from now, unless what it answers is called before. */
  after(millis: number, run: () => void): () => void;
}

/** Timers count in 32 bits: one that is longer would run at once. */
const LONGEST_TIMER_MILLIS = 2 ** 31 - 1;

/** The device's own. */
export const systemTime: Time = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: () => Math.random(),
  after(millis, run) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      const next = Math.min(left, LONGEST_TIMER_MILLIS);
      timer = setTimeout(() => (left > next ? wait(left - next) : run()), next);
    };
    wait(millis);
    return () => clearTimeout(timer);
  },
};
