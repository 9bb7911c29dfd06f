import type { NewEvent } from '../../core/event.js';
import type { Work } from '../../core/work.js';
import { templateInUse } from '../model.js';
import { isTemplateUsed } from '../queries/templates.js';

/** The currency in what an event tells of a template before or after a change, where its pricing is part of it. */
function currencyIn(told: unknown): string | undefined {
  if (typeof told !== 'object' || told === null || !('pricing' in told)) return undefined;
  const { pricing } = told;
  if (typeof pricing !== 'object' || pricing === null || !('currency' in pricing)) return undefined;
  return String(pricing.currency);
}

/**
 * Follows `template.updated`, and refuses it: a template changes its currency only while nothing goes by it. What is renewed
 * would be asked for in another one, and what was paid could not be set against an upgrade.
 */
export async function keepCurrency(work: Work, { subjectId, data }: NewEvent): Promise<void> {
  if (currencyIn(data?.before) === currencyIn(data?.after)) return;
  if (await isTemplateUsed(work, subjectId)) throw templateInUse(subjectId);
}
