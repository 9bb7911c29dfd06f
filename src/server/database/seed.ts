import { and, asc, eq, sql } from 'drizzle-orm';
import { permissionsOf } from '../../access/permissions.js';
import { findTenant } from '../../access/queries.js';
import { createCustomer, createReseller, createTenant } from '../../access/service.js';
import { type Customer, customers, resellers } from '../../access/table.js';
import { committed } from '../../core/db.js';
import type { CustomerId, LicenseId, ProductId, ResellerId, TemplateId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { createLicense } from '../../licenses/service/createLicense.js';
import { issueLicense } from '../../licenses/service/issueLicense.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import { licenses } from '../../licenses/table.js';
import { createProduct, createTemplate } from '../../templates/service.js';
import type { Template } from '../../templates/table.js';
import { openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';
import { type DemoProduct, type DemoTenant, demoTenants } from './demoData.js';

const SEED_LOCK = 7_461_200_521;
const PLATFORM = 'LICENSEGRAPH' as ProductId;

async function seedTemplates(work: Work, product: DemoProduct): Promise<Template[]> {
  const productId = product.code as ProductId;
  await createProduct(work, { productId, name: product.name, version: '1.0.0' });
  const made: Template[] = [];
  for (const pricing of product.prices) {
    const monthly = pricing.billingCycle === 'MONTHLY' && product.prices.length > 1;
    const template = await createTemplate(work, {
      templateName: monthly ? `${product.name} (monthly)` : product.name,
      productId,
      description: '',
      licenseType: product.licenseType,
      licenseModel: product.licenseModel,
      defaultDuration: monthly ? 30 : product.days,
      maxActivations: product.activations,
      features: product.features,
      restrictions: [],
      pricing,
      autoRenewalEnabled: true,
      trialAllowed: product.trialDays !== null,
      trialDurationDays: product.trialDays ?? 30,
      gracePeriodDays: product.graceDays,
      active: true,
    });
    made.push(template);
  }
  return made;
}

/** The tenant's own license: it belongs to no customer, and gates what LicenseGraph itself offers the tenant. */
async function seedPlatformLicense(work: Work, tenant: DemoTenant): Promise<void> {
  await createProduct(work, { productId: PLATFORM, name: 'LicenseGraph', version: '1.0.0' });
  await createLicense(work, {
    productId: PLATFORM,
    licenseType: 'PERPETUAL',
    licenseModel: 'SITE_LICENSE',
    issuedTo: tenant.name,
    maxActivations: 1,
    features: tenant.grants,
    restrictions: [],
    autoRenewal: false,
  });
}

async function seedParties(work: Work): Promise<Customer[]> {
  const reseller = await createReseller(work, {
    name: 'Blue Channel Partners',
    email: 'sales@bluechannel.example',
  });
  const direct = await createCustomer(work, {
    name: 'Ada Okafor',
    email: 'ada@okafor.example',
    externalId: 'C-1001',
  });
  const sold = await createCustomer(work, {
    name: 'Juniper Hotels',
    email: 'it@juniper.example',
    externalId: 'C-1002',
    resellerId: reseller.id,
  });
  return [direct, sold];
}

async function seedTenant(work: Work, tenant: DemoTenant): Promise<void> {
  await createTenant(work.db, tenant.id, tenant.name, work.now);
  await work.emit({ type: 'tenant.created', subjectId: tenant.id });
  const [direct, sold] = await seedParties(work);
  const templates: Template[] = [];
  for (const product of tenant.products) templates.push(...(await seedTemplates(work, product)));
  await seedPlatformLicense(work, tenant);
  for (const template of templates) {
    for (const customer of [direct, sold]) {
      if (customer !== undefined)
        await issueLicense(work, { customerId: customer.id, templateId: template.id });
    }
  }
}

/** The system acting in a tenant. */
export function systemCaller(tenantId: DemoTenant['id']) {
  const actor = { kind: 'system', subject: 'seed', tenantId, permissions: permissionsOf([], []) } as const;
  return { actor, requestId: 'seed', address: undefined };
}

/** Seeds the demo tenants that are not there yet, each in one transaction. Needs the worker's pool. */
export async function seedDemo(machinery: Machinery): Promise<void> {
  for (const tenant of demoTenants) {
    const { work, session } = await openWork(machinery, systemCaller(tenant.id));
    await committed(session, async () => {
      // Of servers that start at once one seeds, and the others find it done.
      await work.db.execute(sql`select pg_advisory_xact_lock(${SEED_LOCK})`);
      if ((await findTenant(work.db, tenant.id)) === undefined) await seedTenant(work, tenant);
    });
  }
}

export interface DemoFacts {
  readonly customerId: CustomerId;
  readonly resellerId: ResellerId;
  readonly templateId: TemplateId;
  readonly licenseId: LicenseId;
  readonly licenseKey: string;
}

/** What there is to try: the first customer, the reseller, a running license with its key and its template. */
export async function demoFacts(
  machinery: Machinery,
  tenantId: DemoTenant['id'],
): Promise<DemoFacts | undefined> {
  const { work, session } = await openWork(machinery, systemCaller(tenantId));
  try {
    const [customer] = await work.db
      .select()
      .from(customers)
      .where(and(eq(customers.tenantId, tenantId), eq(customers.externalId, 'C-1001')));
    const [reseller] = await work.db.select().from(resellers).where(eq(resellers.tenantId, tenantId));
    if (customer === undefined || reseller === undefined) return undefined;
    const [license] = await work.db
      .select()
      .from(licenses)
      .where(
        and(
          eq(licenses.tenantId, tenantId),
          eq(licenses.customerId, customer.id),
          eq(licenses.status, 'ACTIVE'),
        ),
      )
      .orderBy(asc(licenses.id));
    if (license === undefined || license.templateId === null) return undefined;
    return {
      customerId: customer.id,
      resellerId: reseller.id,
      templateId: license.templateId,
      licenseId: license.id,
      licenseKey: revealedKey(work.keys, license),
    };
  } finally {
    await session.rollback();
  }
}
