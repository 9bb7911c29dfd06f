import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses that share their first bits. */
export interface AddressRange {
  readonly base: Address;
  readonly bits: number;
}

/** IPv4 is taken in its plain form only: `10` and `010.0.0.1` mean one thing to one reader and another to the next. */
function parsePlain(text: string): Address | undefined {
  const { IPv4, IPv6 } = ipaddr;
  if (text.includes(':')) return IPv6.isValid(text) ? IPv6.parse(text) : undefined;
  return IPv4.isValidFourPartDecimal(text) ? IPv4.parse(text) : undefined;
}

/** IPv4 within IPv6 (RFC 4291, section 2.5.5.2) is IPv4; a zone says which card of one's own machine, and is left out. */
export function parseAddress(text: string): Address | undefined {
  const [bare = ''] = text.split('%', 1);
  const address = parsePlain(bare);
  if (address === undefined || address.kind() === 'ipv4') return address;
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** One address, or a CIDR range of either family; bits behind the prefix do not matter. */
export function parseRange(text: string): AddressRange | undefined {
  const [head = '', tail, ...more] = text.split('/');
  const address = head.includes('%') ? undefined : parsePlain(head);
  if (address === undefined || more.length > 0) return undefined;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  if (tail !== undefined && !/^(0|[1-9]\d{0,2})$/.test(tail)) return undefined;
  const bits = tail === undefined ? most : Number(tail);
  if (bits > most) return undefined;
  // A range that reaches out of the mapped addresses is one of IPv6.
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
    ? { base: address.toIPv4Address(), bits: bits - 96 }
    : { base: address, bits };
}

/** IPv4 never lies in a range of IPv6: whoever means both names both. */
export function isWithin(address: Address, { base, bits }: AddressRange): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}
