import type { Reading } from '../../core/work.js';
import { maskedLetter } from '../model/letters.js';
import type { Notification } from '../table/mail.js';
import type { RenderedLetter } from '../templates/render.js';
import { letterOf } from './letterOf.js';

/** What a mail says, written anew and with its license key masked: `revealLicenseKey` shows keys, and records who looked. */
export async function readLetter(
  { keys }: Pick<Reading, 'keys'>,
  mail: Notification,
): Promise<RenderedLetter | undefined> {
  const letter = letterOf(keys, mail);
  if (letter === undefined) return undefined;
  const { renderLetter } = await import('../templates/render.js');
  return renderLetter(maskedLetter(letter), mail);
}
