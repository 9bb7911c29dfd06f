import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { LicenseId } from '../../src/core/id.js';
import { mutation } from './acts.js';
import { insertFailedList } from './batches.js';
import { activate, issueLicense, openShop, type Shop } from './fixtures.js';
import { MailWorker } from './mailing.js';
import type { Claims, Json, TestServer } from './server.js';
import type { Arrived, MailServer } from './smtp.js';
import { insertOrder } from './world.js';

const template = {
  features: [
    {
      featureId: 'api',
      featureName: 'API calls',
      included: true,
      defaultLimit: 10_000,
      limitType: 'COUNT',
      limitPeriod: 'MONTH',
    },
    { featureId: 'sso', featureName: 'Single sign-on', included: true },
    { featureId: 'off', featureName: 'Not included', included: false },
  ],
};

/** A shop whose facts are told over a real mail server. */
export class MailWorld {
  readonly #workers: MailWorker[] = [];
  readonly worker: MailWorker;

  private constructor(
    readonly server: TestServer,
    readonly post: MailServer,
    readonly shop: Shop,
  ) {
    this.worker = this.newWorker({ LG_SMTP_URL: post.url });
  }

  static async open(server: TestServer, post: MailServer): Promise<MailWorld> {
    return new MailWorld(server, post, await openShop(server, template));
  }

  newWorker(environment: NodeJS.ProcessEnv = {}): MailWorker {
    const made = new MailWorker(this.server, environment);
    this.#workers.push(made);
    return made;
  }

  readonly act = (name: string, input: object, as: Claims = this.shop.admin): Promise<Json> =>
    this.server.ok(mutation(name, '__typename'), { input }, as);

  /** Gives the customer an address of its own. */
  async addressed(input: object = {}): Promise<string> {
    const email = `ada-${randomUUID().slice(0, 8)}@example.com`;
    await this.act('updateCustomer', { customerId: this.shop.customerId, email, ...input });
    return email;
  }

  rows() {
    return this.server
      .sql`select * from notifications where tenant_id = ${this.shop.admin.tenant_id} order by id`;
  }

  /** The same number of mails that wait to be sent for the first time. */
  async waiting(count: number): Promise<void> {
    for (let made = 0; made < count; made += 1) await issueLicense(this.server, this.shop);
    await this.newWorker().tell(this.shop.admin);
    await this.server.sql`update notifications set status = 'PENDING', attempts = 0, sent_at = null,
      next_attempt_at = ${this.server.now} where tenant_id = ${this.shop.admin.tenant_id}`;
  }

  async end(): Promise<void> {
    this.post.behaviour = () => 250;
    await Promise.all(this.#workers.map((each) => each.end()));
  }
}

/** The only mail that somebody got. */
export function only(arrived: readonly Arrived[]): Arrived {
  expect(arrived).toHaveLength(1);
  const [one] = arrived;
  if (one === undefined) throw new Error('nothing arrived');
  return one;
}

export const branding = {
  companyName: 'Größe & Söhne',
  companyAddress: 'Line 1\nLine 2',
  primaryColor: '#a1b2c3',
  logoUrl: 'https://radar.example/logo.png',
  portalUrl: 'https://portal.radar.example',
  activationUrl: 'https://portal.radar.example/activate',
  termsUrl: 'https://radar.example/terms',
  supportEmail: 'help@radar.example',
  supportPhone: '+49 30 1234',
};

/** What a license is charged for, and is not paid yet. */
export async function insertInvoice(server: TestServer, shop: Shop, licenseId: string) {
  const id = randomUUID();
  const number = `INV-2026-${id.slice(0, 6)}`;
  await server.sql`insert into invoices (tenant_id, id, number, purpose, customer_id, license_id, bill_to, seller, currency,
      lines, subtotal, discount, tax, total, payment_status, created_at, updated_at)
    values (${shop.admin.tenant_id}, ${id}, ${number}, 'RENEWAL', ${shop.customerId}, ${licenseId}, 'Ada Okafor', '{}', 'EUR',
      '[]', 12.5, 0, 0, 12.5, 'PENDING', ${server.now}, ${server.now})`;
  return { id, number };
}

/** An order of 75 licenses that was given up. */
export async function insertStopped(server: TestServer, shop: Shop): Promise<string> {
  const id = await insertOrder(server, shop, { customerId: shop.customerId });
  await server.sql`update license_orders set quantity = 75, status = 'APPROVED', fulfilled_at = null,
    fulfillment_stopped_at = ${server.now} where id = ${id}`;
  return id;
}

/** A fact of each kind, with what of it stands in the mail in every language. */
export const tellings: Readonly<Record<string, (world: MailWorld) => Promise<readonly string[]>>> = {
  LICENSE_ISSUED: async ({ server, shop }) => [(await issueLicense(server, shop)).licenseKey],
  LICENSE_EXPIRING: async ({ server, shop, worker }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const data = { expiry_date: '2027-03-01T12:00:00.000Z', days: 30 };
    await worker.emit(shop.admin, {
      type: 'license.expiring',
      subjectId: id,
      licenseId: id as LicenseId,
      data,
    });
    return ['30', '2027'];
  },
  LICENSE_SUSPENDED: async ({ server, shop, act }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    await act('suspendLicense', { licenseId: id, reason: 'Invoice 7 is overdue' });
    return ['Invoice 7 is overdue'];
  },
  LICENSE_REVOKED: async ({ server, shop, act }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    await act('revokeLicense', { licenseId: id, reason: 'The order was taken back' });
    return ['The order was taken back'];
  },
  LICENSE_RENEWED: async ({ server, shop, worker }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const invoice = await insertInvoice(server, shop, id);
    const data = { by: 'CHARGE', invoice_id: invoice.id, to: '2028-03-01T12:00:00.000Z' };
    const by = { ...data, by: 'HAND' };
    for (const told of [data, by])
      await worker.emit(shop.admin, {
        type: 'license.renewed',
        subjectId: id,
        licenseId: id as LicenseId,
        data: told,
      });
    return [invoice.number, '2028', '12'];
  },
  RENEWAL_FAILED: async ({ server, shop, worker }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const invoice = await insertInvoice(server, shop, id);
    const data = {
      attempt: 2,
      attempts: 4,
      reason: 'CARD_DECLINED',
      next_at: '2026-03-04T12:00:00.000Z',
      invoice_id: invoice.id,
    };
    await worker.emit(shop.admin, {
      type: 'license.renewal_failed',
      subjectId: id,
      licenseId: id as LicenseId,
      data,
    });
    return [invoice.number, '12', '2', '4'];
  },
  VIOLATION_DETECTED: async ({ server, shop, worker }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const violationId = randomUUID();
    await server.sql`insert into compliance_violations (tenant_id, id, violation_type, severity, license_id, description,
        detected_at, created_at, updated_at) values (${shop.admin.tenant_id}, ${violationId}, 'OVER_DEPLOYMENT', 'MAJOR', ${id},
        '12 devices on 10 seats', ${server.now}, ${server.now}, ${server.now})`;
    await worker.emit(shop.admin, {
      type: 'violation.detected',
      subjectId: violationId,
      licenseId: id as LicenseId,
    });
    return ['12 devices on 10 seats', 'Ada Okafor'];
  },
  ORDER_FULFILLED: async ({ server, shop, worker }) => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const orderId = await insertOrder(server, shop, { customerId: shop.customerId });
    await server.sql`update licenses set order_id = ${orderId} where id = ${id}`;
    await worker.emit(shop.admin, { type: 'order.fulfilled', subjectId: orderId });
    return [`ORD-${orderId.slice(0, 8)}`, 'Professional', '100', `${licenseKey.slice(0, 4)}-****`];
  },
  ORDER_REFUNDED: async ({ server, shop, worker }) => {
    const { id } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const orderId = await insertOrder(server, shop, { customerId: shop.customerId });
    await server.sql`update licenses set order_id = ${orderId} where id = ${id}`;
    await worker.emit(shop.admin, { type: 'order.refunded', subjectId: orderId });
    return [`ORD-${orderId.slice(0, 8)}`, 'Professional'];
  },
  ORDER_STOPPED: async ({ server, shop, worker }) => {
    const id = await insertStopped(server, shop);
    await worker.emit(shop.admin, { type: 'order.stopped', subjectId: id, data: { code: 'X_Y', made: 25 } });
    return [`ORD-${id.slice(0, 8)}`, 'Professional', 'Ada Okafor', '25', '75', 'X_Y'];
  },
  BULK_ISSUE_FAILED: async ({ server, shop, worker }) => {
    const id = await insertFailedList(server, shop.admin);
    const data = { code: 'X_Y', issued: 25, refused: 3, waiting: 47 };
    await worker.emit(shop.admin, { type: 'bulk_issue.failed', subjectId: id, data });
    return [id, '25', '3', '47', 'X_Y'];
  },
  EMERGENCY_CODE_USED: async ({ server, shop }) => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await server.sql`update license_event_logs set event_type = 'license.x' where license_id = ${id}`;
    const made = await server.ok(
      mutation('generateEmergencyCode', 'emergencyCode'),
      { input: { licenseId: id, reason: 'x' } },
      shop.admin,
    );
    await activate(server, licenseKey, 'spare', { emergencyCode: made.generateEmergencyCode?.emergencyCode });
    return ['Radar', 'Ada Okafor'];
  },
};
