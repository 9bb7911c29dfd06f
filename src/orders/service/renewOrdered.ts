import { and, eq } from 'drizzle-orm';
import type { Customer } from '../../access/table.js';
import { repeated } from '../../core/check.js';
import type { LicenseId } from '../../core/id.js';
import { type FieldProblem, Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseNotFound, type RenewalTerms, renewed } from '../../licenses/model.js';
import { licensesById, lockLicenses } from '../../licenses/queries.js';
import { renewLocked } from '../../licenses/service/renewLicense.js';
import type { License } from '../../licenses/table.js';
import { isTrialType } from '../../templates/model.js';
import { monthsOf, type OrderTerms } from '../model/terms.js';
import { renewedBy } from '../queries.js';
import type { CreateOrderInput } from '../schema/inputs.js';
import { type Order, orderRenewals } from '../table.js';

const renewalTerms = ({ durationMonths }: { durationMonths: number }): RenewalTerms => ({
  durationMonths,
  extendMaintenance: true,
  upgradeFeatures: [],
});

interface WantedRenewal {
  readonly input: CreateOrderInput;
  readonly renews: readonly string[];
  readonly customer: Customer | undefined;
  readonly terms: OrderTerms;
}

interface OrderedRenewal {
  readonly problems: readonly FieldProblem[];
  readonly licenses: readonly LicenseId[];
  readonly terms: OrderTerms;
}

/** What a renewal cannot be told: it keeps what the licenses have, and adds calendar months. */
function wishProblems({ input, renews, terms }: WantedRenewal): FieldProblem[] {
  const say = (field: string, message: string): FieldProblem => ({ field: `input.${field}`, message });
  const { quantity, customFeatures, customRestrictions, durationOverride } = input;
  return [
    ...(renews.length === 0 ? [say('renewLicenseIds', 'names no license')] : []),
    ...repeated(renews, (index) => `input.renewLicenseIds.${index}`),
    ...(quantity && quantity !== renews.length
      ? [say('quantity', 'an order that renews is of as many licenses as it names')]
      : []),
    ...(customFeatures?.length ? [say('customFeatures', 'a renewal keeps the features')] : []),
    ...(customRestrictions?.length ? [say('customRestrictions', 'a renewal keeps the restrictions')] : []),
    ...(durationOverride ? [say('durationOverride', 'a renewal is for months: give durationMonths')] : []),
    ...(isTrialType(terms.licenseType) ? [say('renewLicenseIds', 'a trial is not renewed')] : []),
  ];
}

/** One price is asked for each of them: of one template, and of as many seats as the others. */
function misfitOf(license: License, templateId: string, seats: number): string | undefined {
  if (license.templateId !== templateId) return 'was not made from the ordered template';
  if (license.maxActivations === seats) return undefined;
  return 'has another number of seats than the first one: renew it by an order of its own';
}

/**
 * The licenses that an order is to renew: the buyer's own and of the ordered template, by whose price it pays. Somebody
 * else's answer as those that do not exist.
 */
export async function renewalOf(work: Work, wanted: WantedRenewal): Promise<OrderedRenewal> {
  const { input, renews, customer } = wanted;
  const holder = customer?.id ?? null;
  const found = await licensesById(work, renews);
  const problems: FieldProblem[] = [...wishProblems(wanted)];
  const seats = found.get(renews[0] ?? '')?.maxActivations ?? wanted.terms.maxActivations;
  const licenses = renews.map((id, index): LicenseId => {
    const license = found.get(id);
    if (license === undefined || license.customerId !== holder) throw licenseNotFound(id);
    const message = misfitOf(license, input.templateId, seats);
    if (message !== undefined) problems.push({ field: `input.renewLicenseIds.${index}`, message });
    return license.id;
  });
  const terms = { ...wanted.terms, durationMonths: monthsOf(wanted.terms), maxActivations: seats };
  // Refused where one cannot be renewed as it is now.
  if (problems.length === 0)
    for (const license of found.values()) renewed(license, renewalTerms(terms), work.now);
  return { problems, licenses, terms };
}

/** What was ordered is what is renewed: a license that was upgraded since, or has more seats, would be renewed below its price. */
function requireAsOrdered(license: License, { templateId, terms }: Order): void {
  if (license.templateId === templateId && license.maxActivations <= terms.maxActivations) return;
  const message =
    'The license was upgraded, or given more seats, since its renewal was ordered. Order it anew.';
  throw new Refusal('LICENSE_NOT_RENEWABLE', message, { id: license.id });
}

/**
 * The licenses that an order renews, locked: each of them can be renewed, or it is refused, so that an order renews all or
 * none. A license that has gone to somebody else since is not the buyer's to renew any more.
 */
export async function renewableOf(work: Work, order: Order): Promise<readonly License[]> {
  const ids = await renewedBy(work, order.id);
  const licenses = await lockLicenses(work, ids);
  const gone = ids.find(
    (id) => !licenses.some((each) => each.id === id && each.customerId === order.customerId),
  );
  if (gone !== undefined) throw licenseNotFound(gone);
  for (const license of licenses) {
    requireAsOrdered(license, order);
    renewed(license, renewalTerms({ durationMonths: monthsOf(order.terms) }), work.now);
  }
  return licenses;
}

export async function renewOrdered(work: Work, order: Order, licenses: readonly License[]): Promise<void> {
  const terms = renewalTerms({ durationMonths: monthsOf(order.terms) });
  const origin = { by: 'ORDER', invoiceId: order.invoiceId } as const;
  for (const license of licenses) await renewLocked(work, license, terms, origin);
  await work.db
    .update(orderRenewals)
    .set({ renewedAt: work.now })
    .where(and(eq(orderRenewals.tenantId, work.tenantId), eq(orderRenewals.orderId, order.id)));
}
