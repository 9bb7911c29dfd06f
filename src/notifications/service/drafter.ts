import { customersById } from '../../access/queries.js';
import type { Customer } from '../../access/table.js';
import type { EventRow } from '../../audit/table.js';
import { type Instant, parseInstant } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import { licensesById } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import type { ToldLicense } from '../model/letters.js';
import type { Draft } from './recordMail.js';

/** What a fact has to be told of by mail; undefined for nothing, or nothing any more. */
export type Drafter = (work: Work, fact: EventRow) => Promise<Draft | undefined>;

export interface Found {
  readonly license: License;
  readonly customer: Customer | undefined;
}

export async function customerOf(work: Work, id: string | null): Promise<Customer | undefined> {
  return id === null ? undefined : (await customersById(work, [id])).get(id);
}

export async function licenseOf(work: Work, id: string | null): Promise<Found | undefined> {
  const license = id === null ? undefined : (await licensesById(work, [id])).get(id);
  return license === undefined
    ? undefined
    : { license, customer: await customerOf(work, license.customerId) };
}

export function told(license: License): ToldLicense {
  const { productName, licenseType, issuedTo, licenseKeyMask } = license;
  return { licenseKey: licenseKeyMask, productName, licenseType, issuedTo };
}

export function textIn(data: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = data[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

export function instantIn(data: Readonly<Record<string, unknown>>, name: string): Instant | null {
  return parseInstant(textIn(data, name) ?? '') ?? null;
}

export function numberIn(data: Readonly<Record<string, unknown>>, name: string): number | null {
  const value = data[name];
  return typeof value === 'number' ? value : null;
}
