import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How a system is asked; tests give what systems have answered. */
export interface SystemTools {
  /** The content of a file; throws where there is none. */
  read(path: string): string;
  /** What a program prints; throws where it fails, or takes too long. */
  run(program: string, args: readonly string[]): string;
}

const LONGEST_RUN_MILLIS = 5_000;

const ownTools: SystemTools = {
  read: (path) => readFileSync(path, 'utf8'),
  // By its whole path and without a shell: nothing that somebody put in the way is run.
  run: (program, args) =>
    execFileSync(program, args, {
      encoding: 'utf8',
      timeout: LONGEST_RUN_MILLIS,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
};

const HEX = /^[0-9a-f]{32}$/;
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** Of `/etc/machine-id` (machine-id(5)): 32 hexadecimal digits. One that was never made says `uninitialized`. */
export function idInFile(content: string): string | null {
  const id = content.trim();
  return HEX.test(id) ? id : null;
}

/** Of `reg query … /v MachineGuid`: a line with the name, the type and the value. */
export function idInRegistry(printed: string): string | null {
  const found = new RegExp(`^\\s*MachineGuid\\s+REG_SZ\\s+(${UUID})\\s*$`, 'im').exec(printed);
  return found?.[1]?.toLowerCase() ?? null;
}

/** Of `ioreg -rd1 -c IOPlatformExpertDevice`: a property among others. */
export function idInDeviceTree(printed: string): string | null {
  const found = new RegExp(`"IOPlatformUUID"\\s*=\\s*"(${UUID})"`, 'i').exec(printed);
  return found?.[1]?.toLowerCase() ?? null;
}

type Look = (tools: SystemTools) => string | null;

/** The 64-bit view: a program of 32 bits would be shown another branch. */
const registry: Look = ({ run }) => {
  const reg = join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'reg.exe');
  const key = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography';
  return idInRegistry(run(reg, ['query', key, '/v', 'MachineGuid', '/reg:64']));
};

const deviceTree: Look = ({ run }) =>
  idInDeviceTree(run('/usr/sbin/ioreg', ['-rd1', '-c', 'IOPlatformExpertDevice']));

const fileAt =
  (path: string): Look =>
  ({ read }) =>
    idInFile(read(path));

const files = [fileAt('/etc/machine-id'), fileAt('/var/lib/dbus/machine-id')];
const looks: Readonly<Record<string, readonly Look[]>> = { win32: [registry], darwin: [deviceTree] };

/**
 * The id by which a system tells itself from others: on Linux and its like that of `/etc/machine-id`, on Windows the
 * `MachineGuid` of the registry, on macOS the UUID of the board. Null where it has none, or does not tell it.
 */
export function machineId(platform: string, tools: SystemTools = ownTools): string | null {
  for (const look of looks[platform] ?? files) {
    try {
      const id = look(tools);
      if (id !== null) return id;
    } catch {
      // The next one, or none.
    }
  }
  return null;
}
