import { expect, test } from 'vitest';
import { hashOf, KeptDocuments } from '../../src/server/limits/documents.js';

const by = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });

test('a text that is longer than one may be pushes nothing out, and is not kept', () => {
  const documents = new KeptDocuments();
  const registered = '{ viewer { kind } }';
  documents.find({ query: registered, ...by(registered) });
  const long = Array.from({ length: 10 }, (_, index) => String(index).padEnd(450_000, '#'));

  for (const query of long) documents.find({ query, ...by(query) });

  expect(documents.find(by(registered))).toBe(registered);
  for (const query of long) expect(() => documents.find(by(query))).toThrow('PersistedQueryNotFound');
});
