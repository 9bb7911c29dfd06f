import { seatsInUse } from '../activations/queries/seats.js';
import type { Instant } from '../core/clock.js';
import type { Work } from '../core/work.js';
import { standingAt } from '../licenses/model.js';
import { EXPORT_LIMIT, licensesToExport } from '../licenses/queries.js';
import type { License } from '../licenses/table.js';
import { csvOf, type ExportRow } from './model.js';
import type { ExportLicensesInput } from './schema.js';

export interface Export {
  readonly content: string;
  readonly mediaType: string;
  readonly count: number;
  readonly truncated: boolean;
}

const exportColumns = [
  'id',
  'license_key',
  'product_id',
  'product_name',
  'license_type',
  'license_model',
  'status',
  'customer_id',
  'issued_to',
  'max_activations',
  'current_activations',
  'issued_date',
  'expiry_date',
  'auto_renewal',
] as const;

function exportRow(license: License, seats: number, now: Instant): ExportRow {
  return {
    id: license.id,
    license_key: license.licenseKeyMask,
    product_id: license.productId,
    product_name: license.productName,
    license_type: license.licenseType,
    license_model: license.licenseModel,
    status: standingAt(license, now).status,
    customer_id: license.customerId,
    issued_to: license.issuedTo,
    max_activations: license.maxActivations,
    current_activations: seats,
    issued_date: license.issuedDate,
    expiry_date: license.expiryDate,
    auto_renewal: license.autoRenewal,
  };
}

/**
 * Keys are masked: an export is no way around `revealLicenseKey`. Seats are counted as the graph counts them: the
 * stored count knows nothing of leases that have run out since.
 */
export async function exportLicenses(work: Work, input: ExportLicensesInput): Promise<Export> {
  const found = await licensesToExport(work, input.filter ?? {});
  const kept = found.slice(0, EXPORT_LIMIT);
  const ids = kept.map((license) => license.id);
  const seats = await seatsInUse(work, ids);
  const rows = kept.map((license) => exportRow(license, seats.get(license.id) ?? 0, work.now));
  const csv = input.format === 'CSV';
  const content = csv ? csvOf(exportColumns, rows) : JSON.stringify(rows);
  await work.emit({ type: 'license.exported', subjectId: work.tenantId, data: { count: rows.length } });
  const mediaType = csv ? 'text/csv; charset=utf-8' : 'application/json';
  return { content, mediaType, count: rows.length, truncated: found.length > rows.length };
}
