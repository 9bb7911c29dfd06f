import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { createLog } from '../../src/core/log.js';
import { demoTenants } from '../../src/server/database/demoData.js';
import { demoFacts, seedDemo } from '../../src/server/database/seed.js';
import { openMachinery } from '../../src/server/start.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

function worker() {
  const { keys, url } = server;
  return openMachinery(
    { config: readConfig({ NODE_ENV: 'test' }), keys, url, log: createLog('silent') },
    'lg_worker',
  );
}

test('servers that start at once seed the demo tenants once', async () => {
  const [one, two] = [worker(), worker()];
  try {
    await Promise.all([seedDemo(one), seedDemo(two), seedDemo(one)]);

    expect(await server.count('tenants')).toBe(demoTenants.length);
    expect(await server.count('license_templates')).toBe(10);
    expect(await server.count('license_event_logs', "event_type = 'tenant.created'")).toBe(2);
  } finally {
    await Promise.all([one.pool.end(), two.pool.end()]);
  }
});

test('the demo tenants are granted some features and not others, and their key is good', async () => {
  const machinery = worker();
  try {
    await seedDemo(machinery);
    for (const { id } of demoTenants) {
      const facts = await demoFacts(machinery, id);
      const data = await server.ok(
        'query ($key: String!) { validateLicenseKey(licenseKey: $key) { valid code } }',
        {
          key: facts?.licenseKey,
        },
      );
      expect(data.validateLicenseKey).toEqual({ valid: true, code: 'VALID' });
    }

    const isp = await server.graphql(
      'mutation { exportLicenses(input: {}) { count } }',
      {},
      { tenant_id: 'demo-isp', roles: ['admin'] },
    );
    const nms = await server.graphql(
      'mutation { exportLicenses(input: {}) { count } }',
      {},
      { tenant_id: 'demo-nms', roles: ['admin'] },
    );

    expect(isp.data?.exportLicenses).toEqual({ count: 17 });
    expect(nms.code).toBe('FEATURE_NOT_LICENSED');
  } finally {
    await machinery.pool.end();
  }
});
