import type { Coalesced, Coalescing, Perishable, Reading, Work } from '../../core/work.js';
import type { Licensee, Need } from '../model/decide.js';
import { licenseeName, type NamedLicensee } from '../model/licensee.js';
import { reaching, type UseVerdicts, verdictsOn } from '../model/verdict.js';
import { licenseeOf } from '../queries/grants.js';
import type { ConsumeFeaturesInput, FeatureUseInput } from '../schema/consumption.js';
import { type Asked, chargeMany } from './chargeMany.js';
import { takerOf } from './chargeNeeds.js';
import { checkCharged } from './checkNeeds.js';
import { licenseeNamed, readingFor, recollectLicensee } from './namedLicensee.js';

/** How often licenses are read anew before it is taken for a defect. */
const LOOKS = 5;

export function needsOf(uses: readonly FeatureUseInput[]): Need[] {
  return uses.map(({ featureId, amount, path }) => ({
    feature: featureId,
    amount,
    ...(typeof path === 'string' ? { path } : {}),
  }));
}

/** Draws units for many callers at once. An answer by which nothing was drawn is a refusal, and its key stays free. */
async function consumeMany(
  work: Work,
  asked: readonly Asked[],
): Promise<(Coalesced<UseVerdicts> | undefined)[]> {
  const { answers, written } = await chargeMany(work, asked);
  await written;
  return asked.map(({ needs }, index) => {
    const charged = answers[index];
    if (charged === undefined) return undefined;
    const payload = verdictsOn(needs, charged);
    return { payload, isEffective: payload.grantId !== null };
  });
}

/** Draws units for a licensee in the caller's reach: all that are asked, or none. */
export async function consumeFeatures(
  ctx: Coalescing,
  { licensee: named, uses }: ConsumeFeaturesInput,
): Promise<UseVerdicts> {
  const needs = needsOf(uses);
  const scope = await recollectLicensee(ctx, named, 'input.licensee');
  const taker = takerOf(ctx);
  const load = (reading: Reading): Promise<Licensee & Perishable> =>
    licenseeOf(readingFor(reading, scope), needs);
  const name = licenseeName(scope, needs);
  let known = await ctx.recollect(name, load);
  for (let look = 0; look < LOOKS; look += 1) {
    const request = { taker, needs, licensee: known.value, isFresh: known.isFresh, tells: true } as const;
    const answer = await ctx.coalesce(consumeMany, request);
    if (answer !== undefined) return reaching(answer, scope);
    const value = known.isFresh ? await ctx.look(load) : await ctx.renew(name, load);
    known = { value, isFresh: true };
  }
  throw new Error('the licenses changed faster than they could be read');
}

export interface CheckedUses {
  readonly licensee?: NamedLicensee | null;
  readonly uses: readonly FeatureUseInput[];
}

/** Asks what `consumeFeatures` would answer, and draws nothing. */
export async function checkFeatures(
  reading: Reading,
  { licensee: named, uses }: CheckedUses,
): Promise<UseVerdicts> {
  const { scope } = await licenseeNamed(reading, named);
  const needs = needsOf(uses);
  return reaching(verdictsOn(needs, await checkCharged(readingFor(reading, scope), needs)), scope);
}
