import type { DocumentNode, GraphQLError } from 'graphql';
import { type DocumentRules, documentOf } from './document.js';

/** What is kept of documents that were found to be valid; the oldest goes first. */
const ENTRY_LIMIT = 500;
const LENGTH_LIMIT = 500_000;

/** A document with its text: whoever holds it holds no text of its own. */
export interface ParsedDocument {
  readonly document: DocumentNode;
  readonly query: string;
}

/**
 * Documents that were parsed and found to be valid, by their text: two thousand who follow the same hold one tree, and not
 * one each, which is most of what a stream would hold.
 */
class ParsedDocuments {
  /** In the order of their last use. */
  readonly #known = new Map<string, ParsedDocument>();
  #length = 0;

  constructor(private readonly rules: DocumentRules) {}

  of(query: string): ParsedDocument | readonly GraphQLError[] {
    const known = this.#known.get(query);
    if (known !== undefined) {
      this.#known.delete(query);
      this.#known.set(known.query, known);
      return known;
    }
    const document = documentOf(this.rules, { query });
    if (!('kind' in document)) return document;
    const parsed = { document, query };
    this.#keep(parsed);
    return parsed;
  }

  #keep(parsed: ParsedDocument): void {
    this.#known.set(parsed.query, parsed);
    this.#length += parsed.query.length;
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= ENTRY_LIMIT && this.#length <= LENGTH_LIMIT) return;
      this.#known.delete(oldest);
      this.#length -= oldest.length;
    }
  }
}

const byRules = new WeakMap<DocumentRules, ParsedDocuments>();

/** A document by its text, parsed and validated by these rules; or why not. */
export function parsedDocument(
  rules: DocumentRules,
  query: string,
): ParsedDocument | readonly GraphQLError[] {
  const documents = byRules.get(rules) ?? new ParsedDocuments(rules);
  byRules.set(rules, documents);
  return documents.of(query);
}
