import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a word or until it is time, whichever comes first; a word that came before is not lost. */
export class Bell {
  #ring: (() => void) | undefined;
  #rung = false;

  ring(): void {
    this.#rung = true;
    this.#ring?.();
  }

  async wait(millis: number): Promise<void> {
    if (!this.#rung) {
      const rung = new Promise<void>((resolve) => {
        this.#ring = resolve;
      });
      const timer = new AbortController();
      const { signal } = timer;
      await Promise.race([rung, sleep(millis, undefined, { signal, ref: false }).catch(() => undefined)]);
      timer.abort();
    }
    this.#rung = false;
    this.#ring = undefined;
  }
}
