import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { StartupError } from '../core/startupError.js';
import { checkpointIn, UnreadableLine } from '../sdk/trail/exportLines.js';
import { type TrailReport, verifyTrail } from '../sdk/trail/verifyTrail.js';

export interface VerifyTrailOptions {
  readonly keys: string;
  readonly checkpoints?: string;
  readonly partial?: boolean;
  readonly uncovered?: boolean;
  readonly json?: boolean;
}

const keySet = z.object({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })).min(1) });

function unreadable(path: string) {
  return (error: Error): never => {
    throw new StartupError(`${path}: ${error.message}`);
  };
}

async function readKeys(path: string) {
  const text = await readFile(path, 'utf8').catch(unreadable(path));
  const isSet = (value: unknown) => keySet.safeParse(value);
  try {
    const read = isSet(JSON.parse(text));
    if (read.success) return read.data;
  } catch {
    // Said below.
  }
  throw new StartupError(`${path}: is no JWKS document`);
}

/** The last line of a file that is being written may be cut off; it is none yet. */
async function readCheckpoints(path: string | undefined) {
  if (path === undefined) return [];
  const lines = (await readFile(path, 'utf8').catch(unreadable(path))).split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [checkpointIn(line)];
    } catch (error) {
      if (!(error instanceof UnreadableLine)) throw error;
      if (index === lines.length - 1) return [];
      throw new StartupError(`${path}: line ${index + 1}: ${error.message}`);
    }
  });
}

function saidOf(report: TrailReport, partial: boolean): string[] {
  const { broken, from, to, coveredTo, tenantId } = report;
  const lines = [`Tenant ${tenantId}: events ${from} to ${to} hold together.`];
  if (broken !== null) {
    const event = broken.eventId === null ? '' : `, event ${broken.eventId}`;
    lines.push(`BROKEN: ${broken.problem} at ${broken.sequence}${event}.`);
  }
  lines.push(
    coveredTo === null
      ? 'No checkpoint covers them that one of the keys has signed: a chain without one can be made anew.'
      : `Signed up to ${coveredTo}.`,
  );
  if (report.unproven > 0) lines.push(`${report.unproven} checkpoints are not of this trail and these keys.`);
  if (!report.fromBeginning && !partial) lines.push('The export does not begin where the trail begins.');
  if (!report.toEnd && broken === null && !partial)
    lines.push('The export does not say that it is complete.');
  return lines;
}

/** What `licensegraph verify-trail` says, and its exit code: 0 if nothing is wrong, 1 otherwise. */
export async function verifyTrailReport(
  path: string,
  options: VerifyTrailOptions,
): Promise<{ readonly text: string; readonly code: 0 | 1 }> {
  const keys = await readKeys(options.keys);
  const kept = await readCheckpoints(options.checkpoints);
  const input = createReadStream(path, 'utf8');
  const opened = new Promise<void>((resolve, reject) =>
    input.once('open', () => resolve()).once('error', reject),
  );
  await opened.catch(unreadable(path));
  const report = await verifyTrail(
    createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }),
    keys,
    kept,
  )
    .catch((error: Error) => {
      if (error instanceof UnreadableLine) return unreadable(path)(error);
      throw error;
    })
    .finally(() => input.destroy());
  const partial = options.partial === true;
  const isWhole = partial || (report.fromBeginning && report.toEnd);
  const isCovered = options.uncovered === true || report.coveredTo !== null || report.to < report.from;
  const isSound = report.broken === null && isWhole && isCovered && report.unproven === 0;
  const text = options.json === true ? JSON.stringify(report, null, 2) : saidOf(report, partial).join('\n');
  return { text, code: isSound ? 0 : 1 };
}
