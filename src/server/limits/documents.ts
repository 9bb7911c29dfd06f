import { createHash } from 'node:crypto';
import { Refusal } from '../../core/refusal.js';
import { limits } from './limits.js';

/** What a request says of its document, as it came: all of it may be anything. */
export interface Named {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/** Where the document of a request comes from: the same for every door. */
export interface Documents {
  /**
   * The text that runs, validated like any other; undefined when none is named, which the door refuses by itself. Throws
   * a refusal when what is named is not known here or may not run.
   */
  find(named: Named): string | undefined;
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Apollo's extension; whatever is not of its form names nothing. */
export function persistedIn({ extensions }: Named): { version?: unknown; sha256Hash?: unknown } | undefined {
  const persisted = isRecord(extensions) ? extensions.persistedQuery : undefined;
  return isRecord(persisted) ? persisted : undefined;
}

function textIn({ query }: Named): string | undefined {
  return typeof query === 'string' && query !== '' ? query : undefined;
}

function badRequest(message: string): Refusal {
  return new Refusal('BAD_REQUEST', message);
}

/** Clients know these two answers by their messages, which the protocol fixes. */
const notFound = (): Refusal => new Refusal('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
const notSupported = (): Refusal =>
  new Refusal('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');

/** Documents come in full. */
export const inFull: Documents = {
  find: (named) => {
    if (persistedIn(named) !== undefined) throw notSupported();
    return textIn(named);
  },
};

/** Whatever is registered here, a client sends again when it is gone: little is kept, and the oldest goes first. */
const ENTRY_LIMIT = 1000;
const LENGTH_LIMIT = 4_000_000;

/**
 * Automatic persisted queries: a client sends the hash alone, and the text with it once it is told that nobody knows it
 * (https://www.apollographql.com/docs/apollo-server/performance/apq). A hash is no permission: what it stands for is
 * validated, limited and authorised each time.
 */
export class KeptDocuments implements Documents {
  /** In the order of their last use. */
  readonly #texts = new Map<string, string>();
  #length = 0;

  find(named: Named): string | undefined {
    const persisted = persistedIn(named);
    const text = textIn(named);
    if (persisted === undefined) return text;
    const { version, sha256Hash: hash } = persisted;
    if (version !== 1) throw badRequest('Unsupported persisted query version');
    if (typeof hash !== 'string') throw badRequest('`persistedQuery.sha256Hash` must be text.');
    if (text === undefined) return this.#recall(hash);
    if (hashOf(text) !== hash) throw badRequest('provided sha does not match query');
    this.#keep(hash, text);
    return text;
  }

  #recall(hash: string): string {
    const text = this.#texts.get(hash);
    if (text === undefined) throw notFound();
    this.#texts.delete(hash);
    this.#texts.set(hash, text);
    return text;
  }

  /** A text that is refused by its length alone would push out what others have registered. */
  #keep(hash: string, text: string): void {
    const [longest] = limits.characters;
    if (this.#texts.has(hash) || text.length > longest) return;
    this.#texts.set(hash, text);
    this.#length += text.length;
    for (const [oldest, { length }] of this.#texts) {
      if (this.#texts.size <= ENTRY_LIMIT && this.#length <= LENGTH_LIMIT) return;
      this.#texts.delete(oldest);
      this.#length -= length;
    }
  }
}

function notTrusted(): Refusal {
  const message = 'This server runs the documents that it was started with only; this is none of them.';
  return new Refusal('DOCUMENT_NOT_TRUSTED', message);
}

/** A closed list: whatever is asked, by hash or in full, is one of these texts or does not run. */
export class TrustedDocuments implements Documents {
  constructor(private readonly texts: ReadonlyMap<string, string>) {}

  find(named: Named): string | undefined {
    const text = textIn(named);
    const hash = this.#hashIn(named);
    if (hash === undefined && text === undefined) return undefined;
    const trusted = this.texts.get(hash ?? hashOf(text ?? ''));
    if (trusted === undefined || (text !== undefined && text !== trusted)) throw notTrusted();
    return trusted;
  }

  /** By its id (GraphQL over HTTP, appendix A), or as Apollo's clients send it. */
  #hashIn(named: Named): string | undefined {
    const { documentId } = named;
    if (documentId === undefined || documentId === null) {
      const persisted = persistedIn(named);
      return persisted === undefined ? undefined : String(persisted.sha256Hash);
    }
    return String(documentId).replace(/^sha256:/, '');
  }
}
