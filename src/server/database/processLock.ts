/**
 * A lock file that one living process holds, and that is free again when that process has died in any way.
 */
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, readText, unless } from './files.js';

const TRIES = 250;
const POLL_MS = 20;

/** Takes the lock, or answers the number of the process that holds it. */
export async function tryLock(path: string): Promise<number | undefined> {
  const mine = `${path}.${process.pid}.${randomUUID()}`;
  await fs.writeFile(mine, `${process.pid} ${await processStart(process.pid)}\n`);
  try {
    for (let tries = 0; ; tries += 1) {
      // A link appears with its content: no starter ever reads a lock that is half written.
      const taken = await fs.link(mine, path).then(() => true, unless('EEXIST'));
      if (taken) return undefined;
      const holder = await livingHolder((await lockText(path)) ?? '');
      if (holder !== undefined) return holder;
      const claimant = await removeStale(path);
      if (claimant !== undefined && tries >= TRIES) return claimant;
      if (claimant !== undefined) await sleep(POLL_MS);
    }
  } finally {
    await fs.rm(mine, { force: true });
  }
}

export function unlock(path: string): Promise<void> {
  return fs.rm(path, { force: true });
}

/**
 * Only the holder of the claim removes a stale lock, having looked at it again: without it the second of two
 * starters, having judged the old lock, would remove the first one's new one. The claim is a lock itself, so
 * a dead claimant blocks nobody. Answers the claimant that was here before us.
 */
async function removeStale(path: string): Promise<number | undefined> {
  const claim = `${path}.claim`;
  const claimant = await tryLock(claim);
  if (claimant !== undefined) return claimant;
  const before = await lockText(path);
  const dead = before !== undefined && (await livingHolder(before)) === undefined;
  // Read again, now that its holder is known to be dead: it may have unlocked between the reading and its
  // death, and another have locked since.
  if (dead && (await lockText(path)) === before) await unlock(path);
  await unlock(claim);
  return undefined;
}

/** A lock that we may not read is another user's: an error, not a stale one. */
function lockText(path: string): Promise<string | undefined> {
  return fs.readFile(path, 'utf8').catch(unless('ENOENT'));
}

async function livingHolder(text: string): Promise<number | undefined> {
  const [number, start] = text.trim().split(' ');
  const pid = Number(number);
  return start !== undefined && start === (await processStart(pid)) ? pid : undefined;
}

/**
 * Tells a living process from a later one with the same number: the boot, and the tick at which it started.
 * Undefined when there is none; a zombie counts as none. Where there is no /proc the number alone has to do.
 */
async function processStart(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid < 1) return undefined;
  if (process.platform !== 'linux') return isRunning(pid) ? 'running' : undefined;
  // Field 2 is a name that may hold anything, so we count from behind it: state is field 3, starttime 22.
  const line = await readText(`/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
  const boot = await readText('/proc/sys/kernel/random/boot_id');
  return `${boot.trim()}/${ticks}`;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
