/**
 * Where a client keeps what has to outlive the process: one text by one name. What is in it is encrypted before it gets
 * here, so that any place will do that other users of the machine do not write to.
 */
export interface Store {
  /** Null or undefined if nothing is kept by this name. */
  get(name: string): Promise<string | null | undefined> | string | null | undefined;
  /** Replaces it whole or not at all: half a text is a text that was tampered with. */
  set(name: string, text: string): Promise<void> | void;
  /**
   * Runs an act while nobody else who shares the store changes what is kept by this name. Left out where a store is
   * one client's alone: of two clients that change it at once one would lose what it kept.
   */
  alone?<Value>(name: string, act: () => Promise<Value>): Promise<Value>;
}

type Act = () => Promise<unknown>;

/** One act after the other, for each name. */
function turns(): NonNullable<Store['alone']> {
  const last = new Map<string, Promise<unknown>>();
  return (name, act) => {
    const next = (last.get(name) ?? Promise.resolve()).then(act);
    last.set(
      name,
      next.catch(() => undefined),
    );
    return next;
  };
}

/** Keeps for as long as the process lives: nothing holds after a start without a connection. */
export function memoryStore(): Store {
  const texts = new Map<string, string>();
  return {
    get: (name) => texts.get(name),
    set: (name, text) => void texts.set(name, text),
    alone: turns(),
  };
}

/** What `localStorage` of a page, or anything of its kind, can do. */
export interface StorageLike {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
}

/** The locks that all pages of an origin share (Web Locks); older browsers and pages without HTTPS have none. */
interface Locks {
  request(name: string, act: Act): Promise<unknown>;
}

async function acrossPages<Value>(name: string, act: () => Promise<Value>): Promise<Value> {
  const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};
  if (locks === undefined) return act();
  let done: { readonly value: Value } | undefined;
  let hasBegun = false;
  const begin = async (): Promise<void> => {
    hasBegun = true;
    done = { value: await act() };
  };
  try {
    await locks.request(`licensegraph ${name}`, begin);
  } catch (error) {
    // A page that may have no locks goes on without.
    if (hasBegun) throw error;
  }
  return done === undefined ? act() : done.value;
}

/** Keeps in `localStorage`: what one page of an origin stores, every page of it reads. */
export function webStore(storage: StorageLike): Store {
  return {
    get: (name) => storage.getItem(name),
    set: (name, text) => storage.setItem(name, text),
    alone: acrossPages,
  };
}
