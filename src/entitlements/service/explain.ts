import { mayAct } from '../../core/actor.js';
import { Refusal, type RefusalCode } from '../../core/refusal.js';
import type { Reading } from '../../core/work.js';
import { lapsedGrants, templatesGranting } from '../queries/hints.js';

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

/** How many templates are named. */
const HINTS = 3;

function limitOf({ details }: Refusal): number {
  return typeof details.limit === 'number' ? details.limit : -1;
}

/**
 * Adds to refusals which license of the caller would have granted the feature and no longer does, and which templates on
 * sale include it, with more units where units were wanting. Each is told to those alone who may see it.
 */
export async function explain(reading: Reading, refused: readonly Refused[]): Promise<Refusal[]> {
  const asked = refused.filter(({ refusal }) => explained.has(refusal.code));
  const features = [...new Set(asked.map(({ feature }) => feature))];
  const [lapsed, templates] = await Promise.all([
    mayAct(reading.actor, 'license.read') ? lapsedGrants(reading, features) : [],
    mayAct(reading.actor, 'template.read') ? templatesGranting(reading, features) : [],
  ]);
  return refused.map(({ feature, refusal }) => {
    if (!explained.has(refusal.code)) return refusal;
    const last = lapsed.find((each) => each.featureId === feature);
    const upgrades = templates
      .filter((each) => each.featureId === feature && (each.limit === null || each.limit > limitOf(refusal)))
      .slice(0, HINTS);
    return new Refusal(refusal.code, refusal.message, {
      feature,
      ...refusal.details,
      ...(last === undefined
        ? {}
        : { lapsedLicense: { licenseId: last.licenseId, status: last.status, endedAt: last.endedAt } }),
      ...(upgrades.length === 0
        ? {}
        : { upgrades: upgrades.map(({ templateId, templateName }) => ({ templateId, templateName })) }),
    });
  });
}
