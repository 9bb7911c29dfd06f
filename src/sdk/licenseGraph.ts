import type { Decision, Licensee, Use, Verdict } from './licensee.js';
import { Local } from './local.js';
import { type FeatureRefused, noActiveLicense, refusalOf, unavailable } from './refusal.js';
import { Declined, Remote, type RemoteOptions, Unreachable } from './remote.js';

export interface LicenseGraphOptions extends RemoteOptions {
  /**
   * What happens while the license server cannot be asked: CLOSED refuses, and no unit is ever used that was not drawn;
   * OPEN lets everything pass, uncounted, and says so.
   */
  readonly failMode: 'CLOSED' | 'OPEN';
  /** LOCAL decides on features without units by a signed entitlement set that is kept until it ends; REMOTE asks each time. */
  readonly decide?: 'REMOTE' | 'LOCAL';
  /** Hears of outages and of units that could not be given back. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** A feature that may be used; its units come back if what they were drawn for did not happen. */
export interface FeatureUse {
  /** Why nothing was counted, where the failure mode is OPEN and the server was away; null otherwise. */
  readonly uncounted: string | null;
  giveBack(): Promise<void>;
}

const passed = ({ featureId }: Use): Verdict => ({
  featureId,
  granted: true,
  code: null,
  message: null,
  refusedFeatureId: null,
  lines: [],
  limit: null,
  used: null,
  windowEndsAt: null,
});

function refusedFor(use: Use, refusal: FeatureRefused): Verdict {
  const { code, message } = refusal;
  return { ...passed(use), granted: false, code, message, refusedFeatureId: use.featureId };
}

/** The key, not the licensee, is what does not fit: that opens nothing, whatever the failure mode. */
const ownFault = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'API_KEY_INVALID',
  'API_KEY_REVOKED',
  'API_KEY_EXPIRED',
  'GRAPHQL_VALIDATION_FAILED',
  'DOCUMENT_NOT_TRUSTED',
]);

/** A connection to a license server, for the directive, for handlers and for plain calls. */
export class LicenseGraph {
  readonly #remote: Remote;
  readonly #local: Local | undefined;

  constructor(private readonly options: LicenseGraphOptions) {
    if (options.failMode !== 'CLOSED' && options.failMode !== 'OPEN')
      throw new TypeError("failMode: has to be 'CLOSED' or 'OPEN'");
    this.#remote = new Remote(options);
    this.#local = options.decide === 'LOCAL' ? new Local(this.#remote, options.clock) : undefined;
  }

  /** Decides on uses together, in one call; nobody has no license. Never throws. */
  async decide(licensee: Licensee | null | undefined, uses: readonly Use[]): Promise<Decision> {
    if (uses.length === 0) return { verdicts: [], grantId: null, uncounted: null };
    if (licensee === null || licensee === undefined) return this.#refuse(uses, noActiveLicense());
    const draws = uses.some(({ amount }) => amount > 0);
    const decider = draws ? this.#remote : (this.#local ?? this.#remote);
    try {
      return await decider.decide(licensee, uses);
    } catch (error) {
      return this.#undecided(uses, error);
    }
  }

  /** Gives lines of a grant back; what fails is told to `onError`, and nobody else. */
  async refund(licensee: Licensee, grantId: string, lines: readonly number[]): Promise<void> {
    try {
      await this.#remote.refund(licensee, grantId, lines);
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  /** Asks for a feature, and draws units of it; throws `FeatureRefused`. */
  async requireFeature(
    licensee: Licensee | null | undefined,
    featureId: string,
    { consume = 0 }: { readonly consume?: number } = {},
  ): Promise<FeatureUse> {
    const { verdicts, grantId, uncounted } = await this.decide(licensee, [{ featureId, amount: consume }]);
    const [verdict] = verdicts;
    const refusal = verdict === undefined ? unavailable() : refusalOf(verdict);
    if (refusal !== undefined) throw refusal;
    let isBack = licensee == null || grantId === null;
    const giveBack = async (): Promise<void> => {
      if (isBack || licensee == null || grantId === null) return;
      isBack = true;
      await this.refund(licensee, grantId, verdict?.lines ?? []);
    };
    return { uncounted, giveBack };
  }

  #refuse(uses: readonly Use[], refusal: FeatureRefused): Decision {
    return { verdicts: uses.map((use) => refusedFor(use, refusal)), grantId: null, uncounted: null };
  }

  #undecided(uses: readonly Use[], error: unknown): Decision {
    // Whom the server does not know has no license; whom it does not answer is another matter.
    if (error instanceof Declined && !ownFault.has(error.code)) return this.#refuse(uses, noActiveLicense());
    this.options.onError?.(error);
    if (this.options.failMode === 'CLOSED' || !(error instanceof Unreachable))
      return this.#refuse(uses, unavailable());
    return { verdicts: uses.map(passed), grantId: null, uncounted: 'the license server was away' };
  }
}

export function licenseGraph(options: LicenseGraphOptions): LicenseGraph {
  return new LicenseGraph(options);
}
