import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Where the fonts are that come with the library: nothing is fetched, and nothing is read from elsewhere. */
export const fontFolder = join(dirname(require.resolve('pdfmake/package.json')), 'fonts', 'Roboto');

export const fontFiles = {
  normal: join(fontFolder, 'Roboto-Regular.ttf'),
  bold: join(fontFolder, 'Roboto-Medium.ttf'),
  italics: join(fontFolder, 'Roboto-Italic.ttf'),
  bolditalics: join(fontFolder, 'Roboto-MediumItalic.ttf'),
} as const;

const TABLE_ENTRY = 16;

/** Where a table of an OpenType font begins. */
function tableOf(font: Buffer, tag: string): number {
  const count = font.readUInt16BE(4);
  for (let index = 0; index < count; index += 1) {
    const entry = 12 + index * TABLE_ENTRY;
    if (font.toString('latin1', entry, entry + 4) === tag) return font.readUInt32BE(entry + 8);
  }
  throw new Error(`the font has no table ${tag}`);
}

/** The first segment map (format 4) of the font: what there is of the Basic Multilingual Plane. */
function segmentsOf(font: Buffer): number {
  const cmap = tableOf(font, 'cmap');
  const count = font.readUInt16BE(cmap + 2);
  for (let index = 0; index < count; index += 1) {
    const at = cmap + font.readUInt32BE(cmap + 8 + index * 8);
    if (font.readUInt16BE(at) === 4) return at;
  }
  throw new Error('the font has no segment map');
}

/** The code points that a font has a glyph for, as the OpenType specification reads `cmap` format 4. */
export function coveredBy(font: Buffer): ReadonlySet<number> {
  const at = segmentsOf(font);
  const segments = font.readUInt16BE(at + 6) / 2;
  const ends = at + 14;
  const starts = ends + segments * 2 + 2;
  const deltas = starts + segments * 2;
  const ranges = deltas + segments * 2;
  const covered = new Set<number>();
  for (let segment = 0; segment < segments; segment += 1) {
    const start = font.readUInt16BE(starts + segment * 2);
    const end = Math.min(font.readUInt16BE(ends + segment * 2), 0xfffe);
    const delta = font.readUInt16BE(deltas + segment * 2);
    const range = font.readUInt16BE(ranges + segment * 2);
    for (let code = start; code <= end; code += 1) {
      const place = ranges + segment * 2 + range + (code - start) * 2;
      const glyph = range === 0 ? code : font.readUInt16BE(place);
      if (glyph !== 0 && (glyph + delta) % 65_536 !== 0) covered.add(code);
    }
  }
  return covered;
}

let known: ReadonlySet<number> | undefined;

function covers(character: string): boolean {
  known ??= coveredBy(readFileSync(fontFiles.normal));
  return known.has(character.codePointAt(0) ?? 0);
}

/** Stands for a character that the fonts lack; a question mark would keep a line from being broken behind it. */
const LACKING = '\ufffd';

/** What is not seen, or turns the direction of what follows: an invoice reads as it is written. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text as the fonts can show it, in one line, and whether they lack anything of it. */
export function printable(text: string): { readonly text: string; readonly isWhole: boolean } {
  // Thin spaces of numbers are no more than spaces that keep a number together.
  const plain = text
    .normalize('NFC')
    .replace(/\u202f/g, '\u00a0')
    .replace(UNSEEN, ' ');
  const characters = [...plain];
  const shown = characters.map((character) => (covers(character) ? character : LACKING)).join('');
  return { text: shown, isWhole: shown === plain };
}
