import type { JSONWebKeySet } from 'jose';
import { headerOf } from '../offline/documents.js';
import { readOr } from '../offline/shape.js';
import { signedClaims } from '../offline/signature.js';
import { readKeySet } from './kept.js';
import { done, failed, outage, type Result } from './results.js';
import type { Transport } from './transport.js';
import type { Vault } from './vault.js';

/**
 * Whose signature is believed: of the keys that came with the application, or of those that the license server publishes
 * under its address, which TLS vouches for.
 */
export type TrustedKeys = 'PUBLISHED' | JSONWebKeySet;

type Claims = Readonly<Record<string, unknown>>;

/** Keys are asked for again after a day: one that was withdrawn is believed no longer than that. */
const FRESH_MILLIS = 86_400_000;

export class Trust {
  constructor(
    private readonly trusted: TrustedKeys,
    private readonly transport: Transport,
    private readonly vault: Vault,
    private readonly now: () => number,
  ) {}

  /** The keys that are known without a connection. */
  async known(): Promise<JSONWebKeySet | undefined> {
    if (this.trusted !== 'PUBLISHED') return this.trusted;
    return (await this.vault.read()).keys?.set;
  }

  /** What an answer says, by the keys that are known; they are fetched where its key is not among them, or they are old. */
  async claimsNow(signed: string, signal?: AbortSignal): Promise<Result<Claims | undefined>> {
    const known = await this.known();
    const holdsKey = known !== undefined && holdsKeyOf(known, signed);
    if (known !== undefined && this.trusted !== 'PUBLISHED') return done(await claimsIn(signed, known));
    if (holdsKey && (await this.#isFresh())) return done(await claimsIn(signed, known));
    const fetched = await this.refresh(signal);
    if (fetched.ok) return done(await claimsIn(signed, fetched.value));
    // Old keys go on where new ones cannot be had; without its key an answer says nothing, neither good nor bad.
    return holdsKey ? done(await claimsIn(signed, known)) : fetched;
  }

  /** The same without a connection. */
  async claimsHeld(signed: string): Promise<Claims | undefined> {
    const keys = await this.known();
    return keys === undefined ? undefined : claimsIn(signed, keys);
  }

  /** Fetches the published keys, where those are believed. */
  async refresh(signal?: AbortSignal): Promise<Result<JSONWebKeySet>> {
    if (this.trusted !== 'PUBLISHED') return done(this.trusted);
    const fetched = await this.transport.fetchBeside('.well-known/jwks.json', signal);
    if (!fetched.ok) return fetched;
    const set = readOr(readKeySet, fetched.value);
    if (set === undefined) return failed(outage('ANSWER_UNREADABLE'));
    await this.vault.update((kept) => ({ ...kept, keys: { set, fetchedAt: this.now() } }));
    return done(set);
  }

  async #isFresh(): Promise<boolean> {
    const { fetchedAt = 0 } = (await this.vault.read()).keys ?? {};
    return Math.abs(this.now() - fetchedAt) < FRESH_MILLIS;
  }
}

function holdsKeyOf(keys: JSONWebKeySet, signed: string): boolean {
  const { kid } = headerOf(signed, ['alg', 'typ', 'kid']) ?? {};
  return keys.keys.some((key) => key.kid === kid);
}

async function claimsIn(signed: string, keys: JSONWebKeySet): Promise<Claims | undefined> {
  return (await signedClaims(signed, keys, ['validation']))?.claims;
}
