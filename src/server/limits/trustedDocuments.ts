import { readFile } from 'node:fs/promises';
import type { Config } from '../../core/config.js';
import { Refusal } from '../../core/refusal.js';
import { StartupError } from '../../core/startupError.js';
import { type DocumentRules, documentOf } from './document.js';
import { type Documents, hashOf, inFull, isRecord, KeptDocuments, TrustedDocuments } from './documents.js';

const FORMS =
  'takes a JSON object of SHA-256 hashes and documents, or a manifest of the format apollo-persisted-query-manifest';
/** A file that was written for another schema has as many problems as documents. */
const MOST_PROBLEMS = 10;

type Entry = readonly [id: unknown, text: unknown];

/** Apollo's manifest, or the plain object that others write (Relay with `algorithm: "SHA256"`). */
function entriesOf(content: unknown): Entry[] | undefined {
  if (!isRecord(content)) return undefined;
  if (content.format === undefined) return Object.entries(content);
  const { format, version, operations } = content;
  if (format !== 'apollo-persisted-query-manifest' || version !== 1 || !Array.isArray(operations))
    return undefined;
  return operations.map((operation: unknown) =>
    isRecord(operation) ? [operation.id, operation.body] : [undefined, undefined],
  );
}

function problemOf([id, text]: Entry, rules: DocumentRules): string | undefined {
  if (typeof id !== 'string' || typeof text !== 'string') return `${String(id)}: is no hash with a document`;
  if (hashOf(text) !== id) return `${id}: is not the SHA-256 hash of its document`;
  try {
    const document = documentOf(rules, { query: text });
    return 'kind' in document ? undefined : `${id}: ${document[0]?.message}`;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${id}: ${error.message}`;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads the file of TRUSTED_DOCUMENTS; what is wrong with it stops the start, named. */
async function readTrusted(path: string, rules: DocumentRules): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new StartupError(`TRUSTED_DOCUMENTS: ${error.message}`);
  });
  const entries = entriesOf(parsed(text));
  if (entries === undefined) throw new StartupError(`TRUSTED_DOCUMENTS: ${path} ${FORMS}.`);
  if (entries.length === 0) throw new StartupError(`TRUSTED_DOCUMENTS: ${path} has no document.`);
  const problems = entries.flatMap((entry) => problemOf(entry, rules) ?? []);
  if (problems.length > 0) {
    const shown = problems.slice(0, MOST_PROBLEMS);
    const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
    throw new StartupError(`TRUSTED_DOCUMENTS: ${path} does not fit:\n  ${[...shown, ...more].join('\n  ')}`);
  }
  return new Map(entries as [string, string][]);
}

/** Which documents run, as configured. */
export async function openDocuments(config: Config, rules: DocumentRules): Promise<Documents> {
  const { TRUSTED_DOCUMENTS: path, LG_PERSISTED_QUERIES: automatic } = config;
  if (path !== undefined) return new TrustedDocuments(await readTrusted(path, rules));
  return automatic === false ? inFull : new KeptDocuments();
}
