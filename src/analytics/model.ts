/**
 * Analytics own figures that are counted from what activations report. They store nothing of their own yet, so that
 * a figure is always the direct count. Exports are theirs too: a line tells facts of several domains.
 */
import type { Instant } from '../core/clock.js';

export interface LicenseAnalytics {
  readonly totalActivations: number;
  readonly activeActivations: number;
  readonly distinctDevices: number;
  readonly totalRuntimeHours: number;
  readonly apiCallsCount: number;
  readonly dataProcessedMb: number;
  readonly lastUsedAt: Instant | null;
}

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}

export interface AdvancedAnalytics {
  readonly operatingSystems: readonly NamedCount[];
  readonly applicationVersions: readonly NamedCount[];
  readonly activationsByMonth: readonly NamedCount[];
}

/** What one line of an export holds, in the contract's words. */
export type ExportRow = Readonly<Record<string, string | number | boolean | null>>;

/** A cell that begins like a formula is one to a spreadsheet: it gets an apostrophe, and RFC 4180 its quotes. */
function csvCell(value: ExportRow[string]): string {
  const text = value === null || value === undefined ? '' : String(value);
  const inert = typeof value === 'string' && /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

export function csvOf(columns: readonly string[], rows: readonly ExportRow[]): string {
  const lines = rows.map((row) => columns.map((column) => csvCell(row[column] ?? null)).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
}
