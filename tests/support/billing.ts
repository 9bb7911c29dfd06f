import type { Price } from '../../src/billing/model/price.js';
import { createInvoice } from '../../src/billing/service/createInvoice.js';
import type { Settlement } from '../../src/billing/service/entries.js';
import type { Invoice } from '../../src/billing/table.js';
import type { Instant } from '../../src/core/clock.js';
import { committed } from '../../src/core/db.js';
import type { CustomerId, LicenseId, ResellerId, TenantId } from '../../src/core/id.js';
import type { Amount } from '../../src/core/money.js';
import type { Work } from '../../src/core/work.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { mutation } from './acts.js';
import type { Claims, TestServer } from './server.js';

export const amount = (text: string): Amount => text as Amount;

/** One line of so much, and what `further` says. */
export function priceOfOne(total: string, further: Partial<Price> = {}): Price {
  return {
    currency: 'EUR',
    periods: 1,
    lines: [
      {
        kind: 'LICENSES',
        description: 'Licenses, years: 1',
        quantity: 1,
        unitAmount: amount(total),
        amount: amount(total),
      },
    ],
    subtotal: amount(total),
    discount: amount('0'),
    tax: amount('0'),
    total: amount(total),
    ...further,
  };
}

export interface Billed {
  readonly customerId?: string | null;
  readonly resellerId?: string | null;
  readonly licenseId?: string | null;
  readonly price?: Price;
  readonly dueAt?: Instant | null;
}

/** An act of the system's, in the tenant, in the role of whoever serves requests. */
export async function acting<Result>(
  server: TestServer,
  { tenant_id }: Claims,
  run: (work: Work) => Promise<Result>,
): Promise<Result> {
  const tenantId = tenant_id as TenantId;
  const actor = { kind: 'system', subject: 'tests', tenantId, permissions: new Set<string>() } as const;
  const caller = { actor, requestId: 'tests', address: undefined };
  const { work, session } = await openWork(server.machinery, caller);
  return committed(session, () => run(work));
}

/** Bills 100 euros, or whatever else is wanted. */
export function invoiceOf(server: TestServer, as: Claims, billed: Billed = {}): Promise<Invoice> {
  return acting(server, as, (work) =>
    createInvoice(work, {
      purpose: 'ORDER',
      customerId: (billed.customerId ?? null) as CustomerId | null,
      resellerId: (billed.resellerId ?? null) as ResellerId | null,
      licenseId: (billed.licenseId ?? null) as LicenseId | null,
      price: billed.price ?? priceOfOne('100'),
      dueAt: billed.dueAt ?? null,
    }),
  );
}

/** What a processor tells of money. */
export function told(server: TestServer, reference: string | null, sum: string): Settlement {
  return { processor: 'STRIPE', reference, amount: amount(sum), currency: 'EUR', receivedAt: server.now };
}

/** The types of what happened to an invoice, in its order. */
export async function eventsOf(server: TestServer, { id }: { readonly id: string }): Promise<string[]> {
  const rows =
    await server.sql`select event_type from license_event_logs where subject_id = ${id} order by id`;
  return rows.map(({ event_type }) => String(event_type));
}

/** 100 euros, of which 40 are paid. */
export async function insertInvoice(
  server: TestServer,
  as: Claims,
  billed: Billed,
): Promise<{ readonly invoiceId: string; readonly paymentId: string }> {
  const { id: invoiceId } = await invoiceOf(server, as, billed);
  const input = { invoiceId, amount: '40', reference: `bank ${invoiceId}` };
  const data = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, as);
  return { invoiceId, paymentId: String(data.recordPayment?.payment?.id) };
}
