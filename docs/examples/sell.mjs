#!/usr/bin/env node
/**
 * Sells 25 seats to a new customer, from the price list to the mailed licenses: one person orders, another approves, a payment
 * processor tells by a signed webhook that the money has come. Each step is checked; whatever differs ends it with 1.
 * docs/selling.md tells the same in words.
 */
import { createHmac, randomUUID } from 'node:crypto';

const {
  LICENSEGRAPH_URL = 'http://localhost:4000/graphql',
  SELLER_TOKEN = '',
  APPROVER_TOKEN = '',
} = process.env;
/** How long what is done behind the answers may take. */
const PATIENCE_MILLIS = 60_000;
const SEATS = 25;

class Differs extends Error {}

const say = (step, what) => console.log(`${step.padEnd(12)} ${what}`);

/** Ends the sale where something is not as it has to be. */
function check(what, found, expected) {
  const [is, should] = [found, expected].map((value) => JSON.stringify(value));
  if (is !== should) throw new Differs(`${what}: is ${is}, should be ${should}`);
}

async function ask(token, query, variables = {}) {
  const response = await fetch(LICENSEGRAPH_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** An operation that has to succeed. */
async function done(token, query, variables) {
  const { data, errors } = await ask(token, query, variables);
  if (errors !== undefined) throw new Differs(errors.map(({ message }) => message).join('; '));
  return data;
}

/** A mutation by its name: `createOrder` takes `CreateOrderInput`. */
async function act(token, name, input, selection) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${selection} } }`;
  return (await done(token, query, { input }))[name];
}

async function until(what, look) {
  const end = Date.now() + PATIENCE_MILLIS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Differs(`${what}: did not happen in ${PATIENCE_MILLIS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Two people of one vendor, and the rule that whoever orders does not approve. */
async function people() {
  const viewer = '{ viewer { subject tenant { id } } }';
  const [seller, approver] = [await done(SELLER_TOKEN, viewer), await done(APPROVER_TOKEN, viewer)];
  check('the vendor', approver.viewer.tenant, seller.viewer.tenant);
  check('two people', seller.viewer.subject !== approver.viewer.subject, true);
  const { tenantSettings } = await done(SELLER_TOKEN, '{ tenantSettings { fourEyes } }');
  await act(SELLER_TOKEN, 'updateTenantSettings', { fourEyes: true }, '__typename');
  say('people', `${seller.viewer.subject} sells, ${approver.viewer.subject} approves`);
  return tenantSettings.fourEyes ?? false;
}

/** A seat is 99 a year, and 10 per cent less from ten on. */
async function priceList() {
  const productId = `RADAR-${randomUUID().slice(0, 8).toUpperCase()}`;
  await act(SELLER_TOKEN, 'createProduct', { productId, name: 'Radar', version: '4.2' }, '__typename');
  const { template } = await act(
    SELLER_TOKEN,
    'createTemplate',
    {
      ...{
        templateName: 'Radar, one seat',
        productId,
        licenseType: 'SUBSCRIPTION',
        licenseModel: 'PER_SEAT',
      },
      ...{ defaultDuration: 365, maxActivations: 1, gracePeriodDays: 15 },
      features: [{ featureId: 'reports', featureName: 'Reports', included: true }],
      pricing: {
        ...{ basePrice: '99', currency: 'EUR', billingCycle: 'ANNUALLY' },
        volumeDiscounts: [{ minQuantity: 10, maxQuantity: 49, discountPercentage: '10' }],
      },
    },
    'template { id }',
  );
  say('price list', `${productId}: 99.00 EUR a seat and year`);
  return template.id;
}

async function customer() {
  const email = `licenses.${randomUUID().slice(0, 8)}@customer.example`;
  const input = { name: 'Okafor Networks', email };
  const made = await act(SELLER_TOKEN, 'createCustomer', input, 'customer { id }');
  say('customer', `Okafor Networks, ${email}`);
  return made.customer.id;
}

const ORDER = `order { id orderNumber status paymentStatus totalAmount currency
  lines { kind amount } licenses { totalCount } }`;

/** 25 × 99.00 = 2475.00, less 247.50, is 2227.50; 19 per cent of that are 423.225, rounded 423.23. */
async function order(customerId, templateId) {
  const input = { customerId, templateId, quantity: SEATS, taxes: [{ name: 'VAT', percentage: '19' }] };
  const { order: made } = await act(SELLER_TOKEN, 'createOrder', input, ORDER);
  check('the order', [made.status, made.paymentStatus], ['PENDING', 'PENDING']);
  const lines = made.lines.map(({ kind, amount }) => [kind, Number(amount)]);
  check('its lines', lines, [
    ['LICENSES', 2475],
    ['DISCOUNT', -247.5],
    ['TAX', 423.23],
  ]);
  check('its total', [made.totalAmount, made.currency], ['2650.73', 'EUR']);
  say('order', `${made.orderNumber}: ${SEATS} seats, ${made.totalAmount} ${made.currency}`);
  return made;
}

async function approve({ id }) {
  const query = 'mutation ($input: ApproveOrderInput!) { approveOrder(input: $input) { __typename } }';
  const own = await ask(SELLER_TOKEN, query, { input: { orderId: id } });
  check('who orders', own.errors?.[0]?.extensions?.code, 'SECOND_PERSON_NEEDED');
  const input = { orderId: id, notes: 'Checked the customer.' };
  const { order: approved } = await act(APPROVER_TOKEN, 'approveOrder', input, ORDER);
  check('the approval', [approved.status, approved.licenses.totalCount], ['APPROVED', 0]);
  say('approval', 'by another person; no license before the money');
}

const INVOICE = 'id number total amountPaid paymentStatus payments { nodes { amount processor reference } }';

async function invoiceOf(customerId) {
  const query = `query ($of: InvoiceFilter) { invoices(filter: $of) { nodes { ${INVOICE} } } }`;
  const { invoices } = await done(SELLER_TOKEN, query, { of: { customerId } });
  check('invoices', invoices.nodes.length, 1);
  return invoices.nodes[0];
}

/** Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body. */
function signed(secret, body) {
  const [id, time] = [`msg_${randomUUID()}`, String(Math.floor(Date.now() / 1000))];
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${signature}` };
}

/** The processor sends twice, as processors do; and somebody else sends what he has not signed. */
async function pay({ id, number, total }) {
  const shown = 'secret endpoint { id path }';
  const input = { processor: 'BILLING', description: 'The example of a sale' };
  const { secret, endpoint } = await act(SELLER_TOKEN, 'createPaymentEndpoint', input, shown);
  const data = { invoiceId: id, amount: total, currency: 'EUR', reference: `transfer-${randomUUID()}` };
  const body = JSON.stringify({ type: 'payment.succeeded', timestamp: new Date().toISOString(), data });
  const send = async (headers) => {
    const url = new URL(endpoint.path, LICENSEGRAPH_URL);
    const all = { 'content-type': 'application/json', ...headers };
    return (await fetch(url, { method: 'POST', headers: all, body })).status;
  };
  const right = signed(secret, body);
  check('a forged webhook', await send(signed(`whsec_${Buffer.alloc(32).toString('base64')}`, body)), 400);
  check('the webhook', [await send(right), await send(right)], [200, 200]);
  say('payment', `${total} EUR for ${number}, by a signed webhook that came twice`);
  return endpoint.id;
}

async function fulfilled({ id }) {
  const query = `query ($id: ID!) { order(id: $id) { status paymentStatus
    licenses(first: 100) { totalCount nodes { id status customerId } } } }`;
  const found = await until('fulfilment', async () => {
    const { order: now } = await done(SELLER_TOKEN, query, { id });
    return now.status === 'FULFILLED' ? now : undefined;
  });
  check('the licenses', [found.paymentStatus, found.licenses.totalCount], ['PAID', SEATS]);
  check('their status', [...new Set(found.licenses.nodes.map(({ status }) => status))], ['ACTIVE']);
  say('licenses', `${SEATS} of them, made once`);
}

async function paidOnce(customerId, { total }) {
  const { paymentStatus, amountPaid, payments } = await invoiceOf(customerId);
  check('the invoice', [paymentStatus, amountPaid, payments.nodes.length], ['PAID', total, 1]);
  say('invoice', 'paid, by one payment');
}

async function mailed(customerId) {
  const query = `query ($of: NotificationFilter) { notifications(first: 100, filter: $of) {
    totalCount nodes { recipient subject } } }`;
  const of = { customerId, kind: ['LICENSE_ISSUED'] };
  const mails = await until('mail', async () => {
    const { notifications } = await done(SELLER_TOKEN, query, { of });
    return notifications.totalCount < SEATS ? undefined : notifications;
  });
  check('the mails', mails.totalCount, SEATS);
  say('mail', `${SEATS} licenses to ${mails.nodes[0].recipient}: ${mails.nodes[0].subject}`);
}

async function sell() {
  const fourEyes = await people();
  const templateId = await priceList();
  const customerId = await customer();
  const ordered = await order(customerId, templateId);
  await approve(ordered);
  const invoice = await invoiceOf(customerId);
  check('what is owed', invoice.total, ordered.totalAmount);
  const endpointId = await pay(invoice);
  await fulfilled(ordered);
  await paidOnce(customerId, invoice);
  await mailed(customerId);
  await act(SELLER_TOKEN, 'updatePaymentEndpoint', { endpointId, enabled: false }, '__typename');
  await act(SELLER_TOKEN, 'updateTenantSettings', { fourEyes }, '__typename');
  say('sold', `${SEATS} seats, ${invoice.total} EUR`);
}

if (SELLER_TOKEN === '' || APPROVER_TOKEN === '') {
  console.error('usage: SELLER_TOKEN=… APPROVER_TOKEN=… node docs/examples/sell.mjs');
  process.exitCode = 2;
} else {
  await sell().catch((error) => {
    console.error(error instanceof Differs ? error.message : error);
    process.exitCode = 1;
  });
}
