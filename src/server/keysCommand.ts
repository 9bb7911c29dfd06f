import type { Clock, Instant } from '../core/clock.js';
import { StartupError } from '../core/startupError.js';
import { type KeyPurpose, keyPurposes } from '../core/tokenTypes.js';
import type { KnownKey, SigningKeys } from './signingKeys.js';
import { textTable } from './textTable.js';

/** SIGNS now; NEXT is published and signs later; VERIFIES what it has signed; OVER opens nothing any more. */
type KeyState = 'SIGNS' | 'NEXT' | 'VERIFIES' | 'OVER';

function stateOf({ signsFrom, signsUntil, verifiesUntil }: KnownKey, now: Instant): KeyState {
  if (verifiesUntil <= now) return 'OVER';
  if (signsUntil <= now) return 'VERIFIES';
  return signsFrom <= now ? 'SIGNS' : 'NEXT';
}

function requireKind(kind: string): KeyPurpose {
  const known = keyPurposes.find((each) => each === kind);
  if (known === undefined) throw new StartupError(`There is no kind ${kind}: ${keyPurposes.join(', ')}.`);
  return known;
}

/** What `licensegraph keys` says: the keys that tokens are signed with, by kind, and never their private halves. */
export async function listKeys(
  keys: SigningKeys,
  clock: Clock,
  { json = false }: { readonly json?: boolean },
): Promise<string> {
  const now = clock();
  const known = (await keys.list()).map((key) => ({ ...key, state: stateOf(key, now) }));
  if (json) return JSON.stringify(known, null, 2);
  if (known.length === 0) return 'There are no signing keys: each is made when it is first needed.';
  const rows = known.map((key) => [
    key.kind,
    key.state,
    key.kid,
    key.signsFrom,
    key.signsUntil,
    key.verifiesUntil,
  ]);
  return textTable([['KIND', 'STATE', 'KEY', 'SIGNS FROM', 'SIGNS UNTIL', 'VERIFIES UNTIL'], ...rows]);
}

/** What `licensegraph keys rotate` says. */
export async function rotateKeys(keys: SigningKeys, name: string): Promise<string> {
  const kind = requireKind(name);
  const kid = await keys.rotate(kind);
  const begins = (await keys.list()).find((key) => key.kid === kid)?.signsFrom;
  return `${kid} signs ${kind} from ${begins} on, when whoever verifies knows it; the one before it verifies on.`;
}

/** What `licensegraph keys retire` says. */
export async function retireKey(keys: SigningKeys, kid: string): Promise<string> {
  if (!(await keys.retire(kid))) throw new StartupError(`There is no key ${kid}.`);
  return `${kid} is retired: it is published no more, and nothing that it has signed verifies.`;
}
