import { DEFAULT_TIME_ZONE } from '../../access/model/settings.js';
import { tenantOf } from '../../access/queries.js';
import { isUnlimited } from '../../activations/model/seats.js';
import { countSeats } from '../../activations/queries/seats.js';
import { seatsAt } from '../../activations/service/seats.js';
import { priceNaming } from '../../billing/model/price.js';
import { taxesOf } from '../../billing/service/defaultTaxes.js';
import { endOfDay } from '../../core/calendarDays.js';
import { earliest, type Instant } from '../../core/clock.js';
import { invalidInput } from '../../core/refusal.js';
import type { Reading } from '../../core/work.js';
import { licenseNotFound, type Standing } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import {
  isTrialType,
  productInactive,
  productNotFound,
  templateInactive,
  templateNotFound,
} from '../../templates/model.js';
import { productsById, templatesById } from '../../templates/queries.js';
import type { Product, Template } from '../../templates/table.js';
import { licenseWithoutTemplate, requireUpgradable, seatsInUse } from '../model/upgrade.js';
import { planUpgrade, type UpgradePlan } from '../model/upgradePrice.js';
import { heldTerms } from './heldTerms.js';

/** Where a license goes. */
export interface UpgradeTarget {
  readonly template: Template;
  readonly product: Product;
}

export interface PlannedUpgrade extends UpgradeTarget {
  readonly license: License;
  readonly standing: Standing;
  readonly plan: UpgradePlan;
  /** The clock by which the tenant's days end. */
  readonly timeZone: string;
}

export function requireOffered(template: Template | undefined, id: string): Template {
  if (template === undefined) throw templateNotFound(id);
  if (!template.active) throw templateInactive(id);
  return template;
}

export function requireSold(product: Product | undefined, id: string): Product {
  if (product === undefined) throw productNotFound(id);
  if (!product.active) throw productInactive(id);
  return product;
}

function requireOther(license: License, template: Template, field: string): void {
  const { templateId, templateVersion } = license;
  if (isTrialType(template.licenseType)) {
    throw invalidInput([{ field, message: 'is a template of trials, and a license does not become one' }]);
  }
  if (templateId === template.id && templateVersion === template.version) {
    throw invalidInput([{ field, message: 'is what the license was made from, in the same version' }]);
  }
}

async function requireSeats(reading: Reading, license: License, template: Template): Promise<void> {
  if (isUnlimited(template)) return;
  const { licenseType, licenseModel, maxActivations } = template;
  const counted = { id: license.id, licenseType, licenseModel };
  const { currentActivations } = await countSeats(reading, counted, seatsAt(license, reading));
  if (currentActivations > maxActivations) throw seatsInUse(currentActivations, maxActivations);
}

/** The taxes that a tenant has on what it sells, and the clock by which its days end. */
export async function taxesAndZone(reading: Reading) {
  const tenant = await tenantOf(reading);
  return { taxes: taxesOf(tenant), timeZone: tenant.settings.timeZone ?? DEFAULT_TIME_ZONE };
}

/** Whether a license can go there, and what it costs; nothing is written. `field` is what the caller calls the template. */
export async function plannedUpgrade(
  reading: Reading,
  license: License,
  { template, product }: UpgradeTarget,
  field: string,
): Promise<PlannedUpgrade> {
  const standing = requireUpgradable(license, reading.now);
  if (license.templateId === null) throw licenseWithoutTemplate(license.id);
  requireOther(license, template, field);
  await requireSeats(reading, license, template);
  const { taxes, timeZone } = await taxesAndZone(reading);
  const held = await heldTerms(reading, license);
  const planned = planUpgrade(license, held, template, taxes, { now: reading.now, timeZone });
  const plan = { ...planned, price: priceNaming(planned.price, template.templateName) };
  return { license, template, product, standing, plan, timeZone };
}

export interface UpgradeQuote extends PlannedUpgrade {
  /** By time alone; a change of the template ends it sooner. */
  readonly validUntil: Instant;
}

export async function upgradeQuote(
  reading: Reading,
  licenseId: string,
  templateId: string,
): Promise<UpgradeQuote> {
  const license = (await licensesById(reading, [licenseId])).get(licenseId);
  if (license === undefined) throw licenseNotFound(licenseId);
  const template = requireOffered((await templatesById(reading, [templateId])).get(templateId), templateId);
  const product = (await productsById(reading, [template.productId])).get(template.productId);
  const target = { template, product: requireSold(product, template.productId) };
  const planned = await plannedUpgrade(reading, license, target, 'templateId');
  const midnight = endOfDay(reading.now, planned.timeZone);
  const { expiryDate } = license;
  const ends = expiryDate !== null && expiryDate > reading.now ? earliest(midnight, expiryDate) : midnight;
  return { ...planned, validUntil: ends };
}
