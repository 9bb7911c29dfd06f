/**
 * Where a client keeps what has to outlive the process: one text by one name. What is in it is encrypted before it gets
 * here, so that any place will do that other users of the machine do not write to.
 */
export interface Store {
  /** Null or undefined if nothing is kept by this name. */
  get(name: string): Promise<string | null | undefined> | string | null | undefined;
  /** Replaces it whole or not at all: half a text is a text that was tampered with. */
  set(name: string, text: string): Promise<void> | void;
}

/** Keeps for as long as the process lives: nothing holds after a start without a connection. */
export function memoryStore(): Store {
  const texts = new Map<string, string>();
  return {
    get: (name) => texts.get(name),
    set: (name, text) => void texts.set(name, text),
  };
}

/** What `localStorage` of a page, or anything of its kind, can do. */
export interface StorageLike {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
}

/** Keeps in `localStorage`: what one page of an origin stores, every page of it reads. */
export function webStore(storage: StorageLike): Store {
  return {
    get: (name) => storage.getItem(name),
    set: (name, text) => storage.setItem(name, text),
  };
}
