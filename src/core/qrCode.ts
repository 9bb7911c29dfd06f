import { renderSVG } from 'uqr';

/** 157 modules a side (version 35): of a license with some eight features. Denser ones are not read off most screens. */
export const QR_CHARACTERS = 2_300;

/** A text as a QR code that a camera reads; undefined if the text is too long for one. */
export function qrCode(text: string): string | undefined {
  return text.length > QR_CHARACTERS ? undefined : renderSVG(text, { ecc: 'L', border: 4, pixelSize: 4 });
}
