import { mutation } from './acts.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

/** A price in dollars a year. */
export const yearly = (basePrice: string, more: object = {}) => ({
  ...{ basePrice, currency: 'USD', billingCycle: 'ANNUALLY' },
  ...more,
});
export const feature = (featureId: string, defaultLimit: number | null) => ({
  ...{ featureId, featureName: featureId, defaultLimit },
});
const asked = `license { id templateId templateVersion maxActivations status expiryDate }
  upgrade { id status total currency isWaived reason invoice { id total paymentStatus voidedAt } }
  invoice { id purpose total lines { kind amount } }`;

export async function askUpgrade(server: TestServer, as: Claims, input: object): Promise<Json> {
  const data = await server.ok(mutation('upgradeLicense', asked), { input }, as);
  if (data.upgradeLicense === undefined) throw new Error('no payload');
  return data.upgradeLicense;
}

export function invoiceOf({ invoice }: Json): Json {
  if (invoice === undefined || invoice === null) throw new Error('nothing was billed');
  return invoice;
}

export function payInvoice(
  server: TestServer,
  as: Claims,
  invoiceId: unknown,
  amount: unknown,
): Promise<Answer> {
  return server.graphql(mutation('recordPayment', '__typename'), { input: { invoiceId, amount } }, as);
}
