import { renderToStaticMarkup } from 'react-dom/server';
import type { Letter } from '../model/letters.js';
import { composeLetter, type Reader } from './content.js';
import { LetterPage } from './LetterPage.js';
import { textOf } from './text.js';

export interface RenderedLetter {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** Writes a letter, as it is sent and as it is read later. */
export function renderLetter(given: Letter, reader: Reader): RenderedLetter {
  const { letter, words, content, year } = composeLetter(given, reader);
  const { company, recipientName } = letter;
  const page = { language: reader.language, company, recipientName, year, content, words };
  const html = `<!DOCTYPE html>${renderToStaticMarkup(<LetterPage {...page} />)}`;
  return { subject: content.subject, html, text: textOf(letter, content, words, year) };
}
