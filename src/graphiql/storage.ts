import type { Storage } from '@graphiql/toolkit';

/** How the page looks, kept for the next visit. Panes have no prefix of their own in common. */
const LASTING = /^graphiql:(theme|\w+Flex|visiblePlugin)$/;

/**
 * What is typed ends with the browser's tab: documents and variables hold license keys, and the history holds
 * headers, which GraphiQL would otherwise leave in localStorage, bearer tokens among them.
 */
export const pageStorage: Storage = {
  getItem: (key) => placeOf(key).getItem(key),
  setItem: (key, value) => placeOf(key).setItem(key, value),
  removeItem: (key) => placeOf(key).removeItem(key),
  clear: () => {
    sessionStorage.clear();
    for (const key of Object.keys(localStorage).filter((name) => LASTING.test(name))) {
      localStorage.removeItem(key);
    }
  },
  get length() {
    return sessionStorage.length;
  },
};

function placeOf(key: string): globalThis.Storage {
  return LASTING.test(key) ? localStorage : sessionStorage;
}

const CALLER = 'licensegraph:caller';
const TOKEN = 'licensegraph:token';

export const remembered = {
  caller: (): string | null => sessionStorage.getItem(CALLER),
  token: (): string => sessionStorage.getItem(TOKEN) ?? '',
};

/** The name of a caller and a token that was typed; the demo tokens themselves are fetched anew. */
export function remember(caller: string, token: string): void {
  sessionStorage.setItem(CALLER, caller);
  if (token === '') sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}
