import { type Price, priceNaming } from '../../billing/model/price.js';
import { renewalPrice } from '../../billing/model/renewalPrice.js';
import { endOfDay } from '../../core/calendarDays.js';
import type { Instant } from '../../core/clock.js';
import type { Reading } from '../../core/work.js';
import { graceEnd, licenseNotFound, type Renewal, renewed, standingAt } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { templatesById } from '../../templates/queries.js';
import type { Template } from '../../templates/table.js';
import { licenseWithoutTemplate } from '../model/upgrade.js';
import { taxesAndZone } from './upgradeQuote.js';

export interface RenewalQuote {
  readonly license: License;
  readonly template: Template;
  readonly durationMonths: number;
  readonly price: Price;
  readonly renewal: Renewal;
  /** By time alone; a change of the template ends it sooner. */
  readonly validUntil: Instant;
}

/** What a license would be renewed to, and what its template asks for that now, for the seats that it has. */
export async function renewalQuote(
  reading: Reading,
  licenseId: string,
  durationMonths: number,
): Promise<RenewalQuote> {
  const license = (await licensesById(reading, [licenseId])).get(licenseId);
  if (license === undefined) throw licenseNotFound(licenseId);
  const { templateId, licenseType, maxActivations } = license;
  const template =
    templateId === null ? undefined : (await templatesById(reading, [templateId])).get(templateId);
  if (template === undefined) throw licenseWithoutTemplate(licenseId);
  const terms = { durationMonths, extendMaintenance: false, upgradeFeatures: [] };
  const renewal = renewed(license, terms, reading.now);
  const { taxes, timeZone } = await taxesAndZone(reading);
  const { pricing, defaultDuration, templateName } = template;
  const facts = { quantity: 1, maxActivations, licenseType, durationMonths, defaultDuration };
  const price = priceNaming(renewalPrice(pricing, facts, taxes), templateName);
  const { status, inGrace } = standingAt(license, reading.now);
  const isHonoured = status === 'ACTIVE' || status === 'INACTIVE' || inGrace;
  const until = isHonoured ? graceEnd(license) : null;
  const validUntil = until ?? endOfDay(reading.now, timeZone);
  return { license, template, durationMonths, price, renewal, validUntil };
}
