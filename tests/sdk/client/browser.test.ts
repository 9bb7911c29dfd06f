import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Browser, withoutChromium } from '../../support/browser.js';
import { createLicense, openShop } from '../../support/fixtures.js';
import { startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

const entry = fileURLToPath(new URL('../../../src/sdk/client/index.ts', import.meta.url));

/** The client as a vendor's bundler makes it for a page; what is missing in browsers would not bundle. */
async function bundled(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, target: 'es2022', lib: { entry, formats: ['es'], fileName: 'client' } },
  });
  const [first] = Array.isArray(built) ? built : [built];
  const [chunk] = (first as Rolldown.RolldownOutput).output;
  return chunk.code;
}

const title = withoutChromium === undefined ? 'in Chromium' : `in Chromium (${withoutChromium})`;

describe.skipIf(withoutChromium !== undefined)(title, () => {
  let server: TestServer;
  let pages: Server;
  let origin: string;
  let browser: Browser;
  beforeAll(async () => {
    const script = await bundled();
    pages = createServer((request, response) => {
      const isScript = request.url === '/client.js';
      response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
      response.end(
        isScript ? script : '<!doctype html><link rel="icon" href="data:,"><title>An application</title>',
      );
    });
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    server = await startTestServer({ environment: { LG_CORS_ORIGINS: origin } });
    browser = await Browser.open();
  });
  afterAll(async () => {
    await browser?.close();
    pages?.close();
    await server?.stop();
  });

  test('the bundled client activates, validates, draws, beats, works offline, and is held by what the page stores', async () => {
    const shop = await openShop(server);
    const features = [{ featureId: 'maps', featureName: 'Maps', limitValue: 3 }];
    const { licenseKey } = await createLicense(server, shop, { features, maxActivations: 1 });
    const url = (await listen(server)).replace('ws:', 'http:');
    const page = await browser.page();
    await page.goto(origin);
    const program = (address: string, acts: string): string => `(async () => {
      const { LicenseClient, storedFingerprint, webStore } = await import('/client.js');
      const client = new LicenseClient({ url: ${JSON.stringify(address)}, licenseKey: ${JSON.stringify(licenseKey)},
        device: { fingerprint: storedFingerprint(localStorage) }, store: webStore(localStorage),
        trust: 'PUBLISHED', outage: { holdSeconds: 3600 } });
      ${acts} })()`;

    const online = await page.evaluate(
      program(
        url,
        `const activated = await client.activate();
        const verdict = await client.validate();
        const drawn = await client.consume([{ featureId: 'maps' }]);
        const beats = client.heartbeats();
        await beats.record({ apiCallsCount: 2 });
        const told = await beats.stop();
        return [activated.ok, verdict.code, verdict.by, drawn.value.verdicts[0].used, told.ok];`,
      ),
    );
    await page.reload();
    // A port that is not open: what it cannot reach the console says, and this test expects.
    const offline = await page.evaluate(
      program(
        'http://127.0.0.1:9/graphql',
        `const verdict = await client.validate();
        const made = await client.createOfflineRequest();
        return [verdict.code, verdict.by, made.ok, Object.keys(localStorage).length];`,
      ),
    );

    expect(online).toEqual([true, 'VALID', 'SERVER', 1, true]);
    expect(offline).toEqual(['VALID', 'HELD', true, 2]);
    const metrics = await server.sql`select usage_metrics as metrics from license_activations`;
    expect(metrics.map((row) => row.metrics.api_calls_count)).toEqual([2]);
  });
});
