import { lookup, Resolver } from 'node:dns/promises';
import { isPublicAddress } from '../../core/publicAddress.js';
import { isAddress } from '../model/webhookUrl.js';

/** The addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * Asks name servers itself. `getaddrinfo` would wait in one of the four threads that files and ciphers wait for too: four
 * names whose servers never answer would hold up the whole process.
 */
const RESOLVE = { timeout: 2_000, tries: 2 };

export const resolvePublic: Resolve = async (host) => {
  const resolver = new Resolver(RESOLVE);
  const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = found.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  const [failure] = found.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  if (addresses.length === 0) throw failure;
  return addresses;
};

/** For development: the machine's own names as well. */
export const resolveAnything: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** Every address of a host is one that nobody is to be connected to. */
export class AddressNotPublic extends Error {
  override readonly name = 'AddressNotPublic';
}

export interface AddressRules {
  readonly resolve: Resolve;
  readonly isAllowed: (address: string) => boolean;
}

export function addressRules(takesPrivate: boolean): AddressRules {
  return takesPrivate
    ? { resolve: resolveAnything, isAllowed: () => true }
    : { resolve: resolvePublic, isAllowed: isPublicAddress };
}

/** Asked once a connection: what is checked here is what is connected to, whatever the name leads to a moment later. */
export async function allowedAddresses(host: string, rules: AddressRules): Promise<readonly string[]> {
  const addresses = isAddress(host) ? [host] : await rules.resolve(host);
  const allowed = addresses.filter(rules.isAllowed);
  if (allowed.length === 0) throw new AddressNotPublic('no address of the host may be connected to');
  return allowed;
}
