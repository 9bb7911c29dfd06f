import type { Random } from './random.js';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'];
const STRANGE = [
  '\0',
  '\u0000\u0000',
  '\ud800',
  '\u{1f511}',
  '\u202e',
  '%00',
  "'--",
  '{}',
  '"',
  '\\',
  '\n',
  '$1',
];
/** What a reader takes for one another. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  0: 'O',
  O: '0',
  1: 'l',
  l: '1',
  I: '1',
  5: 'S',
  S: '5',
  8: 'B',
  B: '8',
  2: 'Z',
  A: '\u0410',
  E: '\u0415',
  C: '\u0421',
  '-': '\u2013',
};

function put(text: string, at: number, other: string, taken = 1): string {
  return `${text.slice(0, at)}${other}${text.slice(at + taken)}`;
}

/** Texts that are not as somebody was given them. */
export class Forger {
  constructor(
    private readonly random: Random,
    /** Everything that is real, of whatever kind and whosever. */
    private readonly real: readonly string[],
  ) {}

  letters(most: number): string {
    return Array.from({ length: 1 + this.random.below(most) }, () => this.random.pick(LETTERS)).join('');
  }

  /** One change of a text, in one of the ways by which somebody tries his luck or misreads. */
  changed(text: string): string {
    const { random } = this;
    const at = random.below(text.length);
    const parts = text.split(/[-._]/);
    const other = random.pick(this.real);
    const ways = [
      () => put(text, at, random.pick(LETTERS)),
      () => put(text, at, random.pick(LETTERS)),
      () => put(text, at, this.#lookAlike(text.charAt(at))),
      () => put(text, at, random.pick(STRANGE)),
      () => put(text, at, '', 1 + random.below(8)),
      () => put(text, at, text.charAt(at).repeat(2)),
      () => put(text, at, String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(7)))),
      () => put(text, at, this.letters(6), 0),
      () => put(text, at, other.slice(at)),
      () => [...text].toReversed().join(''),
      () => text + text,
      () => text.repeat(3 + random.below(random.chance(0.1) ? 60 : 6)),
      () => (text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase()),
      () => parts.toReversed().join('-'),
      () => `${text}${random.pick(STRANGE)}`,
      () => `${random.pick(STRANGE)}${text}`,
    ];
    return random.pick(ways)();
  }

  /** Noise, a change or two of a real one, or a real one of another kind. */
  forged(text: string): string {
    const { random } = this;
    if (random.chance(0.08)) return this.letters(60);
    if (random.chance(0.04)) return random.pick(this.real);
    const once = this.changed(text);
    return random.chance(0.25) ? this.changed(`${once}A`) : once;
  }

  #lookAlike(letter: string): string {
    return LOOK_ALIKES[letter] ?? `${letter}\u0301`;
  }
}
