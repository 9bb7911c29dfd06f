import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyRing } from '../../src/core/crypto.js';
import { openPool, type Pool } from '../../src/core/db.js';
import { SigningKeys } from '../../src/server/signingKeys.js';
import { refused } from '../support/acts.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { requestOf, trySign } from '../support/offline.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let pool: Pool;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  pool = openPool({ url: server.url, role: 'lg_worker', maxConnections: 2 });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
});

test('a request opens when its key was replaced, and is refused when that was retired, with nothing written', async () => {
  const { licenseKey } = await createLicense(server, shop, { maxActivations: 2 });
  const [first, second] = [await requestOf(server, licenseKey), await requestOf(server, licenseKey)];
  const keys = new SigningKeys({ pool, keys: keyRing(server.keys), clock: () => server.now });
  const { kid = '' } = decodeProtectedHeader(first.requestCode);

  await keys.rotate('offlineRequest');
  server.pass(700_000);
  const replaced = await trySign(server, shop.admin, first.requestCode);
  const wasThere = await keys.retire(kid);

  expect(replaced.errors).toEqual([]);
  expect(wasThere).toBe(true);
  await refused(server, shop.admin, 'OFFLINE_CODE_INVALID', () =>
    trySign(server, shop.admin, second.requestCode),
  );
});
