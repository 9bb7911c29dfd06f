import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface LoadOptions {
  readonly url: string;
  readonly authorization: string;
  readonly body: string;
  /** The whole answer: whatever else comes ends the measurement. */
  readonly expected: string;
  readonly connections: number;
  readonly millis: number;
  /** So many answers end it too. */
  readonly most?: number;
}

interface Done {
  readonly answers: readonly number[];
  readonly millis: number;
}

/** Many callers in a process of their own. */
export class Load {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./client.mjs', import.meta.url)), {
    execArgv: [],
  });

  async run(options: LoadOptions): Promise<Done> {
    const answered = once(this.#child, 'message');
    this.#child.send({ most: Number.MAX_SAFE_INTEGER, ...options });
    const [message] = (await answered) as [{ done?: Done; failed?: string }];
    if (message.done === undefined) throw new Error(message.failed ?? 'the callers said nothing');
    return message.done;
  }

  end(): void {
    this.#child.disconnect();
  }
}
