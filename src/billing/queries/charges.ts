import { and, desc, eq, inArray, ne, type SQL, sql } from 'drizzle-orm';
import { customers } from '../../access/table.js';
import { scopeOf } from '../../core/actor.js';
import { addDays, type Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { CustomerId, InvoiceId, LicenseId, TenantId } from '../../core/id.js';
import { anyOf, byKey } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { licensesById } from '../../licenses/queries.js';
import { graceEndOf, licenses } from '../../licenses/table.js';
import { type ChargeId, HAND_OVER_DAYS, openCharges, type RenewalId } from '../model/renewals.js';
import {
  type Charge,
  charges,
  type PaymentMethod,
  paymentMethods,
  type Renewal,
  renewals,
} from '../table/charges.js';
import { type PaymentEndpoint, paymentEndpoints } from '../table/inbound.js';
import { invoices, type Payment } from '../table.js';

/**
 * The payment methods that a caller sees: a customer its own; whoever sells to it has nothing to do with them. Whoever pays
 * by hand has none.
 */
function methodScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(paymentMethods.tenantId, reading.tenantId),
    ne(paymentMethods.processor, 'MANUAL'),
    customerId === undefined ? undefined : eq(paymentMethods.customerId, customerId),
    resellerId === undefined && licenseId === undefined ? undefined : sql`false`,
  );
}

export async function paymentMethodsByCustomer(
  reading: Reading,
  customerIds: readonly string[],
): Promise<ReadonlyMap<string, PaymentMethod>> {
  const rows = await reading.db
    .select()
    .from(paymentMethods)
    .where(and(methodScope(reading), anyOf(paymentMethods.customerId, customerIds)));
  return byKey(rows, (row) => row.customerId);
}

export async function lockPaymentMethod(
  reading: Reading,
  customerId: CustomerId,
): Promise<PaymentMethod | undefined> {
  const [row] = await reading.db
    .select()
    .from(paymentMethods)
    .where(and(methodScope(reading), eq(paymentMethods.customerId, customerId)))
    .for('update');
  return row;
}

async function lockRenewal(reading: Reading, where: SQL): Promise<Renewal | undefined> {
  const [row] = await reading.db
    .select()
    .from(renewals)
    .where(and(eq(renewals.tenantId, reading.tenantId), where))
    .for('update');
  return row;
}

export function lockRenewalOf(reading: Reading, invoiceId: InvoiceId): Promise<Renewal | undefined> {
  return lockRenewal(reading, eq(renewals.invoiceId, invoiceId));
}

/** As it is at this moment: its invoice is to be locked before it is. */
export async function renewalById(reading: Reading, id: RenewalId): Promise<Renewal | undefined> {
  const [row] = await reading.db
    .select()
    .from(renewals)
    .where(and(eq(renewals.tenantId, reading.tenantId), eq(renewals.id, id)));
  return row;
}

export async function openRenewalOf(reading: Reading, licenseId: LicenseId): Promise<Renewal | undefined> {
  const [row] = await reading.db
    .select()
    .from(renewals)
    .where(
      and(
        eq(renewals.tenantId, reading.tenantId),
        eq(renewals.licenseId, licenseId),
        eq(renewals.status, 'OPEN'),
      ),
    );
  return row;
}

/** Whether the clock has begun, and not called off, a renewal of a license from this end of its term. */
export async function wasBegunByClock(
  reading: Reading,
  licenseId: LicenseId,
  expiryDate: Instant,
): Promise<boolean> {
  const [row] = await reading.db
    .select({ id: renewals.id })
    .from(renewals)
    .where(
      and(
        eq(renewals.tenantId, reading.tenantId),
        eq(renewals.licenseId, licenseId),
        eq(renewals.expiryDate, expiryDate),
        sql`way = 'AUTOMATIC' and status <> 'CANCELLED'`,
      ),
    );
  return row !== undefined;
}

/** Of each license the renewal that was begun last, of those that the caller sees. */
export async function renewalsByLicense(
  reading: Reading,
  licenseIds: readonly string[],
): Promise<ReadonlyMap<string, Renewal>> {
  const seen = await licensesById(reading, licenseIds);
  const rows = await reading.db
    .selectDistinctOn([renewals.licenseId])
    .from(renewals)
    .where(and(eq(renewals.tenantId, reading.tenantId), anyOf(renewals.licenseId, [...seen.keys()])))
    .orderBy(renewals.licenseId, desc(renewals.createdAt), desc(renewals.id));
  return byKey(rows, (row) => row.licenseId);
}

export async function chargeById(reading: Reading, id: ChargeId): Promise<Charge | undefined> {
  const [row] = await reading.db
    .select()
    .from(charges)
    .where(and(eq(charges.tenantId, reading.tenantId), eq(charges.id, id)));
  return row;
}

export async function lockCharge(reading: Reading, id: ChargeId): Promise<Charge | undefined> {
  const [row] = await reading.db
    .select()
    .from(charges)
    .where(and(eq(charges.tenantId, reading.tenantId), eq(charges.id, id)))
    .for('update');
  return row;
}

const chargesOf = (reading: Reading, invoiceId: InvoiceId): SQL | undefined =>
  and(eq(charges.tenantId, reading.tenantId), eq(charges.invoiceId, invoiceId), eq(charges.kind, 'CHARGE'));

/** Whether somebody is asking, or has asked with success, for the money of an invoice. */
export async function isCharged(reading: Reading, invoiceId: InvoiceId): Promise<boolean> {
  const [row] = await reading.db
    .select({ id: charges.id })
    .from(charges)
    .where(and(chargesOf(reading, invoiceId), ne(charges.status, 'DECLINED')))
    .limit(1);
  return row !== undefined;
}

/** The charge that a payment is the outcome of, if it is one of ours. */
export async function chargeOf(
  reading: Reading,
  { invoiceId, reference }: Pick<Payment, 'invoiceId' | 'reference'>,
): Promise<Charge | undefined> {
  const [row] = await reading.db
    .select()
    .from(charges)
    .where(and(chargesOf(reading, invoiceId), eq(charges.reference, reference ?? '')));
  return row;
}

export async function hasOpenCharge(reading: Reading, invoiceId: InvoiceId): Promise<boolean> {
  const [row] = await reading.db
    .select({ id: charges.id })
    .from(charges)
    .where(and(chargesOf(reading, invoiceId), inArray(charges.status, [...openCharges])))
    .limit(1);
  return row !== undefined;
}

/** Where a tenant's row is that something is due of. */
export interface DueRow {
  readonly tenantId: TenantId;
  readonly id: string;
}

/** A place in the order in which what is due is gone through. */
export interface DueLicense extends DueRow {
  readonly expiryDate: Instant;
}

/** After so many days in grace nobody is charged for what was missed. */
const LATEST_DAYS = 30;

type LicenseColumns = Pick<
  typeof licenses,
  'status' | 'autoRenewal' | 'expiryDate' | 'licenseType' | 'gracePeriodDays'
>;

/** A license that renews itself, or would. */
function renewsItself({ status, autoRenewal, licenseType }: LicenseColumns): SQL {
  return sql`${autoRenewal} and ${status} in ('ACTIVE', 'EXPIRED')
    and ${licenseType} not in ('TRIAL', 'EVALUATION', 'PERPETUAL')`;
}

/**
 * Licenses whose next term is to be billed, over all tenants and by the index on them, the next to end first: those that
 * renew themselves, of customers that are switched on, and whose renewal was not begun from this end. What is in grace is
 * caught up; what is over was not renewed in time.
 */
export async function licensesToRenew(
  db: Db,
  now: Instant,
  days: number,
  behind: DueLicense | undefined,
  most: number,
): Promise<DueLicense[]> {
  const { tenantId, id, expiryDate, customerId } = licenses;
  const place = sql`(${behind?.expiryDate ?? addDays(now, -LATEST_DAYS)}::timestamptz,
    ${behind?.tenantId ?? ''}::text, ${behind?.id ?? ''}::text)`;
  const rows = await db
    .select({ tenantId, id, expiryDate })
    .from(licenses)
    .innerJoin(
      customers,
      and(eq(customers.tenantId, tenantId), eq(customers.id, customerId), eq(customers.status, 'ACTIVE')),
    )
    .where(
      and(
        renewsItself(licenses),
        sql`${expiryDate} <= ${addDays(now, days)}::timestamptz`,
        sql`${expiryDate} >= ${behind?.expiryDate ?? addDays(now, -LATEST_DAYS)}::timestamptz`,
        sql`(${expiryDate}, ${tenantId}, ${id}) > ${place}`,
        sql`(${graceEndOf(licenses)} > (${now}::timestamptz at time zone 'UTC') or ${expiryDate} > ${now}::timestamptz)`,
        sql`not exists (select from ${renewals} as known where known.tenant_id = ${tenantId} and known.license_id = ${id}
          and (known.status = 'OPEN' or known.way = 'AUTOMATIC' and known.status <> 'CANCELLED'
            and known.expiry_date = ${expiryDate}))`,
      ),
    )
    .orderBy(expiryDate, tenantId, id)
    .limit(most);
  return rows.flatMap((row) => (row.expiryDate === null ? [] : [{ ...row, expiryDate: row.expiryDate }]));
}

/**
 * A renewal that was asked for, and that nobody has paid a day before the term ends, of a license that renews itself then.
 * Of one that is paid in part people are told once. Whoever acts on it asks for the rest, `isHandedOver`.
 */
function handsOver(now: Instant): SQL {
  const { expiryDate, tenantId, customerId } = licenses;
  return sql`${renewals.way} = 'BY_HAND' and ${renewsItself(licenses)}
    and (${invoices.amountPaid} <= ${invoices.amountRefunded} or ${renewals.firstFailedAt} is null)
    and ${expiryDate} <= ${addDays(now, HAND_OVER_DAYS)}::timestamptz
    and (${graceEndOf(licenses)} > (${now}::timestamptz at time zone 'UTC') or ${expiryDate} > ${now}::timestamptz)
    and exists (select from ${paymentMethods} as method where method.tenant_id = ${tenantId}
      and method.customer_id = ${customerId} and method.processor <> 'MANUAL')`;
}

/**
 * Open renewals that something overtook: their license was renewed otherwise, upgraded, moved or revoked, or does not renew
 * itself any more, or is of a customer who was switched off; or renews itself, because what was asked for is not paid. Or all
 * that was paid for them went back. Those stay of which nobody knows whether money moves.
 */
export async function overtakenRenewals(
  db: Db,
  now: Instant,
  behind: DueRow | undefined,
  most: number,
): Promise<DueRow[]> {
  const isOvertaken = sql`(${licenses.expiryDate} is distinct from ${renewals.expiryDate}
    or ${licenses.templateId} is distinct from ${renewals.templateId}
    or ${licenses.customerId} is distinct from ${invoices.customerId} or ${licenses.status} = 'REVOKED'
    or ${renewals.way} = 'AUTOMATIC' and (not ${licenses.autoRenewal} or ${licenses.status} = 'INACTIVE'
      or ${licenses.status} = 'SUSPENDED' and ${licenses.suspensionCause} = 'MANUAL'
      or ${customers.status} <> 'ACTIVE')
    or ${invoices.paymentStatus} = 'REFUNDED' or ${handsOver(now)})`;
  return db
    .select({ tenantId: renewals.tenantId, id: renewals.id })
    .from(renewals)
    .innerJoin(licenses, and(eq(licenses.tenantId, renewals.tenantId), eq(licenses.id, renewals.licenseId)))
    .innerJoin(invoices, and(eq(invoices.tenantId, renewals.tenantId), eq(invoices.id, renewals.invoiceId)))
    .leftJoin(
      customers,
      and(eq(customers.tenantId, licenses.tenantId), eq(customers.id, licenses.customerId)),
    )
    .where(
      and(
        sql`renewals.status = 'OPEN'`,
        sql`(${renewals.tenantId}, ${renewals.id}) > (${behind?.tenantId ?? ''}::text, ${behind?.id ?? ''}::text)`,
        sql`not exists (select from ${charges} as asked where asked.tenant_id = ${renewals.tenantId}
          and asked.invoice_id = ${renewals.invoiceId} and asked.kind = 'CHARGE' and asked.status in ('ASKING', 'PENDING'))`,
        isOvertaken,
      ),
    )
    .orderBy(renewals.tenantId, renewals.id)
    .limit(most);
}

export interface DueCharge extends DueRow {
  readonly nextAttemptAt: Instant | null;
}

/** Renewals that are to be charged for, the longest due first. */
export function renewalsToCharge(db: Db, now: Instant, behind: DueCharge | undefined, most: number) {
  const { tenantId, id, nextAttemptAt } = renewals;
  const place = sql`(${behind?.nextAttemptAt ?? '-infinity'}::timestamptz, ${behind?.tenantId ?? ''}::text, ${behind?.id ?? ''}::text)`;
  return db
    .select({ tenantId, id, nextAttemptAt })
    .from(renewals)
    .where(
      and(
        sql`next_attempt_at is not null`,
        sql`${nextAttemptAt} <= ${now}::timestamptz`,
        sql`(${nextAttemptAt}, ${tenantId}, ${id}) > ${place}`,
      ),
    )
    .orderBy(nextAttemptAt, tenantId, id)
    .limit(most);
}

/**
 * The charge that has waited longest for an answer: it is left to whoever takes it until `until`, and somebody else's after
 * that, should he die.
 */
export async function takeCharge(db: Db, now: Instant, until: Instant): Promise<Charge | undefined> {
  const due = sql`(select tenant_id, id from ${charges} where ask_at is not null and ask_at <= ${now}::timestamptz
    order by ask_at, id limit 1 for no key update skip locked)`;
  const [row] = await db
    .update(charges)
    .set({ askAt: until, asks: sql`${charges.asks} + 1` })
    .where(sql`(${charges.tenantId}, ${charges.id}) in ${due}`)
    .returning();
  return row;
}

/** Who pays an invoice. */
export async function billedCustomer(
  db: Db,
  tenantId: TenantId,
  id: InvoiceId,
): Promise<CustomerId | undefined> {
  const [row] = await db
    .select({ customerId: invoices.customerId })
    .from(invoices)
    .where(and(eq(invoices.tenantId, tenantId), eq(invoices.id, id)));
  return row?.customerId ?? undefined;
}

/** With what a tenant's own account is charged, as it is kept; undefined where it is charged no more. */
export async function endpointKey(db: Db, tenantId: TenantId, id: string): Promise<string | undefined> {
  const { apiKey, enabled } = paymentEndpoints;
  const [row] = await db
    .select({ apiKey })
    .from(paymentEndpoints)
    .where(
      and(
        eq(paymentEndpoints.tenantId, tenantId),
        eq(paymentEndpoints.id, id as PaymentEndpoint['id']),
        enabled,
      ),
    );
  return row?.apiKey ?? undefined;
}
