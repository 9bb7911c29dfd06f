/** Where a webhook may be sent. The name's addresses are asked again at each attempt, by the gateway. */
import { isPublicAddress } from '../../core/publicAddress.js';
import { URL_LIMIT } from './webhooks.js';

/** Names that never belong to the internet (RFC 6761, RFC 6762, ICANN's reservation of `internal`). */
const LOCAL_NAMES = ['localhost', 'local', 'internal', 'intranet', 'home.arpa', 'onion', 'test', 'invalid'];
/** Below it are the doors of other services: mail, shells, names. */
const FIRST_FREE_PORT = 1024;

const parsedUrl = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

/** The host as addresses are written: without the brackets of IPv6, and without the dot of a root. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** What stands in the place of a name, in the one form to which a URL brings all others. */
export function isAddress(host: string): boolean {
  return host.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function hostProblem(host: string): string | undefined {
  if (isAddress(host))
    return isPublicAddress(host) ? undefined : 'must not lead to an address of a private or special network';
  const isLocal = LOCAL_NAMES.some((name) => host === name || host.endsWith(`.${name}`));
  return isLocal || !host.includes('.') ? 'must name a host of the internet' : undefined;
}

function portProblem({ port, protocol }: URL, takesPrivate: boolean): string | undefined {
  if (port === '' && (protocol === 'https:' || takesPrivate)) return undefined;
  return Number(port) >= FIRST_FREE_PORT || (takesPrivate && port === '80')
    ? undefined
    : `must have the port of https, or one from ${FIRST_FREE_PORT} on`;
}

/** Says what is wrong with an address, or nothing; `takesPrivate` is for development. */
export function webhookUrlProblem(text: string, takesPrivate: boolean): string | undefined {
  if (text.length > URL_LIMIT) return `must be at most ${URL_LIMIT} characters long`;
  const url = parsedUrl(text);
  if (url === undefined || !/^https?:\/\//i.test(text)) return 'must be a URL that begins with https://';
  if (url.protocol !== 'https:' && !takesPrivate) return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or a password';
  if (url.hash !== '') return 'must not have a fragment';
  return portProblem(url, takesPrivate) ?? (takesPrivate ? undefined : hostProblem(hostOf(url)));
}
