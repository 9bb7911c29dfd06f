import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import {
  activate,
  createLicense,
  createTemplate,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { approveOrder, createOrder, payOrder } from '../support/orders.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';
import { askUpgrade } from '../support/upgrades.js';

const HOUR = 3_600_000;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const scheduled = server.jobs.list.scheduled.filter(({ job }) => job.name === 'license.check_expiries');
  server.jobs.list = { queued: [], scheduled };
  server.jobs.reactions = { to: {}, toAll: [] };
});
afterAll(() => server.stop());

/** An act at noon, which gives the license so many days: the reminder of that span was due that morning. */
interface PutOff {
  readonly noon: string;
  readonly days: 7 | 30;
  /** Makes a license long before that noon, and answers with the act. */
  readonly make: (shop: Shop) => Promise<() => Promise<string>>;
}

const act = (shop: Shop, name: string, input: object) =>
  server.ok(mutation(name, '__typename'), { input }, shop.admin);
const monthly = { basePrice: '10', currency: 'USD', billingCycle: 'MONTHLY' };
const forDays = (shop: Shop, defaultDuration: number) =>
  createTemplate(server, shop.admin, shop.productId, { defaultDuration, pricing: monthly });
const until = (shop: Shop, expiryDate: string, input: object = {}) =>
  createLicense(server, shop, { expiryDate: at(expiryDate), ...input });

const acts: Readonly<Record<string, PutOff>> = {
  'it is issued': {
    noon: '2026-03-05T12:00:00Z',
    days: 30,
    make: async (shop) => {
      const templateId = await forDays(shop, 30);
      return async () => (await issueLicense(server, shop, { templateId })).id;
    },
  },
  'its trial begins': {
    noon: '2026-03-05T12:00:00Z',
    days: 7,
    make: async (shop) => {
      const trial = { licenseType: 'TRIAL', trialPeriodDays: 7, maxActivations: 1 };
      const { id, licenseKey } = await createLicense(server, shop, trial);
      return async () => {
        await activate(server, licenseKey, 'd');
        return id;
      };
    },
  },
  'it is given another date': {
    noon: '2026-03-05T12:00:00Z',
    days: 7,
    make: async (shop) => {
      const { id: licenseId } = await until(shop, '2026-03-09T12:00:00Z');
      return async () => {
        await act(shop, 'updateLicense', { licenseId, expiryDate: at('2026-03-12T12:00:00Z') });
        return licenseId;
      };
    },
  },
  'it is renewed by hand': {
    noon: '2026-04-15T12:00:00Z',
    days: 30,
    make: async (shop) => {
      const { id: licenseId } = await until(shop, '2026-04-15T18:00:00Z');
      return async () => {
        await act(shop, 'renewLicense', { licenseId, durationMonths: 1 });
        return licenseId;
      };
    },
  },
  'an order renews it': {
    noon: '2026-04-15T12:00:00Z',
    days: 30,
    make: async (shop) => {
      const templateId = await forDays(shop, 45);
      const { id } = await issueLicense(server, shop, { templateId });
      return async () => {
        const order = await createOrder(server, shop, {
          templateId,
          renewLicenseIds: [id],
          durationMonths: 1,
        });
        await payOrder(server, shop, order);
        await approveOrder(server, shop, order);
        return id;
      };
    },
  },
  'it is upgraded': {
    noon: '2026-03-05T12:00:00Z',
    days: 30,
    make: async (shop) => {
      const { id, licenseKey } = await issueLicense(server, shop, { trial: true });
      await activate(server, licenseKey, 'd');
      const templateId = await forDays(shop, 30);
      return async () => {
        await askUpgrade(server, shop.admin, { licenseId: id, templateId, waivePayment: true });
        return id;
      };
    },
  },
};

async function look(...instants: readonly string[]): Promise<void> {
  for (const each of instants) {
    server.now = at(each);
    await server.jobs.drain();
  }
}

async function remindedOf(id: string): Promise<unknown[]> {
  const rows = await server.sql`select (event_data ->> 'days')::int as days from license_event_logs
    where license_id = ${id} and event_type = 'license.expiring'`;
  return rows.map(({ days }) => days);
}

const clockOf = (noon: string, hour: string): Instant => at(noon.replace('12:00', hour));

describe('a reminder whose morning was over does not come, and the next one does, when', () => {
  test.each(Object.entries(acts))('%s', async (_name, { noon, days, make }) => {
    server.now = START;
    const shop = await openShop(server);
    const run = await make(shop);
    await look(clockOf(noon, '07:00'), clockOf(noon, '08:00'), noon);

    const id = await run();
    const [row] = await server.sql`select expiry_date from licenses where id = ${id}`;
    const before = await remindedOf(id);
    await look(clockOf(noon, '13:00'), clockOf(noon, '23:00'));
    const behind = await remindedOf(id);
    const expiry = new Date(String(row?.expiry_date)).getTime();
    const [next, hoursBefore] = days === 7 ? [1, 12] : [14, 14 * 24 - 12];
    await look(new Date(expiry - hoursBefore * HOUR).toISOString());

    expect((expiry - new Date(noon).getTime()) / HOUR).toBeLessThanOrEqual(days * 24 + 6);
    expect(behind).toEqual(before);
    expect(await remindedOf(id)).toEqual([...before, next]);
  });
});
