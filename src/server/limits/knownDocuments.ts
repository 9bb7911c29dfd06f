import type { DocumentNode } from 'graphql';

/** A document in memory takes a hundred times its text, at the worst: these take 50 MB. */
const LENGTH_LIMIT = 500_000;
const ENTRY_LIMIT = 1_000;

/** Documents that were parsed and validated, by their text: whatever depends on the text alone was found in order. */
export class KnownDocuments {
  /** In the order of their last use. */
  readonly #documents = new Map<string, DocumentNode>();
  #length = 0;

  find(text: string): DocumentNode | undefined {
    const document = this.#documents.get(text);
    if (document === undefined) return undefined;
    this.#documents.delete(text);
    this.#documents.set(text, document);
    return document;
  }

  keep(text: string, document: DocumentNode): void {
    if (this.#documents.has(text)) return;
    this.#documents.set(text, document);
    this.#length += text.length;
    for (const [longestUnused] of this.#documents) {
      if (this.#documents.size <= ENTRY_LIMIT && this.#length <= LENGTH_LIMIT) return;
      this.#documents.delete(longestUnused);
      this.#length -= longestUnused.length;
    }
  }
}
