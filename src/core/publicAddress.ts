import ipaddr from 'ipaddr.js';
import { isWithin, parseAddress } from './addressRange.js';

/** What is given out for the internet (IANA's registry of IPv6 address space): the rest has special meanings, or none yet. */
const GLOBAL_UNICAST = { base: ipaddr.IPv6.parse('2000::'), bits: 3 };

/**
 * Whether an address is one of the internet's, as far as registries tell: neither this machine, nor a network of its
 * own, nor a translation that leads there (NAT64, 6to4, Teredo, IPv4 within IPv6).
 */
export function isPublicAddress(text: string): boolean {
  const address = text.includes('%') ? undefined : parseAddress(text);
  if (address === undefined || address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || isWithin(address, GLOBAL_UNICAST);
}
