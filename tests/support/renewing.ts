import { addDays, type Instant } from '../../src/core/clock.js';
import { mutation } from './acts.js';
import { createCustomer, createLicense, issueLicense, openShop, type Shop } from './fixtures.js';
import { START, startTestServer, type TestServer } from './server.js';
import { StripeServer } from './stripeServer.js';

/** An operator who has written on every payer of the deployment's account whose it is. */
export function writesOwners(stripe: StripeServer, sql: TestServer['sql']): void {
  stripe.metadataOf = async (payer) => {
    const [row] = await sql`select tenant_id, customer_id from payment_methods where payer = ${payer}
      union all select c.tenant_id, i.customer_id from charges c join invoices i on i.tenant_id = c.tenant_id
        and i.id = c.invoice_id where c.payer = ${payer}`;
    return { licensegraph_tenant: row?.tenant_id, licensegraph_customer: row?.customer_id };
  };
}

/** A shop whose licenses renew themselves each year for 100 dollars, and a processor that charges for them. */
export interface RenewalShop extends Shop {
  readonly server: TestServer;
  readonly stripe: StripeServer;
}

export const PRICING = { basePrice: '100', currency: 'USD', billingCycle: 'ANNUALLY', setupFee: '49.99' };

export async function openRenewals(environment: NodeJS.ProcessEnv = {}) {
  const stripe = await StripeServer.open();
  const settings = { ...stripe.environment, LG_STRIPE_SECONDS: '2', ...environment };
  const server = await startTestServer({ environment: settings });
  writesOwners(stripe, server.sql);
  const stop = async (): Promise<void> => {
    await server.stop();
    await stripe.stop();
  };
  return { server, stripe, stop };
}

/** What tests of renewals do again and again, with the server and the processor that they have by then. */
export function renewalsIn(world: () => { readonly server: TestServer; readonly stripe: StripeServer }) {
  const renew = () => world().server.jobs.run('license.renew');
  return {
    renew,
    act: (shop: Shop, name: string, input: object) =>
      world().server.ok(mutation(name, '__typename'), { input }, shop.admin),
    /** The clocks of both go on, and what is due is looked after. */
    later: async (days: number, minutes = 0): Promise<void> => {
      const { server, stripe } = world();
      server.pass(days * 86_400_000 + minutes * 60_000);
      stripe.now = Date.parse(server.now);
      await renew();
    },
    /** Both as they were at the beginning. */
    reset: (): void => {
      const { server, stripe } = world();
      server.now = START;
      stripe.now = Date.parse(START);
      stripe.behaviour = () => 'TAKE';
      stripe.intents.length = 0;
      stripe.asked.length = 0;
    },
  };
}

let count = 0;

/** A customer who pays by this method; each payer at Stripe is one customer's. */
export async function payingCustomer(
  server: TestServer,
  { admin }: Pick<Shop, 'admin'>,
  method = 'pm_works',
): Promise<string> {
  const customerId = await createCustomer(server, admin);
  await setMethod(server, { admin, customerId }, method);
  return customerId;
}

export async function setMethod(
  server: TestServer,
  { admin, customerId }: Pick<Shop, 'admin' | 'customerId'>,
  stripePaymentMethod: string,
): Promise<void> {
  const input = {
    customerId,
    stripeCustomer: `cus_${customerId.replaceAll('-', '')}`,
    stripePaymentMethod,
    label: 'Visa 4242',
  };
  await server.ok(mutation('setPaymentMethod', 'paymentMethod { id }'), { input }, admin);
}

/** A tenant with a template and a customer who pays by this method, or by none. */
export async function openRenewalShop(
  server: TestServer,
  { method, template = {} }: { readonly method?: string | null; readonly template?: object } = {},
): Promise<Shop> {
  const shop = await openShop(server, { pricing: PRICING, autoRenewalEnabled: true, ...template });
  if (method !== null) await setMethod(server, shop, method ?? 'pm_works');
  return shop;
}

/** A license of the shop's template that ends so many days from now and renews itself. */
export async function renewingLicense(server: TestServer, shop: Shop, days = 2): Promise<string> {
  count += 1;
  const { id } = await issueLicense(server, shop, { issuedTo: `Ada ${count}` });
  await server.ok(
    mutation('updateLicense', 'license { id }'),
    { input: { licenseId: id, expiryDate: addDays(server.now, days), autoRenewal: true } },
    shop.admin,
  );
  return id;
}

export async function transferTo(
  server: TestServer,
  { admin }: Pick<Shop, 'admin'>,
  licenseId: string,
  newCustomerId: string,
): Promise<void> {
  const input = { licenseId, newCustomerId, newIssuedTo: 'Grace', transferReason: 'Sold on' };
  await server.ok(mutation('transferLicense', '__typename'), { input }, admin);
}

export const EXPIRY: Instant = addDays(START, 2);
export const RENEWED = '2027-03-03T12:00:00.000Z';

/** What is on record of a license's renewals and invoices, as one line each. */
export async function standing(server: TestServer, licenseId: string): Promise<string[]> {
  const rows =
    await server.sql`select renewal.status, renewal.attempts, renewal.reason, invoice.payment_status,
      invoice.voided_at is not null as voided, invoice.amount_paid,
      to_char(renewal.next_attempt_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') as next
    from renewals as renewal left join invoices as invoice on invoice.tenant_id = renewal.tenant_id
      and invoice.id = renewal.invoice_id
    where renewal.license_id = ${licenseId} order by renewal.created_at, renewal.id`;
  return rows.map(({ status, attempts, reason, payment_status, voided, amount_paid, next }) =>
    [
      status,
      `attempts ${attempts}`,
      ...(reason === null ? [] : [reason]),
      ...(payment_status === null ? [] : [`${payment_status} ${Number(amount_paid)}`]),
      ...(voided === true ? ['VOID'] : []),
      ...(next === null ? [] : [`next ${next}`]),
    ].join(', '),
  );
}

/** What was told of a license, without its beginning: the types, and of failures the reason. */
export async function toldOf(server: TestServer, licenseId: string): Promise<string[]> {
  const rows = await server.sql`select event_type as type, event_data as data from license_event_logs
    where license_id = ${licenseId} and event_type not in ('license.created', 'license.updated', 'license.expiring')
    order by id`;
  return rows.map(({ type, data }) => {
    if (type === 'license.renewal_failed')
      return `${type} ${data.reason} ${data.attempt}/${data.attempts} next ${data.next_at ?? 'never'}`;
    return type === 'license.renewed' ? `${type} ${data.by} to ${data.to}` : type;
  });
}

export { createLicense };
