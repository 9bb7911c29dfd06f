import { base64url } from 'jose';
import type { StorageLike } from './stores.js';

const NAME = 'licensegraph-device';
const ID_BYTES = 24;

/**
 * The fingerprint of a browser: a random id that is kept in its storage. Nothing of the person or machine goes into it,
 * and no list of fonts or pixels: another browser, another profile, or storage that was cleared, is another device. It
 * is the same for all products of one origin.
 *
 * @throws what `storage.setItem` throws where a browser stores nothing: then there is no device that could come back.
 */
export function storedFingerprint(storage: StorageLike): string {
  const known = storage.getItem(NAME);
  if (known !== null && /^[\w-]{32}$/.test(known)) return known;
  const made = base64url.encode(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  storage.setItem(NAME, made);
  return made;
}
