import { shareCustomersNamed, shareResellers } from '../../../access/queries.js';
import type { Customer } from '../../../access/table.js';
import { scopeOf } from '../../../core/actor.js';
import type { ResellerId } from '../../../core/id.js';
import { byKey, groupBy } from '../../../core/keyset.js';
import type { RefusalCode } from '../../../core/refusal.js';
import type { Work } from '../../../core/work.js';
import { shareProducts, shareTemplatesNamed } from '../../../templates/queries.js';
import type { Product, Template } from '../../../templates/table.js';
import { licenseOf } from '../issueLicense.js';
import type { NewLicense } from '../newLicense.js';
import type { Naming, RowProblem, WantedRow } from './readRows.js';

export interface IssuableRow {
  readonly row: number;
  readonly quantity: number;
  readonly license: NewLicense;
}

export type JudgedRow = IssuableRow | { readonly row: number; readonly problem: RowProblem };

/** What the rows of a list name, found at once: as many statements for ten thousand rows as for one. */
interface Found {
  readonly customers: ReadonlyMap<string, readonly Customer[]>;
  readonly templates: ReadonlyMap<string, readonly Template[]>;
  readonly products: ReadonlyMap<string, Product>;
  readonly sellers: ReadonlySet<string>;
  /** What each license of a template has of it, by the template: rows of one share it. */
  readonly made: Map<string, ReturnType<typeof licenseOf>>;
}

const nameOf = ({ column, value }: Naming): string =>
  `${column} ${column === 'email' ? value.toLowerCase() : value}`;

function valuesOf(namings: readonly Naming[], column: Naming['column']): string[] {
  const values = namings.filter((naming) => naming.column === column).map(({ value }) => value);
  return [...new Set(column === 'email' ? values.map((value) => value.toLowerCase()) : values)];
}

function customerNames({ id, externalId, email }: Customer): Naming[] {
  return [
    { column: 'customerId', value: id },
    ...(externalId === null ? [] : [{ column: 'externalId', value: externalId } as const]),
    ...(email === null ? [] : [{ column: 'email', value: email } as const]),
  ];
}

function templateNames({ id, templateName }: Template): Naming[] {
  return [
    { column: 'templateId', value: id },
    { column: 'templateName', value: templateName },
  ];
}

/** Rows by each of their names. */
function byNames<Row>(rows: readonly Row[], names: (row: Row) => Naming[]): ReadonlyMap<string, Row[]> {
  const pairs = rows.flatMap((row) => names(row).map((naming) => ({ name: nameOf(naming), row })));
  const groups = groupBy(pairs, ({ name }) => name);
  return new Map([...groups].map(([name, group]) => [name, group.map(({ row }) => row)]));
}

async function find(work: Work, rows: readonly WantedRow[], bound: ResellerId | null): Promise<Found> {
  const namings = rows.flatMap(({ customer, template }) => [customer, template]);
  const customers = await shareCustomersNamed(work, {
    ids: valuesOf(namings, 'customerId'),
    externalIds: valuesOf(namings, 'externalId'),
    emails: valuesOf(namings, 'email'),
  });
  const templates = await shareTemplatesNamed(work, {
    ids: valuesOf(namings, 'templateId'),
    names: valuesOf(namings, 'templateName'),
  });
  const products = await shareProducts(work, [...new Set(templates.map(({ productId }) => productId))]);
  const sellers = new Set([
    ...customers.flatMap(({ resellerId }) => resellerId ?? []),
    ...(bound ? [bound] : []),
  ]);
  const active = (await shareResellers(work, [...sellers])).filter(({ status }) => status === 'ACTIVE');
  const reached = customers.filter(({ resellerId }) => bound === null || resellerId === bound);
  return {
    customers: byNames(reached, customerNames),
    templates: byNames(templates, templateNames),
    products: byKey(products, (product) => product.id),
    sellers: new Set(active.map(({ id }) => id)),
    made: new Map(),
  };
}

const problem = (code: RefusalCode, { column }: Naming, message: string): RowProblem => ({
  code,
  column,
  message,
});

function customerOf(found: Found, naming: Naming): Customer | RowProblem {
  const [customer, another] = found.customers.get(nameOf(naming)) ?? [];
  if (customer === undefined) return problem('CUSTOMER_NOT_FOUND', naming, 'there is no such customer');
  if (another !== undefined)
    return problem('INVALID_INPUT', naming, 'several customers have this address; name one by its id');
  if (customer.status === 'ACTIVE') return customer;
  return problem('CUSTOMER_INACTIVE', naming, 'the customer is switched off and receives no licenses');
}

/** Of several templates of one name the one that is not switched off is meant. */
function templateOf(found: Found, naming: Naming): Template | RowProblem {
  const named = found.templates.get(nameOf(naming)) ?? [];
  const [template, another] = named.filter(({ active }) => active);
  if (named.length === 0) return problem('TEMPLATE_NOT_FOUND', naming, 'there is no such license template');
  if (template === undefined)
    return problem('TEMPLATE_INACTIVE', naming, 'the template is switched off and issues no licenses');
  if (another === undefined) return template;
  return problem('INVALID_INPUT', naming, 'several templates have this name; name one by its id');
}

const isProblem = (judged: object): judged is RowProblem => 'code' in judged;

function sellerOf(work: Work, found: Found, customer: Customer): ResellerId | null {
  const own = scopeOf(work.actor).resellerId;
  if (own !== undefined) return own;
  const { resellerId } = customer;
  return resellerId !== null && found.sellers.has(resellerId) ? resellerId : null;
}

/** Ten thousand rows of one template need not each be told anew what it grants. */
function madeOf(work: Work, { made }: Found, template: Template, product: Product) {
  const known = made.get(template.id) ?? licenseOf(template, product, false, work.now);
  made.set(template.id, known);
  return known;
}

function judge(work: Work, found: Found, wanted: WantedRow): JudgedRow {
  const { row, quantity } = wanted;
  const customer = customerOf(found, wanted.customer);
  if (isProblem(customer)) return { row, problem: customer };
  const template = templateOf(found, wanted.template);
  if (isProblem(template)) return { row, problem: template };
  const product = found.products.get(template.productId);
  if (product?.active !== true) {
    const message = 'the product of the template is off sale and no licenses of it are made';
    return { row, problem: problem('PRODUCT_INACTIVE', wanted.template, message) };
  }
  const license = {
    ...madeOf(work, found, template, product),
    customerId: customer.id,
    resellerId: sellerOf(work, found, customer),
    issuedTo: wanted.issuedTo ?? customer.name,
  };
  return { row, quantity, license };
}

/** A list that was asked for in a reseller's name is not issued in nobody's once that one is switched off. */
function switchedOff(row: number): JudgedRow {
  const message = 'the reseller who asked for the list is switched off and sells no licenses';
  return { row, problem: { code: 'RESELLER_INACTIVE', message, column: null } };
}

/**
 * What each row would be issued, or why not. What is named stays as it is until the transaction ends. `bound` is the
 * reseller whose customers alone may be named.
 */
export async function judgeRows(
  work: Work,
  rows: readonly WantedRow[],
  bound: ResellerId | null,
): Promise<readonly JudgedRow[]> {
  if (rows.length === 0) return [];
  const found = await find(work, rows, bound);
  if (bound !== null && !found.sellers.has(bound)) return rows.map(({ row }) => switchedOff(row));
  return rows.map((row) => judge(work, found, row));
}
