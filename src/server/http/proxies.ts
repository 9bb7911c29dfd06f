import { isWithin, parseAddress, parseRange } from '../../core/addressRange.js';

/** Some proxies write the port of the caller behind its address: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
export function withoutPort(written: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/.exec(written) ?? [];
  return bracketed ?? plain ?? written;
}

/** Whether what an address says of those behind it is believed. IPv4 within IPv6 is IPv4. */
export function proxyTrust(proxies: readonly string[]): (address: string | undefined) => boolean {
  const ranges = proxies.map(parseRange).filter((range) => range !== undefined);
  return (written = '') => {
    const address = parseAddress(withoutPort(written));
    return address !== undefined && ranges.some((range) => isWithin(address, range));
  };
}
