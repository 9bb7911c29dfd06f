import { renderSVG } from 'uqr';

/** A code of 117 modules a side; denser ones are not read off a screen by ordinary cameras. */
export const QR_CHARACTERS = 1_600;

/** A text as a QR code that a camera reads; undefined if the text is too long for one. */
export function qrCode(text: string): string | undefined {
  return text.length > QR_CHARACTERS ? undefined : renderSVG(text, { ecc: 'L', border: 4, pixelSize: 4 });
}
