/** A name as DNS has it, or a wildcard for every name below it. */
export interface DomainPattern {
  readonly host: string;
  readonly wildcard: boolean;
}

const WRITTEN = /^[\p{L}\p{M}\p{N}-]+(\.[\p{L}\p{M}\p{N}-]+)*\.?$/u;
const HOST = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** RFC 1035, section 2.3.4, in the text form. */
const LONGEST = 253;

/**
 * The name in lower case and A-labels (RFC 5890), without the dot of the root: one text for all ways to write it, as the
 * URL standard maps them (UTS #46). Undefined for what is no name of a host; an address is none.
 */
export function canonicalDomain(written: string): string | undefined {
  if (written.length > LONGEST + 1 || !WRITTEN.test(written)) return undefined;
  const url = `http://${written.replace(/\.$/, '')}/`;
  if (!URL.canParse(url)) return undefined;
  const host = new URL(url).hostname;
  return host.length <= LONGEST && HOST.test(host) && !/(^|\.)\d+$/.test(host) ? host : undefined;
}

/** `example.com` is that name alone, `*.example.com` every name below it at any depth, and not itself. */
export function parseDomainPattern(written: string): DomainPattern | undefined {
  const wildcard = written.startsWith('*.');
  const host = canonicalDomain(wildcard ? written.slice(2) : written);
  return host?.includes('.') === true ? { host, wildcard } : undefined;
}

/** Takes the name as `canonicalDomain` gives it. */
export function namesDomain({ host, wildcard }: DomainPattern, name: string): boolean {
  return wildcard ? name.endsWith(`.${host}`) : name === host;
}
