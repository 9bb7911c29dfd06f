import { base64url } from 'jose';

/** What is carried by hand, and what stands on the lines around it. */
export const documentLabels = {
  request: 'LICENSE REQUEST',
  response: 'LICENSE RESPONSE',
  licenseFile: 'LICENSE FILE',
} as const;
export type DocumentKind = keyof typeof documentLabels;

const LINE_CHARACTERS = 64;
/** More than a license with a thousand features takes; nothing longer is looked at. */
export const DOCUMENT_CHARACTERS = 262_144;

function lines(kind: DocumentKind): readonly [string, string] {
  const label = documentLabels[kind];
  return [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
}

/** A code as text for mail, paper and files: short lines between two that say what it is. */
export function armored(kind: DocumentKind, code: string): string {
  const [begin, end] = lines(kind);
  const body = code.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
  return [begin, ...body, end, ''].join('\n');
}

/**
 * Whether a part of a code is written as an encoder writes it: of the unused bits of a last character a decoder takes
 * any, and one document would have several texts.
 */
function isCanonical(part: string): boolean {
  try {
    return base64url.encode(base64url.decode(part)) === part;
  } catch {
    return false;
  }
}

/**
 * The code in a text of this kind, however its lines were broken on the way, or in a code that came bare as from a QR
 * code. Undefined if it is none: of another kind, too long, or of parts that no encoder writes.
 */
export function codeIn(kind: DocumentKind, text: string): string | undefined {
  if (text.length > DOCUMENT_CHARACTERS) return undefined;
  // Mail and word processors put these in; of a byte order mark a file may begin with one.
  const bare = text.replace(/[ \t\r\n\u00a0\ufeff]/g, '');
  const [begin = '', end = ''] = lines(kind).map((line) => line.replaceAll(' ', ''));
  const armor = bare.startsWith(begin) && bare.endsWith(end) && bare.length > begin.length + end.length;
  const code = armor ? bare.slice(begin.length, -end.length) : bare;
  // Without its spaces a line of another kind is made of letters that codes are made of.
  if (code.startsWith('-----')) return undefined;
  return isCanonicalCode(code) ? code : undefined;
}

/** Whether a code is the one text of what it says. */
export function isCanonicalCode(code: string): boolean {
  return code.split('.').every(isCanonical);
}

/** How many parts a code has: three are signed, five are encrypted. */
export function partsOf(code: string): number {
  return code.split('.').length;
}

/** The protected header of a code, if it is an object with exactly these members. */
export function headerOf(
  code: string,
  members: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  try {
    const [first = ''] = code.split('.', 1);
    const header: unknown = JSON.parse(new TextDecoder().decode(base64url.decode(first)));
    if (header === null || typeof header !== 'object' || Array.isArray(header)) return undefined;
    const names = Object.keys(header);
    const fits = names.length === members.length && members.every((name) => names.includes(name));
    return fits ? (header as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
