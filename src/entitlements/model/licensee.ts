import type { Scope } from '../../core/actor.js';
import { invalidInput, Refusal } from '../../core/refusal.js';
import type { Need } from './decide.js';

/** For whom another server acts: by one of the four. */
export interface NamedLicensee {
  readonly customerId?: string | null;
  readonly licenseId?: string | null;
  readonly licenseKey?: string | null;
  readonly activationToken?: string | null;
}

export type LicenseeProof = Readonly<
  Record<'kind', 'customerId' | 'licenseId' | 'licenseKey' | 'activationToken'> & Record<'value', string>
>;

/** The one member that is given. */
export function proofOf(named: NamedLicensee, field: string): LicenseeProof {
  const { customerId, licenseId, licenseKey, activationToken } = named;
  const given = Object.entries({ customerId, licenseId, licenseKey, activationToken }).flatMap(
    ([kind, value]) => (typeof value === 'string' ? [{ kind, value } as LicenseeProof] : []),
  );
  const [proof, ...others] = given;
  if (proof !== undefined && others.length === 0) return proof;
  const message = 'takes one of customerId, licenseId, licenseKey and activationToken';
  throw invalidInput([{ field, message }]);
}

/** By what is asked, which is the same for all who send the same document. */
const featuresAsked = new WeakMap<readonly Need[], string>();

/** In one order, whatever order a document has them in. */
function featuresIn(needs: readonly Need[]): string {
  const known = featuresAsked.get(needs);
  if (known !== undefined) return known;
  const features = needs.map(({ feature, amount }) => `${feature}${amount > 0 ? '+' : ''}`);
  const named = [...new Set(features)].toSorted().join(' ');
  featuresAsked.set(needs, named);
  return named;
}

/** Says all that a licensee depends on: the part of the tenant that is asked for, the features, and whether units are. */
export function licenseeName(
  { customerId, resellerId, licenseId, emergencyId }: Scope,
  needs: readonly Need[],
): string {
  const scope = `${customerId ?? ''} ${resellerId ?? ''} ${licenseId ?? ''} ${emergencyId ?? ''}`;
  return `${scope} ${featuresIn(needs)}`;
}

export function activationOver(status: 'ACTIVATION_DEACTIVATED' | 'ACTIVATION_EXPIRED'): Refusal {
  const message =
    status === 'ACTIVATION_DEACTIVATED'
      ? 'The activation of this token was ended.'
      : 'The activation of this token was limited in time and is over.';
  return new Refusal(status, message);
}

export function grantNotFound(id: string): Refusal {
  return new Refusal('GRANT_NOT_FOUND', `There is no grant ${id}.`, { id });
}
