import type { JWK } from 'jose';
import type { Sign } from '../../core/tokenTypes.js';
import type { OfflineRequest } from './request.js';

/** What a vendor's side signs and opens with: what devices verify and seal. */
export interface Seals {
  readonly sign: Sign;
  /** What a request asks; undefined if it is none, or for no key of ours. */
  openRequest(input: string): Promise<OfflineRequest | undefined>;
  /** What verifies now, as it is published. */
  publicKeys(): Promise<JWK[]>;
}
