import { writeFile } from 'node:fs/promises';
import ipaddr from 'ipaddr.js';

/** MaxMind's format (MaxMind DB File Format Specification 2.0), as small as it gets: countries by range. */

type Value = string | number | { readonly [key: string]: Value } | readonly Value[];

const sized = (type: number, size: number): Buffer =>
  type <= 7 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7]);

/** Texts, maps and lists of at most 28 bytes or members, and unsigned numbers of 32 bits. */
function encoded(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([sized(2, value.length), Buffer.from(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([sized(6, 4), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([sized(11, value.length), ...value.map(encoded)]);
  const members = Object.entries(value);
  return Buffer.concat([
    sized(7, members.length),
    ...members.flatMap(([key, member]) => [encoded(key), encoded(member)]),
  ]);
}

/** The bits of a range in the tree, which has IPv4 at its very beginning. */
function bitsOf(range: string): number[] {
  const [address, length] = ipaddr.parseCIDR(range);
  const bytes =
    address.kind() === 'ipv4' ? [...new Array(12).fill(0), ...address.toByteArray()] : address.toByteArray();
  const bits = bytes.flatMap((byte: number) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => (byte >> at) & 1));
  return bits.slice(0, address.kind() === 'ipv4' ? 96 + length : length);
}

interface Branch {
  readonly ways: [Branch | number | undefined, Branch | number | undefined];
}

function planted(ranges: readonly (readonly [range: string, offset: number])[]): Branch {
  const root: Branch = { ways: [undefined, undefined] };
  for (const [range, offset] of ranges) {
    let branch = root;
    const bits = bitsOf(range);
    for (const [depth, bit] of bits.entries()) {
      const way = bit === 0 ? 0 : 1;
      if (depth === bits.length - 1) branch.ways[way] = offset;
      const next = branch.ways[way];
      const deeper: Branch = typeof next === 'object' ? next : { ways: [undefined, undefined] };
      if (depth < bits.length - 1) {
        branch.ways[way] = deeper;
        branch = deeper;
      }
    }
  }
  return root;
}

function numbered(root: Branch): Branch[] {
  const nodes = [root];
  for (const node of nodes) nodes.push(...node.ways.filter((way): way is Branch => typeof way === 'object'));
  return nodes;
}

/** Writes a file in which each range lies in the country given, in the shape given or MaxMind's own. */
export async function writeCountryFile(
  path: string,
  countries: Readonly<Record<string, string>>,
  shape = (code: string): Value => ({ country: { iso_code: code } }),
): Promise<void> {
  const data: Buffer[] = [];
  const ranges = Object.entries(countries).map(([range, code]) => {
    const offset = data.reduce((length, each) => length + each.length, 0);
    data.push(encoded(shape(code)));
    return [range, offset] as const;
  });
  const nodes = numbered(planted(ranges));
  const places = new Map(nodes.map((node, index) => [node, index]));
  const tree = Buffer.alloc(nodes.length * 8);
  for (const [index, { ways }] of nodes.entries()) {
    for (const [way, next] of ways.entries()) {
      const record = typeof next === 'number' ? nodes.length + 16 + next : next && places.get(next);
      tree.writeUInt32BE(record ?? nodes.length, index * 8 + way * 4);
    }
  }
  const about = encoded({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1,
    database_type: 'Test-Country',
    description: { en: 'Countries for tests' },
    ip_version: 6,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 32,
  });
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  await writeFile(path, Buffer.concat([tree, Buffer.alloc(16), ...data, marker, about]));
}
