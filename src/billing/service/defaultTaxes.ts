import { tenantOf } from '../../access/queries.js';
import type { Tenant } from '../../access/table.js';
import type { Reading } from '../../core/work.js';
import type { TaxRate } from '../model/price.js';

/** The taxes of a price that names none of its own, as the tenant has set them. */
export function taxesOf({ settings }: Tenant): readonly TaxRate[] {
  return settings.invoices?.taxes ?? [];
}

export async function defaultTaxes(reading: Reading): Promise<readonly TaxRate[]> {
  return taxesOf(await tenantOf(reading));
}
