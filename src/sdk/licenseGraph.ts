import type { CircuitState } from './circuit.js';
import { type Asker, type Decision, type Licensee, named, type Use, type Verdict } from './licensee.js';
import { Local, type LocalOptions } from './local.js';
import { Declined, Unreachable } from './outage.js';
import { type FeatureRefused, firstRefusal, noActiveLicense, unavailable } from './refusal.js';
import { Remote, type RemoteOptions } from './remote.js';
import { Returns } from './returns.js';

/** How to reach a license server, and what to do when that fails. */
export interface LicenseGraphOptions extends RemoteOptions, LocalOptions {
  /**
   * What happens while the license server cannot be asked: CLOSED refuses, and no unit is ever used that was not drawn;
   * OPEN lets everything pass, uncounted, and says so. It opens for an outage only: not for an API key, an address or a
   * feature that does not fit, a licensee that is not known, or a set that does not verify.
   */
  readonly failMode: 'CLOSED' | 'OPEN';
  /** LOCAL decides on features without units by a signed entitlement set that is kept until it ends; REMOTE asks each time. */
  readonly decide?: 'REMOTE' | 'LOCAL';
  /** Hears of outages, and of what the license server declines; without it they are written to `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** Hears of each time that something passed uncounted, with what was asked. */
  readonly onUncounted?: (uses: readonly Use[], reason: string) => void;
}

/** A feature that may be used; its units come back if what they were drawn for did not happen. */
export interface FeatureUse {
  /** Why nothing was counted, where the failure mode is OPEN and the server was away; null otherwise. */
  readonly uncounted: string | null;
  /** Gives the units back, once however often it is called. Never throws. */
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

/** What the server says of a licensee that it does not know, or knows no longer. */
const unknownLicensee = new Set([
  'CUSTOMER_NOT_FOUND',
  'LICENSE_NOT_FOUND',
  'INVALID_LICENSE_KEY_FORMAT',
  'ACTIVATION_NOT_FOUND',
  'ACTIVATION_DEACTIVATED',
  'ACTIVATION_EXPIRED',
]);

/**
 * Anything else that is declined is the host's to mend: an address that is no graph, a key, a feature that cannot be one. It
 * opens nothing, whatever the failure mode.
 */
function isLicenseesFault({ code, fields }: Declined): boolean {
  if (code !== 'INVALID_INPUT') return unknownLicensee.has(code);
  return fields.length > 0 && fields.every((field) => /^(input\.)?licensee\b/.test(field));
}

const AWAY = 'the license server was away';

function requireChoices({ failMode, decide = 'REMOTE' }: LicenseGraphOptions): void {
  if (failMode !== 'CLOSED' && failMode !== 'OPEN')
    throw new TypeError("failMode: has to be 'CLOSED' or 'OPEN'");
  if (decide !== 'REMOTE' && decide !== 'LOCAL') throw new TypeError("decide: has to be 'REMOTE' or 'LOCAL'");
}

const REPEATED_MILLIS = 10_000;

/** Messages alone: no secret stands in them. The same one is not said again for ten seconds, however many meet it. */
function consoleTeller(): (error: unknown) => void {
  let last = { text: '', at: 0 };
  return (error) => {
    const texts: string[] = [];
    for (let each = error; each instanceof Error && texts.length < 3; each = each.cause)
      texts.push(each.message || ((each as { readonly code?: string }).code ?? each.name));
    const text = texts.length === 0 ? String(error) : texts.join(': ');
    const at = performance.now();
    if (text === last.text && at - last.at < REPEATED_MILLIS) return;
    last = { text, at };
    console.error(`licensegraph: ${text}`);
  };
}

/** A connection to a license server, for the directive, for handlers and for plain calls. One for a process is enough. */
export class LicenseGraph {
  readonly #options: LicenseGraphOptions;
  readonly #remote: Remote;
  readonly #local: Local | undefined;
  readonly #returns: Returns;
  readonly #onError: (error: unknown) => void;

  constructor(options: LicenseGraphOptions) {
    requireChoices(options);
    this.#options = options;
    this.#onError = options.onError ?? consoleTeller();
    this.#remote = new Remote(options);
    this.#local = options.decide === 'LOCAL' ? new Local(this.#remote, options, this.#onError) : undefined;
    this.#returns = new Returns(this.#remote, this.#onError);
  }

  /** CLOSED while the license server answers; OPEN while it is left alone, HALF_OPEN when it is tried again. */
  get circuit(): CircuitState {
    return this.#remote.circuit;
  }

  /** Decides on uses together, in one call, and draws their units, all or none; nobody has no license. Never throws. */
  decide(asker: Asker, uses: readonly Use[]): Promise<Decision> {
    return this.#decide(asker, uses, (licensee) => this.#remote.draw(licensee, uses));
  }

  /** What `decide` would say now; nothing is drawn. Never throws. */
  check(asker: Asker, uses: readonly Use[]): Promise<Decision> {
    return this.#decide(asker, uses, (licensee) => this.#remote.check(licensee, uses));
  }

  /**
   * Gives lines of a grant back, each once however often it is asked. While the license server is away they are kept, and
   * given back when it answers again.
   */
  refund(asker: Asker, grantId: string, lines: readonly number[]): Promise<void> {
    const licensee = named(asker);
    return licensee === undefined ? Promise.resolve() : this.#returns.give({ licensee, grantId, lines });
  }

  /**
   * Asks for a feature, and draws `consume` units of it (none without it). Throws `FeatureRefused`: 403
   * `NO_ACTIVE_LICENSE` or `FEATURE_NOT_LICENSED`, 429 `QUOTA_EXCEEDED`, 503 `ENTITLEMENTS_UNAVAILABLE`.
   */
  async requireFeature(
    asker: Asker,
    featureId: string,
    { consume = 0 }: { readonly consume?: number } = {},
  ): Promise<FeatureUse> {
    if (!Number.isSafeInteger(consume) || consume < 0)
      throw new TypeError('consume: has to be a whole number from 0 on');
    const { verdicts, grantId, uncounted } = await this.decide(asker, [{ featureId, amount: consume }]);
    const [verdict] = verdicts;
    const refusal = verdict === undefined ? unavailable() : firstRefusal(verdicts);
    if (refusal !== undefined) throw refusal;
    let isBack = grantId === null;
    const giveBack = async (): Promise<void> => {
      if (isBack || grantId === null) return;
      isBack = true;
      await this.refund(asker, grantId, verdict?.lines ?? []);
    };
    return { uncounted, giveBack };
  }

  async #decide(
    asker: Asker,
    uses: readonly Use[],
    ask: (licensee: Licensee) => Promise<Decision>,
  ): Promise<Decision> {
    if (uses.length === 0) return { verdicts: [], grantId: null, uncounted: null };
    const licensee = named(asker);
    if (licensee === undefined) return this.#refuse(uses, noActiveLicense());
    try {
      if (uses.every(({ amount }) => amount === 0))
        return await (this.#local ?? this.#remoteChecks).decide(licensee, uses);
      const decision = await ask(licensee);
      void this.#returns.giveOwed();
      return decision;
    } catch (error) {
      return this.#undecided(uses, error);
    }
  }

  /** Without units there is nothing to draw. */
  readonly #remoteChecks = {
    decide: (licensee: Licensee, uses: readonly Use[]): Promise<Decision> =>
      this.#remote.check(licensee, uses),
  };

  #refuse(uses: readonly Use[], refusal: FeatureRefused): Decision {
    return { verdicts: uses.map((use) => refusedFor(use, refusal)), grantId: null, uncounted: null };
  }

  #undecided(uses: readonly Use[], error: unknown): Decision {
    // Whom the server does not know has no license; whom it does not answer is another matter.
    if (error instanceof Declined && isLicenseesFault(error)) return this.#refuse(uses, noActiveLicense());
    this.#onError(error);
    if (this.#options.failMode === 'CLOSED' || !(error instanceof Unreachable))
      return this.#refuse(uses, unavailable());
    this.#options.onUncounted?.(uses, AWAY);
    return { verdicts: uses.map(passed), grantId: null, uncounted: AWAY };
  }
}

/** Makes a connection; nothing is sent before the first question. Throws a `TypeError` on options that cannot work. */
export function licenseGraph(options: LicenseGraphOptions): LicenseGraph {
  return new LicenseGraph(options);
}
