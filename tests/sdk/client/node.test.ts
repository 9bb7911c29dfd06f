import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storedFingerprint, webStore } from '../../../src/sdk/client/index.js';
import {
  fileStore,
  type MachineFacts,
  machineFacts,
  machineFingerprint,
} from '../../../src/sdk/client/node.js';

describe('the store of files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lg-store-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('keeps what was put there last, for its user alone, and leaves no half file', async () => {
    const own = join(folder, 'deep/own');
    const store = fileStore(own);

    const before = await store.get('a');
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.set('a', `text ${index % 2}`.repeat(10_000))),
    );
    await store.set('a', 'the last');

    expect(before).toBeUndefined();
    expect(await fileStore(own).get('a')).toBe('the last');
    expect(await readdir(own)).toEqual(['a']);
    expect((await stat(join(own, 'a'))).mode & 0o777).toBe(0o600);
    expect((await stat(own)).mode & 0o777).toBe(0o700);
  });

  test('says so where it cannot read', async () => {
    await fileStore(folder).set('file', 'x');

    await expect(fileStore(join(folder, 'file')).get('a')).rejects.toThrow(/ENOTDIR/);
  });
});

describe('the fingerprint of a machine', () => {
  const facts: MachineFacts = {
    machineId: '0123456789abcdef0123456789abcdef',
    macAddresses: ['00:11:22:33:44:55', '00:11:22:33:44:66'],
    hostname: 'laptop',
    platform: 'linux x64',
  };
  const withoutId = { ...facts, machineId: null };
  const withoutCards = { ...withoutId, macAddresses: [] };
  const of = (changed: Partial<MachineFacts>, base = facts) =>
    machineFingerprint('radar', { ...base, ...changed });

  test('is a hash of 64 digits, the same each time, and shows nothing of the machine', () => {
    const own = machineFingerprint('radar');

    expect(own).toMatch(/^[0-9a-f]{64}$/);
    expect(machineFingerprint('radar', machineFacts())).toBe(own);
    expect(own).not.toContain(facts.machineId);
  });

  test('of a machine with an id changes with the id alone', () => {
    expect(of({ macAddresses: [], hostname: 'desk', platform: 'linux arm64' })).toBe(of({}));
    expect(of({ machineId: 'f'.repeat(32) })).not.toBe(of({}));
  });

  test('of one without changes with the least address of its cards alone', () => {
    expect(of({ macAddresses: facts.macAddresses.slice(0, 1), hostname: 'desk' }, withoutId)).toBe(
      of({}, withoutId),
    );
    expect(of({ macAddresses: facts.macAddresses.slice(1) }, withoutId)).not.toBe(of({}, withoutId));
  });

  test('of one without either changes with its name or platform', () => {
    expect(of({ hostname: 'desk' }, withoutCards)).not.toBe(of({}, withoutCards));
    expect(of({ platform: 'linux arm64' }, withoutCards)).not.toBe(of({}, withoutCards));
  });

  test('of two products are two, and of two kinds of fact never one', () => {
    const all = [of({}), machineFingerprint('sonar', facts), of({}, withoutId), of({}, withoutCards)];

    expect(new Set(all).size).toBe(4);
  });

  test('counts no address that software made up', () => {
    for (const mac of machineFacts().macAddresses) {
      expect(Number.parseInt(mac.slice(0, 2), 16) & 0b10).toBe(0);
    }
  });
});

describe('the fingerprint of a browser', () => {
  const storage = () => {
    const kept = new Map<string, string>();
    return {
      kept,
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, text: string) => void kept.set(name, text),
    };
  };

  test('is random, the same while its storage is, and made anew for what is none', () => {
    const own = storage();

    const first = storedFingerprint(own);
    const again = storedFingerprint(own);
    for (const [name] of own.kept) own.kept.set(name, '<script>');
    const anew = storedFingerprint(own);

    expect(first).toMatch(/^[\w-]{32}$/);
    expect(again).toBe(first);
    expect(new Set([first, anew, storedFingerprint(storage())]).size).toBe(3);
  });

  test('and what is kept stand beside each other in one storage', async () => {
    const own = storage();
    storedFingerprint(own);

    await webStore(own).set('licensegraph-x', 'text');

    expect(await webStore(own).get('licensegraph-x')).toBe('text');
    expect(own.kept.size).toBe(2);
  });
});
