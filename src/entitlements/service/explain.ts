import { type Actor, mayAct, scopeOf } from '../../core/actor.js';
import { Refusal, type RefusalCode } from '../../core/refusal.js';
import type { Perishable, Reading } from '../../core/work.js';
import {
  type GrantingTemplate,
  type LapsedGrant,
  lapsedGrants,
  templatesGranting,
} from '../queries/hints.js';

/** Refusals that say what would make them pass. */
const explained: ReadonlySet<RefusalCode> = new Set([
  'NO_ACTIVE_LICENSE',
  'FEATURE_NOT_LICENSED',
  'QUOTA_EXCEEDED',
]);

/** A refusal of a feature, and which feature it was. */
export interface Refused {
  readonly feature: string;
  readonly refusal: Refusal;
}

/** What would make refusals of features pass, as far as the caller may see it. */
export interface Hints extends Perishable {
  readonly lapsed: readonly LapsedGrant[];
  readonly templates: readonly GrantingTemplate[];
}

/** How many templates are named. */
const HINTS = 3;

/** The features whose refusals are explained. */
export function featuresToExplain(refused: readonly Refused[]): string[] {
  const asked = refused.filter(({ refusal }) => explained.has(refusal.code));
  return [...new Set(asked.map(({ feature }) => feature))].toSorted();
}

/** Says all that hints depend on: the part of the tenant that is seen, what may be seen in it, and the features. */
export function hintsName(actor: Actor, features: readonly string[]): string {
  const { customerId = '', resellerId = '', licenseId = '', emergencyId = '' } = scopeOf(actor);
  const sees = ['license.read', 'template.read'].map((permission) => mayAct(actor, permission));
  return ['hints', customerId, resellerId, licenseId, emergencyId, ...sees, ...features].join(' ');
}

export async function hintsOn(reading: Reading, features: readonly string[]): Promise<Hints> {
  const [lapsed, templates] = await Promise.all([
    mayAct(reading.actor, 'license.read') ? lapsedGrants(reading, features) : [],
    mayAct(reading.actor, 'template.read') ? templatesGranting(reading, features) : [],
  ]);
  return { lapsed, templates, until: null };
}

/** The license that lapsed last, and the templates that include the feature, with more units where units were wanting. */
export interface RefusalHints {
  readonly lapsedLicense: Omit<LapsedGrant, 'featureId'> | null;
  readonly upgrades: readonly Pick<GrantingTemplate, 'templateId' | 'templateName'>[];
}

/** `limit` is the one that was used up; less than 0 if that is not why. */
export function hintsFor({ lapsed, templates }: Hints, feature: string, limit: number): RefusalHints {
  const last = lapsed.find((each) => each.featureId === feature);
  const upgrades = templates.filter(
    (each) => each.featureId === feature && (each.limit === null || each.limit > limit),
  );
  return {
    lapsedLicense:
      last === undefined ? null : { licenseId: last.licenseId, status: last.status, endedAt: last.endedAt },
    upgrades: upgrades.slice(0, HINTS).map(({ templateId, templateName }) => ({ templateId, templateName })),
  };
}

/** Nothing is more than unlimited; -1 where no limit was asked. */
function limitOf({ details }: Refusal): number {
  if (details.limit === null) return Number.MAX_SAFE_INTEGER;
  return typeof details.limit === 'number' ? details.limit : -1;
}

/**
 * Adds to refusals which license of the caller would have granted the feature and no longer does, and which templates on
 * sale include it. Each is told to those alone who may see it.
 */
export function explainedBy(hints: Hints, refused: readonly Refused[]): Refusal[] {
  return refused.map(({ feature, refusal }) => {
    if (!explained.has(refusal.code)) return refusal;
    const { lapsedLicense, upgrades } = hintsFor(hints, feature, limitOf(refusal));
    return new Refusal(refusal.code, refusal.message, {
      feature,
      ...refusal.details,
      ...(lapsedLicense === null ? {} : { lapsedLicense }),
      ...(upgrades.length === 0 ? {} : { upgrades }),
    });
  });
}

/** The same, with hints that are read for it. */
export async function explain(reading: Reading, refused: readonly Refused[]): Promise<Refusal[]> {
  return explainedBy(await hintsOn(reading, featuresToExplain(refused)), refused);
}
