import { base64url, type CryptoKey } from 'jose';
import { parseLicenseKey } from '../../licenses/model.js';
import { type Kept, keptIn, nothingKept } from './kept.js';
import { tell } from './results.js';
import type { Store } from './stores.js';

/** What somebody else has made of a store: it is begun anew, and the next who reads it is told. */
const tampered: Kept = { ...nothingKept, isTampered: true };

const IV_BYTES = 12;
const VERSION = 'lg1';
const utf8 = (value: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(value));

interface Secrets {
  readonly name: string;
  readonly key: CryptoKey;
}

/** A name and a key for a license key and a device: HKDF with SHA-256 (RFC 5869). Neither leads back to it. */
async function secretsOf(licenseKey: string, device: string): Promise<Secrets> {
  const secret = await crypto.subtle.importKey('raw', utf8(licenseKey), 'HKDF', false, [
    'deriveKey',
    'deriveBits',
  ]);
  const derivation = (info: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: utf8(device),
    info: utf8(`licensegraph client ${info}`),
  });
  const bits = await crypto.subtle.deriveBits(derivation('name'), secret, 96);
  const algorithm = { name: 'AES-GCM', length: 256 };
  const key = await crypto.subtle.deriveKey(derivation('store'), secret, algorithm, false, [
    'encrypt',
    'decrypt',
  ]);
  return { name: `licensegraph-${base64url.encode(new Uint8Array(bits))}`, key };
}

/**
 * What a client keeps, encrypted and authenticated (AES-256-GCM) under a key of the license key and the device: a text
 * that was edited, cut, or carried here from another device is found out. An older text of this device is not: it is
 * found by what it says, where the clock has been set back as well.
 */
export class Vault {
  #secrets: Promise<Secrets> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** What the store could not take; it goes before what the store still holds. */
  #unstored: Kept | undefined;

  constructor(
    private readonly store: Store,
    private readonly licenseKey: string,
    private readonly device: string,
    private readonly onFailed: ((error: unknown) => void) | undefined = undefined,
  ) {}

  #derived(): Promise<Secrets> {
    this.#secrets ??= secretsOf(parseLicenseKey(this.licenseKey) ?? this.licenseKey, this.device);
    return this.#secrets;
  }

  /** One after the other: what one act keeps, the next one finds. */
  #inTurn<Value>(act: () => Promise<Value>): Promise<Value> {
    const next = this.#turn.then(act);
    this.#turn = next.catch(() => undefined);
    return next;
  }

  read(): Promise<Kept> {
    return this.#inTurn(() => this.#load());
  }

  /** Changes what is kept; false if the store did not take it. What was tampered with is begun anew, and says so. */
  update(change: (kept: Kept) => Kept): Promise<boolean> {
    return this.#inTurn(() =>
      this.#alone(async () => {
        const kept = await this.#load();
        const next = change(kept);
        return next === kept ? true : this.#save(next);
      }),
    );
  }

  /** What another process keeps meanwhile would be written over: a record of time that only grows would fall. */
  async #alone<Value>(act: () => Promise<Value>): Promise<Value> {
    if (this.store.alone === undefined) return act();
    const { name } = await this.#derived();
    return this.store.alone(name, act);
  }

  async #load(): Promise<Kept> {
    if (this.#unstored !== undefined) return this.#unstored;
    const { name } = await this.#derived();
    try {
      const text = await this.store.get(name);
      if (text === null || text === undefined) return nothingKept;
      return (await this.#opened(text)) ?? tampered;
    } catch (error) {
      tell(() => this.onFailed?.(error));
      // A store that cannot be read holds nothing that could be believed.
      return tampered;
    }
  }

  async #opened(text: string): Promise<Kept | undefined> {
    const [version, iv = '', sealed = '', ...more] = text.split('.');
    if (version !== VERSION || more.length > 0) return undefined;
    const { key, name } = await this.#derived();
    try {
      const algorithm = {
        name: 'AES-GCM',
        iv: new Uint8Array(base64url.decode(iv)),
        additionalData: utf8(name),
      };
      const opened = await crypto.subtle.decrypt(algorithm, key, new Uint8Array(base64url.decode(sealed)));
      return keptIn(new TextDecoder().decode(opened));
    } catch {
      return undefined;
    }
  }

  async #save(kept: Kept): Promise<boolean> {
    const { key, name } = await this.#derived();
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(name) };
    const sealed = await crypto.subtle.encrypt(algorithm, key, utf8(JSON.stringify(kept)));
    const text = [VERSION, base64url.encode(iv), base64url.encode(new Uint8Array(sealed))].join('.');
    try {
      await this.store.set(name, text);
      this.#unstored = undefined;
      return true;
    } catch (error) {
      this.#unstored = kept;
      tell(() => this.onFailed?.(error));
      return false;
    }
  }
}
