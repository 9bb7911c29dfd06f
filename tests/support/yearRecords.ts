import { expect } from 'vitest';
import { written } from './yearCards.js';
import { backOf, paidOf } from './yearLedger.js';
import type { Year } from './yearModel.js';
import { shown } from './yearPrices.js';
import type { YearWorld } from './yearWorld.js';

type Value = string | number | null;
type Data = Readonly<Record<string, Value>> & { readonly after?: Readonly<Record<string, Value>> };

const telling: Readonly<Record<string, (data: Data) => string | undefined>> = {
  'license.expiring': ({ days, expiry_date }) => `reminded ${days} of ${expiry_date}`,
  'license.expired': ({ expiry_date }) => `expired of ${expiry_date}`,
  'license.suspended': ({ reason, from, expiry_date }) =>
    `suspended ${reason} from ${from}${expiry_date === undefined ? '' : ` of ${expiry_date}`}`,
  'license.renewed': ({ by, from, to }) => `renewed by ${by} ${from ?? 'never'} to ${to ?? 'never'}`,
  'license.renewal_failed': ({ reason, attempt, attempts, next_at }) =>
    `not renewed: ${reason} ${attempt}/${attempts}, next ${next_at ?? 'never'}`,
  'invoice.paid': ({ amount, processor }) => `bill paid ${amount} by ${processor}`,
  'invoice.overpaid': ({ amount, processor }) => `bill overpaid ${amount} by ${processor}`,
  'invoice.partially_paid': ({ amount, processor }) => `bill paid in part ${amount} by ${processor}`,
  'invoice.payment_failed': ({ amount, processor }) => `payment failed ${amount} by ${processor}`,
  'invoice.refund_requested': ({ amount, processor }) => `refund asked for: ${amount} by ${processor}`,
  'invoice.refund_failed': ({ amount, processor }) => `refund failed: ${amount} by ${processor}`,
  'invoice.refunded': ({ amount, processor }) => `bill paid back ${amount} by ${processor}`,
  'invoice.partially_refunded': ({ amount, processor }) => `bill paid back in part ${amount} by ${processor}`,
  'license.updated': ({ reason, after }) =>
    reason === 'Renewal refunded'
      ? `taken back to ${after?.expiryDate ?? 'never'}, ${after?.maintenanceExpiry ?? 'never'}`
      : undefined,
  'invoice.voided': () => 'bill voided',
  'license.reinstated': ({ to }) => `reinstated ${to}`,
  'license.revoked': ({ from }) => `revoked from ${from}`,
  'license.transferred': ({ to_customer_id }) => `transferred to ${to_customer_id}`,
  'license.activated': ({ expiry_date }) => `begun until ${expiry_date}`,
};

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

/** A mail that was put off is asked about again: how many days are left, who holds the license by then, and whether it is sent, is open to who knows no mail server. */
const asLater = (line: string): string => line.replace(/( mail \w+)( \d+)? \S+ \S+ \S+ \S+$/, '$1 LATER');

/** The model's lines, without what is open of those mails that were put off. */
export function modelLines({ lines }: Year, product: readonly string[]): string[] {
  const later = new Set(product.filter((line) => line.endsWith(' LATER')));
  return lines.map((line) => (later.has(asLater(line)) ? asLater(line) : line));
}

interface BillRow {
  readonly lines: readonly { readonly kind: string; readonly amount: string }[];
  readonly total: string;
  readonly tax: string;
  readonly currency: string;
  readonly customer_id: string;
  readonly due: string;
}

const plain = (amount: string): string => amount.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');

function billed({ lines, total, tax, currency, customer_id, due }: BillRow): string {
  const parts = lines.map(({ kind, amount }) => `${kind} ${plain(amount)}`).join(', ');
  return `billed ${parts}: ${plain(total)} ${currency} with ${plain(tax)} of tax, to ${customer_id} until ${due}`;
}

/** What the product has told and done, as lines like those of the model. */
export async function productLines(world: YearWorld): Promise<string[]> {
  const { base } = world;
  const names = new Map(world.year.cards.map(({ id, name }) => [id, name]));
  const { tenant_id } = world.admin;
  const told = (columns: string, table: string, at: string) =>
    base.sql.unsafe(
      `select ${columns}, license_id as license, to_char(${at} at time zone 'UTC', ${TIME}) as at from ${table} where tenant_id = $1`,
      [tenant_id],
    );
  const lines: string[] = [];
  const add = (at: string, license: string, what: string): void =>
    void lines.push(`${at} ${names.get(license)} ${what}`);
  for (const row of await told(
    'event_type as type, event_data as data',
    'license_event_logs',
    'created_at',
  )) {
    const what = telling[row.type]?.(row.data);
    if (what !== undefined) add(row.at, row.license, what);
  }
  for (const row of await told('*, sent_at > created_at as late', 'notifications', 'created_at')) {
    const days = row.kind === 'LICENSE_EXPIRING' ? ` ${/\d+/.exec(row.subject)?.[0]}` : '';
    const reader = `${row.recipient} ${row.language} ${row.time_zone}`;
    const line = `mail ${row.kind}${days} ${reader} ${row.status}${row.late ? '-LATE' : ''}`;
    // Written down by a process that died before it could be sent, it goes out with the next ones.
    const isLeft = row.late && world.deaths.has(row.at);
    const isLater = isLeft || row.attempts > 1 || (row.status === 'SUPPRESSED' && row.attempts > 0);
    add(row.at, row.license, isLater ? asLater(` ${line}`).trim() : line);
  }
  for (const row of await told('id', 'archived_activations', 'archived_at'))
    add(row.at, row.license, `archived ${row.id}`);
  const due = `to_char(due_at at time zone 'UTC', ${TIME}) as due`;
  for (const row of await told(`lines, total, tax, currency, customer_id, ${due}`, 'invoices', 'created_at'))
    add(row.at, row.license, billed(row as unknown as BillRow));
  return lines;
}

/** What is on record of each license and of its devices at the end. */
export async function productCards({ base, admin }: YearWorld): Promise<string[]> {
  const rows = await base.sql.unsafe(
    `select id, to_char(expiry_date at time zone 'UTC', ${TIME}) as expiry,
      to_char(maintenance_expiry at time zone 'UTC', ${TIME}) as maintenance,
      (select count(*)::int from license_activations as a where a.license_id = licenses.id and status = 'ACTIVE') as living,
      (select count(*)::int from license_activations as a where a.license_id = licenses.id and status <> 'ACTIVE') as ended,
      (select count(*)::int from license_reminders as r where r.license_id = licenses.id) as reminders
      from licenses where tenant_id = $1`,
    [admin.tenant_id],
  );
  return rows.map(
    ({ id, expiry, maintenance, living, ended, reminders }) =>
      `${id} ${expiry ?? 'never'} ${maintenance ?? 'never'} ${living} ${ended} ${reminders}`,
  );
}

export function modelCards({ cards, lines }: Year): string[] {
  return cards.map(({ id, name, expiresAt, maintainedUntil, devices }) => {
    const living = devices.filter(({ endedAt }) => endedAt === undefined).length;
    const kept = devices.filter(({ archivedAt }) => archivedAt === undefined).length;
    const reminders = lines.filter((line) => line.includes(` ${name} reminded `)).length;
    return `${id} ${written(expiresAt)} ${written(maintainedUntil)} ${living} ${kept - living} ${reminders}`;
  });
}

/** Every mail that was sent arrived at its recipient: once, and again only where an attempt was not known to have ended. */
export async function compareArrived({ base, post, admin }: YearWorld): Promise<void> {
  const mails = await base.sql`select message_id, recipient, attempts, status from notifications
    where tenant_id = ${admin.tenant_id}`;
  const arrived = new Map<string, string[]>();
  for (const { mail, to } of post.arrived) {
    const id = mail.messageId ?? '';
    arrived.set(id, [...(arrived.get(id) ?? []), ...to]);
  }
  // What a process that died has sent may be needless by the time that it is tried again.
  const sent = mails.filter(
    ({ message_id, attempts, status }) => status === 'SENT' || (attempts > 1 && arrived.has(message_id)),
  );
  const found = [...arrived].map(([id, to]) => `${id} ${[...new Set(to)].join()}`);
  expect(found.sort()).toEqual(sent.map(({ message_id, recipient }) => `${message_id} ${recipient}`).sort());
  const doubled = sent.filter(
    ({ message_id, attempts }) => (arrived.get(message_id)?.length ?? 0) > attempts,
  );
  expect(doubled).toEqual([]);
}

/** The numbers of what was billed, with the instant: they follow one upon the other. */
export async function productNumbers({ base, admin }: YearWorld): Promise<string[]> {
  const rows = await base.sql.unsafe(
    `select to_char(created_at at time zone 'UTC', ${TIME}) || ' ' || number as line from invoices where tenant_id = $1`,
    [admin.tenant_id],
  );
  return rows.map(({ line }) => line);
}

/** How each bill stands at the end, in their order. */
export async function productBills(world: YearWorld): Promise<string[]> {
  const names = new Map(world.year.cards.map(({ id, name }) => [id, name]));
  const rows = await world.base
    .sql`select renewal.license_id, way, status, attempts, amount_paid, amount_refunded,
      row_number() over (partition by renewal.license_id order by invoice.created_at, invoice.id) - 1 as place
    from renewals as renewal join invoices as invoice on invoice.tenant_id = renewal.tenant_id
      and invoice.id = renewal.invoice_id
    where renewal.tenant_id = ${world.admin.tenant_id}`;
  return rows.map(
    ({ license_id, way, status, attempts, amount_paid, amount_refunded, place }) =>
      `${names.get(license_id)} ${place} ${way} ${status} ${attempts} ${plain(amount_paid)} ${plain(amount_refunded)}`,
  );
}

export function modelBills({ cards }: Year): string[] {
  return cards.flatMap(({ name, bills }) =>
    bills.map((bill, place) => {
      const { isByHand, status, attempts } = bill;
      const money = `${shown(paidOf(bill))} ${shown(backOf(bill))}`;
      return `${name} ${place} ${isByHand ? 'BY_HAND' : 'AUTOMATIC'} ${status} ${attempts} ${money}`;
    }),
  );
}

/** Every payment and every refund that the processor has on record, with the second, and what slow banks will have made of theirs. */
export async function bankedPayments(world: YearWorld): Promise<string[]> {
  const { base, bank, stripe, admin, year } = world;
  bank.settle(Number.POSITIVE_INFINITY);
  const names = new Map(year.cards.map(({ id, name }) => [id, name]));
  const rows = await base.sql`select id, license_id from invoices where tenant_id = ${admin.tenant_id}`;
  const licenses = new Map(rows.map(({ id, license_id }) => [id, names.get(license_id)]));
  const paid = new Map(
    stripe.intents.map(({ id, metadata }) => [id, licenses.get(metadata.invoice_id ?? '')]),
  );
  return [...stripe.intents, ...stripe.refunds].map((each) => {
    const { id, created, payment_intent, amount, currency, status } = each;
    const what = payment_intent === null ? paid.get(id) : `${paid.get(payment_intent)} back`;
    return `${written(created * 1000)} ${what} ${amount} ${currency} ${status}`;
  });
}

const digits: Readonly<Record<string, number>> = { EUR: 2, JPY: 0, KWD: 3, USD: 2 };

/**
 * What the processor took is booked once, on the invoice that it was taken for, unless nobody has asked yet what became of
 * it; and of no invoice, and for no end of a term, has it taken anything twice.
 */
export async function compareBooked({ base, stripe, admin }: YearWorld): Promise<void> {
  const booked =
    await base.sql`select reference, invoice_id, amount, currency, renewal.license_id, renewal.expiry_date
    from payments join renewals as renewal using (tenant_id, invoice_id)
    where tenant_id = ${admin.tenant_id} and processor = 'STRIPE' and kind = 'PAYMENT' and state = 'SETTLED'`;
  const unasked =
    await base.sql`select invoice_id from charges where tenant_id = ${admin.tenant_id} and ask_at is not null`;
  const waiting = new Set(unasked.map(({ invoice_id }) => String(invoice_id)));
  const known = new Set(booked.map(({ reference }) => String(reference)));
  const taken = stripe.taken();
  const invoices = taken.map(({ metadata }) => metadata.invoice_id ?? '');
  const terms = booked.map(({ license_id, expiry_date }) => `${license_id} ${expiry_date.toISOString()}`);

  const lines = booked.map(({ reference, invoice_id, amount, currency }) => {
    const units = Math.round(Number(amount) * 10 ** (digits[currency] ?? 2));
    return `${reference} ${invoice_id} ${units} ${currency}`;
  });
  const wanted = taken
    .filter(({ id, metadata }) => known.has(id) || !waiting.has(metadata.invoice_id ?? ''))
    .map(
      ({ id, metadata, amount, currency }) =>
        `${id} ${metadata.invoice_id} ${amount} ${currency.toUpperCase()}`,
    );
  expect(lines.sort()).toEqual(wanted.sort());
  expect([new Set(invoices).size, new Set(terms).size]).toEqual([invoices.length, terms.length]);
}

/** What the processor gave back is booked on the invoice that it was taken for, unless it is asked for still. */
export async function compareGivenBack({ base, stripe, admin }: YearWorld): Promise<void> {
  const rows = await base.sql`select invoice_id, currency, sum(amount) as amount from payments
    where tenant_id = ${admin.tenant_id} and processor = 'STRIPE' and kind = 'REFUND' and state = 'SETTLED'
      and not exists (select from charges where charges.tenant_id = payments.tenant_id
        and charges.invoice_id = payments.invoice_id and charges.kind = 'REFUND' and ask_at is not null)
    group by invoice_id, currency`;
  const booked = rows.map(
    ({ invoice_id, currency, amount }) =>
      `${invoice_id} ${Math.round(Number(amount) * 10 ** (digits[currency] ?? 2))}`,
  );
  const unasked = await base.sql`select invoice_id from charges
    where tenant_id = ${admin.tenant_id} and kind = 'REFUND' and ask_at is not null`;
  const waiting = new Set(unasked.map(({ invoice_id }) => String(invoice_id)));
  const wanted = stripe.taken().flatMap(({ id, amount, metadata: { invoice_id = '' } }) => {
    const back = stripe.refunds.filter((each) => each.payment_intent === id && each.status === 'succeeded');
    const sum = back.reduce((total, each) => total + each.amount, 0);
    expect(sum).toBeLessThanOrEqual(amount);
    return sum === 0 || waiting.has(invoice_id) ? [] : [`${invoice_id} ${sum}`];
  });
  expect(booked.sort()).toEqual(wanted.sort());
}
