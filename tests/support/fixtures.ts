import { randomUUID } from 'node:crypto';
import type { Claims, Json, TestServer } from './server.js';

/** Acts that many tests begin with, each through the graph. */
export interface Shop {
  readonly admin: Claims;
  readonly customerId: string;
  readonly templateId: string;
  readonly productId: string;
}

const pricing = { basePrice: '100', currency: 'USD', billingCycle: 'ANNUALLY' };

export async function createCustomer(server: TestServer, as: Claims, name = 'Ada Okafor'): Promise<string> {
  const data = await server.ok(
    'mutation ($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { id } } }',
    { input: { name } },
    as,
  );
  return String(data.createCustomer?.customer?.id);
}

export async function createTemplate(
  server: TestServer,
  as: Claims,
  productId: string,
  input: object = {},
): Promise<string> {
  const data = await server.ok(
    'mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { template { id } } }',
    {
      input: {
        templateName: 'Professional',
        productId,
        licenseType: 'SUBSCRIPTION',
        licenseModel: 'PER_DEVICE',
        maxActivations: 5,
        gracePeriodDays: 30,
        trialAllowed: true,
        trialDurationDays: 14,
        pricing,
        ...input,
      },
    },
    as,
  );
  return String(data.createTemplate?.template?.id);
}

export async function createProduct(
  server: TestServer,
  as: Claims,
  productId = `P-${randomUUID().slice(0, 8)}`,
): Promise<string> {
  await server.ok(
    'mutation ($input: CreateProductInput!) { createProduct(input: $input) { product { id } } }',
    { input: { productId, name: 'Radar', version: '2.0' } },
    as,
  );
  return productId;
}

/** A tenant with a product, a template of it, and a customer. */
export async function openShop(server: TestServer, template: object = {}): Promise<Shop> {
  const admin = await server.tenant();
  const productId = await createProduct(server, admin);
  const templateId = await createTemplate(server, admin, productId, template);
  return { admin, productId, templateId, customerId: await createCustomer(server, admin) };
}

export interface Issued {
  readonly id: string;
  readonly licenseKey: string;
}

export async function issueLicense(server: TestServer, shop: Shop, input: object = {}): Promise<Issued> {
  const data = await server.ok(
    'mutation ($input: IssueLicenseInput!) { issueLicense(input: $input) { licenseKey licenseId } }',
    { input: { customerId: shop.customerId, templateId: shop.templateId, ...input } },
    shop.admin,
  );
  return { id: String(data.issueLicense?.licenseId), licenseKey: String(data.issueLicense?.licenseKey) };
}

export async function createLicense(server: TestServer, shop: Shop, input: object = {}): Promise<Issued> {
  const data = await server.ok(
    'mutation ($input: CreateLicenseInput!) { createLicense(input: $input) { licenseKey license { id } } }',
    {
      input: {
        productId: shop.productId,
        licenseType: 'SUBSCRIPTION',
        licenseModel: 'PER_DEVICE',
        issuedTo: 'Ada Okafor',
        ...input,
      },
    },
    shop.admin,
  );
  return { id: String(data.createLicense?.license?.id), licenseKey: String(data.createLicense?.licenseKey) };
}

/** A license of the whole tenant that grants these features. */
export function grantToTenant(
  server: TestServer,
  shop: Shop,
  features: readonly object[],
  input: object = {},
): Promise<Issued> {
  const named = features.map((feature) => ({ featureName: 'A feature', ...feature }));
  return createLicense(server, shop, {
    licenseType: 'PERPETUAL',
    licenseModel: 'SITE_LICENSE',
    features: named,
    ...input,
  });
}

export async function activate(
  server: TestServer,
  licenseKey: string,
  deviceFingerprint: string,
  input: object = {},
): Promise<Json> {
  const data = await server.ok(
    `mutation ($input: ActivateLicenseInput!) {
      activateLicense(input: $input) { activationToken activation { id status } license { status currentActivations } }
    }`,
    { input: { licenseKey, deviceFingerprint, ...input } },
  );
  if (data.activateLicense === undefined) throw new Error('no payload');
  return data.activateLicense;
}
