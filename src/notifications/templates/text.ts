import type { Letter } from '../model/letters.js';
import type { Content } from './content.js';
import type { Words } from './words.js';

/** The labels stand in one column, so that a row is read at a glance. */
function rowsOf({ rows }: Content): string[] {
  const width = Math.max(0, ...rows.map(({ label }) => label.length)) + 2;
  return rows.map(({ label, value }) => `${`${label}:`.padEnd(width)}${value}`);
}

function footOf({ company }: Letter, words: Words, year: string): string[] {
  const reached = [company.supportEmail, company.supportPhone].filter((way) => way !== undefined);
  return [
    ...(reached.length === 0 ? [] : [`${words.support}: ${reached.join(', ')}`]),
    ...(company.termsUrl === undefined ? [] : [`${words.terms}: ${company.termsUrl}`]),
    `© ${year} ${company.name}`,
    ...(company.address === undefined ? [] : [company.address]),
  ];
}

/**
 * A letter for who reads no HTML, of the same content. Made from what is said and not from the page: a table that is turned
 * into text has each label on a line of its own, and links run into each other.
 */
export function textOf(letter: Letter, content: Content, words: Words, year: string): string {
  const paragraphs = [
    [words.greeting(letter.recipientName)],
    ...content.paragraphs.map((text) => [text]),
    rowsOf(content),
    content.list === undefined
      ? []
      : [`${content.list.label}:`, ...content.list.lines.map((line) => `- ${line}`)],
    content.actions.map(({ label, url }) => `${label}: ${url}`),
    [words.closing, letter.company.name],
    // What is below this line is a signature (RFC 3676, 4.3).
    ['-- ', ...footOf(letter, words, year)],
  ];
  const written = paragraphs.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${written.join('\n\n')}\n`;
}
