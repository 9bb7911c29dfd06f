import { describe, expect, test } from 'vitest';
import {
  idInDeviceTree,
  idInFile,
  idInRegistry,
  machineId,
  type SystemTools,
} from '../../../src/sdk/client/machineId.js';

/** As `reg query HKLM\\SOFTWARE\\Microsoft\\Cryptography /v MachineGuid /reg:64` prints it. */
const registry =
  '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    4C0B3D1E-93C1-4C8A-9D0F-5F7A2C1B9E60\r\n\r\n';
/** As `ioreg -rd1 -c IOPlatformExpertDevice` prints it. */
const deviceTree = `+-o MacBookPro18,3  <class IOPlatformExpertDevice, id 0x100000227, registered, matched, active, busy 0 (28 ms), retain 39>
    {
      "manufacturer" = <"Apple Inc.">
      "IOPlatformSerialNumber" = "C02XXXXXXXXX"
      "IOPlatformUUID" = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"
      "IOBusyInterest" = "IOCommand is not serializable"
    }
`;
const file = '0123456789abcdef0123456789abcdef\n';

const nothing = (): never => {
  throw new Error('ENOENT');
};

/** A system with these files and programs, and what was asked of it. */
function system(files: Record<string, string>, programs: Record<string, string> = {}) {
  const asked: string[] = [];
  const tools: SystemTools = {
    read(path) {
      asked.push(path);
      return files[path] ?? nothing();
    },
    run(program, args) {
      asked.push([program, ...args].join(' '));
      return programs[program] ?? nothing();
    },
  };
  return { tools, asked };
}

describe('what a system prints of itself', () => {
  test('is read where it is as documented', () => {
    expect(idInFile(file)).toBe('0123456789abcdef0123456789abcdef');
    expect(idInRegistry(registry)).toBe('4c0b3d1e-93c1-4c8a-9d0f-5f7a2c1b9e60');
    expect(idInDeviceTree(deviceTree)).toBe('0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9');
  });

  test.each([
    '',
    'uninitialized\n',
    'ERROR: The system was unable to find the specified registry key or value.\r\n',
    '    MachineGuid    REG_SZ    \r\n',
    '    MachineGuid    REG_DWORD    0x1\r\n',
    '    OtherGuid    REG_SZ    4c0b3d1e-93c1-4c8a-9d0f-5f7a2c1b9e60\r\n',
    '"IOPlatformUUID" = ""',
    '"IOPlatformSerialNumber" = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"',
    '0123456789ABCDEF',
  ])('is none where it is another text: %j', (printed) => {
    expect([idInFile(printed), idInRegistry(printed), idInDeviceTree(printed)]).toEqual([null, null, null]);
  });
});

describe('the id of a machine', () => {
  test('of Linux is that of its file, of the later place where the first has none', () => {
    const older = system({ '/var/lib/dbus/machine-id': file });

    expect(machineId('linux', system({ '/etc/machine-id': file }).tools)).toBe(file.trim());
    expect(machineId('linux', older.tools)).toBe(file.trim());
    expect(older.asked).toEqual(['/etc/machine-id', '/var/lib/dbus/machine-id']);
  });

  test('of macOS and Windows is asked of one program each, by its whole path', () => {
    const mac = system({}, { '/usr/sbin/ioreg': deviceTree });
    const windows = system({});

    expect(machineId('darwin', mac.tools)).toBe('0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9');
    expect(mac.asked).toEqual(['/usr/sbin/ioreg -rd1 -c IOPlatformExpertDevice']);
    expect(machineId('win32', windows.tools)).toBeNull();
    expect(windows.asked).toHaveLength(1);
    expect(windows.asked[0]).toMatch(
      /System32.reg\.exe query HKLM\\SOFTWARE\\Microsoft\\Cryptography \/v MachineGuid \/reg:64$/,
    );
    const answers: SystemTools = { read: nothing, run: () => registry };
    expect(machineId('win32', answers)).toBe('4c0b3d1e-93c1-4c8a-9d0f-5f7a2c1b9e60');
  });

  test.each(['linux', 'darwin', 'win32', 'sunos'])('is none where %s tells nothing', (platform) => {
    expect(machineId(platform, system({}).tools)).toBeNull();
  });
});
