import { createHash } from 'node:crypto';
import { arch, hostname, networkInterfaces, platform } from 'node:os';
import { machineId } from './machineId.js';

/** What a machine's fingerprint is made of. None of it leaves the machine: only a hash of it does. */
export interface MachineFacts {
  /** The id of the system or of its board, as `machineId.ts` reads it; null where there is none. */
  readonly machineId: string | null;
  /** The hardware address of each network card that is none of software, sorted. */
  readonly macAddresses: readonly string[];
  readonly hostname: string;
  readonly platform: string;
}

/** The bit of addresses that software made up: of containers, tunnels and cards that hide (IEEE 802, section 8.4). */
const LOCALLY_ADMINISTERED = 0b10;

function isOfHardware(mac: string): boolean {
  const first = Number.parseInt(mac.slice(0, 2), 16);
  return mac !== '00:00:00:00:00:00' && (first & LOCALLY_ADMINISTERED) === 0;
}

export function machineFacts(): MachineFacts {
  const cards = Object.values(networkInterfaces()).flatMap((card) => card ?? []);
  const macs = new Set(cards.filter(({ internal }) => !internal).map(({ mac }) => mac));
  return {
    machineId: machineId(platform()),
    macAddresses: [...macs].filter(isOfHardware).sort(),
    hostname: hostname(),
    platform: `${platform()} ${arch()}`,
  };
}

/**
 * A fingerprint of this machine for one product: SHA-256 in hexadecimal of the first of these that the machine has, so
 * that a change of any other changes nothing:
 *
 * 1. the machine id: stays when cards, names and disks change. Of Linux and Windows another one after the system is
 *    installed anew, and the same in a copied disk image, until its owner makes a new one; of macOS the board's;
 * 2. the least MAC address of a network card: stays when the system is installed anew and when the host is renamed;
 *    another one when that card goes;
 * 3. the host's name with the platform: stays until either changes.
 *
 * Each is hashed with the product's id: fingerprints of two products do not show that they are of one machine.
 *
 * @param product What tells this vendor's product from others'.
 * @param facts The machine's own, if left out.
 */
export function machineFingerprint(product: string, facts: MachineFacts = machineFacts()): string {
  const [mac] = facts.macAddresses;
  const chosen =
    facts.machineId !== null
      ? ['machine-id', facts.machineId]
      : mac !== undefined
        ? ['mac', mac]
        : ['host', facts.hostname, facts.platform];
  return createHash('sha256')
    .update(JSON.stringify(['licensegraph', product, ...chosen]))
    .digest('hex');
}
