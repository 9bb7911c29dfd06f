import { tenantOf } from '../../access/queries.js';
import type { Reading } from '../../core/work.js';
import type { TaxRate } from '../model/price.js';

/** The taxes of a price that names none of its own, as the tenant has set them. */
export async function defaultTaxes(reading: Reading): Promise<readonly TaxRate[]> {
  const { settings } = await tenantOf(reading);
  return settings.invoices?.taxes ?? [];
}
