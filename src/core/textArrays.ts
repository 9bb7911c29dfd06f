/**
 * Arrays of text, the only ones that are sent: as PostgreSQL writes them (its manual, section 8.15.6). The driver would
 * look the types of arrays up by itself, in a statement behind each new connection that nobody waits for: a database that
 * falls in that moment rejects it, and ends the process.
 */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** What is no list is an array in PostgreSQL's own words already. */
export function writeTexts(values: unknown): string {
  if (!Array.isArray(values)) return String(values);
  return `{${values.map((value) => (value === null ? 'null' : quoted(String(value)))).join(',')}}`;
}

/** Elements in quotes, with what is escaped in them, and those that need none. */
const ELEMENTS = /"((?:[^"\\]|\\[\s\S])*)"|[^{},]+/g;

export function readTexts(text: string): (string | null)[] {
  return [...text.matchAll(ELEMENTS)].map(([bare, inner]) => {
    if (inner !== undefined) return inner.replace(/\\([\s\S])/g, '$1');
    return bare === 'NULL' ? null : bare;
  });
}

/** `text[]`, `varchar[]` and `name[]`, by their numbers in every PostgreSQL. */
export const textArrays = {
  to: 1009,
  from: [1009, 1015, 1003],
  serialize: writeTexts,
  parse: readTexts,
};
