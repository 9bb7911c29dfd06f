import { Refusal } from '../../core/refusal.js';

export interface CrowdLimits {
  /** 0 is no limit, as for the other. */
  readonly all: number;
  readonly ofOne: number;
}

function tooMany(whose: string, limit: number): Refusal {
  return new Refusal('TOO_MANY_SOCKETS', `${whose} has ${limit} sockets open; that is as many as it may.`);
}

/** How many sockets are open, in all and by each network: every one holds memory, and a file of the process. */
export class Crowd {
  readonly #byNetwork = new Map<string, number>();
  #all = 0;

  constructor(private readonly limits: CrowdLimits) {}

  /** Counts one more, or throws why there is no room for it; what it answers makes room again. */
  enter(network: string): () => void {
    const { all, ofOne } = this.limits;
    const own = this.#byNetwork.get(network) ?? 0;
    if (all > 0 && this.#all >= all) throw tooMany('This server', all);
    if (ofOne > 0 && own >= ofOne) throw tooMany('Your address', ofOne);
    this.#all += 1;
    this.#byNetwork.set(network, own + 1);
    return () => this.#leave(network);
  }

  #leave(network: string): void {
    const left = (this.#byNetwork.get(network) ?? 0) - 1;
    this.#all -= 1;
    if (left > 0) this.#byNetwork.set(network, left);
    else this.#byNetwork.delete(network);
  }
}
