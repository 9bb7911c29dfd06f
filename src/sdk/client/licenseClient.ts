import type { JSONWebKeySet } from 'jose';
import type { Decision } from '../licensee.js';
import { type OfflineVerdict, verifyLicenseFile } from '../offline/licenseFile.js';
import type { MadeRequest } from '../offline/request.js';
import * as acts from './acts.js';
import { FloatingLease, type FloatingLeaseOptions } from './floatingLease.js';
import { type HeartbeatOptions, Heartbeats } from './heartbeats.js';
import { type LicenseClientOptions, requireOptions } from './options.js';
import { type Parts, partsOf } from './parts.js';
import { done, failed, notReady, type Result } from './results.js';
import { type Asking, validate } from './validate.js';
import type { LicenseVerdict } from './verdicts.js';

/**
 * An application's side of a license server: one license key on one device. No method throws; what can go wrong on the
 * way is in the type of what it answers.
 */
export class LicenseClient {
  readonly #parts: Parts;

  /** @throws TypeError for options that are none. */
  constructor(options: LicenseClientOptions) {
    requireOptions(options);
    this.#parts = partsOf(options);
  }

  /** The activation of this device, as it is kept; null if there is none. Asks nobody. */
  async activationId(): Promise<string | null> {
    return (await this.#parts.vault.read()).activation?.id ?? null;
  }

  /** Activates this device, and keeps its token. The same device takes no second seat. */
  activate(options: acts.ActivateOptions = {}): Promise<Result<{ activationId: string }>> {
    return acts.activate(this.#parts, options ?? {});
  }

  /**
   * Whether the license may be used now. By the server's signed answer to a nonce; while nobody can be asked, by the last
   * one to the same question, for as long as the outage policy says; after that refused with OUTAGE.
   */
  validate(asking: Asking = {}): Promise<LicenseVerdict> {
    return validate(this.#parts, asking ?? {});
  }

  /** Gives up the seat of this device. Twice is the same as once. */
  deactivate(
    options: acts.ActOptions & { readonly reason?: string | undefined } = {},
  ): Promise<Result<null>> {
    return acts.deactivate(this.#parts, options ?? {});
  }

  /** Heartbeats that tell what was used; `start()` begins them, `stop()` ends them. */
  heartbeats(options: HeartbeatOptions = {}): Heartbeats {
    return new Heartbeats(this.#parts, options, false);
  }

  /** A floating seat, which is renewed while the application runs; `acquire()` takes it, `release()` gives it up. */
  floatingLease(options: FloatingLeaseOptions = {}): FloatingLease {
    return new FloatingLease(this.#parts, options);
  }

  /**
   * Draws units of features, all of them or none. After an outage nobody knows whether they were drawn: the same call
   * with the same `idempotencyKey` draws them once.
   */
  consume(uses: readonly acts.FeatureUse[], options: acts.ActOptions = {}): Promise<Result<Decision>> {
    return acts.consume(this.#parts, uses, options ?? {});
  }

  /** Gives back what a grant of `consume` drew, or these lines of it. Twice is the same as once. */
  refund(
    grant: { readonly grantId: string; readonly lines?: readonly number[] | undefined },
    options: acts.ActOptions = {},
  ): Promise<Result<null>> {
    return acts.refund(this.#parts, grant, options ?? {});
  }

  /** Takes the license out as a file, by which `verifyOffline` judges without a connection. */
  checkout(
    options: acts.ActOptions & {
      readonly validDays?: number | undefined;
      readonly encrypted?: boolean | undefined;
    } = {},
  ): Promise<Result<acts.LicenseFile>> {
    return acts.checkout(this.#parts, options ?? {});
  }

  /** The vendor's public keys, to be shipped or kept beside a license file: fetched where they are not known. */
  async publicKeys(signal?: AbortSignal): Promise<Result<JSONWebKeySet>> {
    const fetched = await this.#parts.trust.refresh(signal);
    const known = fetched.ok ? undefined : await this.#parts.trust.known();
    return known === undefined ? fetched : done(known);
  }

  /** Judges a license file on this device, without a connection, by the keys and the record of time that are kept. */
  async verifyFile(file: string, asking: acts.OfflineAsking = {}): Promise<OfflineVerdict> {
    const keys = (await this.#parts.trust.known()) ?? { keys: [] };
    return acts.judgeFile(this.#parts, file, keys, asking);
  }

  /** A request for a device that cannot connect, made without a connection; it outlives the process. */
  async createOfflineRequest(): Promise<Result<MadeRequest>> {
    const keys = await this.#parts.trust.known();
    return keys === undefined ? failed(notReady('NO_PUBLIC_KEYS')) : acts.createRequest(this.#parts, keys);
  }

  /** What the response to that request is worth, without a connection. */
  async verifyResponse(response: string, asking: acts.OfflineAsking = {}): Promise<Result<OfflineVerdict>> {
    const keys = await this.#parts.trust.known();
    if (keys === undefined) return failed(notReady('NO_PUBLIC_KEYS'));
    return acts.judgeResponse(this.#parts, response, keys, asking);
  }

  /** Registers that response once there is a connection: the seat is no longer limited in time. */
  register(response: string, options: acts.ActOptions = {}): Promise<Result<{ activationId: string }>> {
    return acts.register(this.#parts, response, options ?? {});
  }

  /** The same as `verifyOffline`: a file by these keys and facts, and nothing that is kept. */
  static readonly verifyOffline = verifyLicenseFile;
}
