import type { FieldNode } from 'graphql';

/** A stream executes its selection anew for each event, with other arrays of the same nodes. */
const MOST = 1_000;

/**
 * Fields of a document at their places, as an execution tells them apart: it collects the nodes of a place once, and hands the
 * same array to every object of a list.
 */
export class Places {
  #seen: Set<readonly FieldNode[]> | undefined;

  has(nodes: readonly FieldNode[]): boolean {
    return this.#seen?.has(nodes) === true;
  }

  add(nodes: readonly FieldNode[]): void {
    if (this.#seen === undefined || this.#seen.size >= MOST) this.#seen = new Set();
    this.#seen.add(nodes);
  }
}
