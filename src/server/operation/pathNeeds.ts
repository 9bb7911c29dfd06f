import { needKey, type PathNeed } from '../../sdk/directive/needs.js';

export const keyOf = (need: PathNeed): string => needKey(need.path, need.feature);
export const rootOf = (path: string): string => path.split('.')[0] ?? path;

/** By what is asked, which is the same for all who send the same document. */
const keysOfNeeds = new WeakMap<readonly PathNeed[], ReadonlySet<string>>();

export function keysOf(needs: readonly PathNeed[]): ReadonlySet<string> {
  const keys = keysOfNeeds.get(needs) ?? new Set(needs.map(keyOf));
  keysOfNeeds.set(needs, keys);
  return keys;
}

/**
 * A root that was done before passes, and what its payload reads anew has to be licensed but needs no units. If it is
 * done after all, because its seven days end in this moment, it is charged as any other.
 */
export function needsToCheck(needs: readonly PathNeed[], answered: (root: string) => boolean): PathNeed[] {
  return needs.flatMap((need) => {
    const root = rootOf(need.path);
    if (!answered(root)) return [need];
    return need.path === root ? [] : [{ ...need, amount: 0 }];
  });
}
