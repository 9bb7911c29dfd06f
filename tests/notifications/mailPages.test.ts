import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { languages } from '../../src/access/model/settings.js';
import { readConfig } from '../../src/core/config.js';
import { mailKinds } from '../../src/notifications/model/mail.js';
import { addMailPages } from '../../src/server/http/mailPages.js';
import { Browser, withoutChromium } from '../support/browser.js';
import { issueLicense } from '../support/fixtures.js';
import { MailWorld } from '../support/mailWorld.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';
import { listen } from '../support/sockets.js';

let server: TestServer;
let post: MailServer;
let world: MailWorld;
let mailId: string;
let licenseKey: string;
beforeAll(async () => {
  server = await startTestServer();
  post = await MailServer.open();
  world = await MailWorld.open(server, post);
  const hostile = '<script>document.title = "stolen"</script><img src="https://evil.example/x.png">';
  await world.addressed({ name: hostile });
  ({ licenseKey } = await issueLicense(server, world.shop));
  await world.newWorker().tell(world.shop.admin);
  const [row] = await world.rows();
  mailId = String(row?.id);
});
afterAll(async () => {
  await world?.end();
  await post?.stop();
  await server?.stop();
});

async function get(url: string, as?: Claims) {
  const headers = as === undefined ? {} : { authorization: `Bearer ${await server.token(as)}` };
  return server.app.inject({ method: 'GET', url, headers });
}

describe('GET /mail/:id', () => {
  test('shows a mail to who may read mail, in a sandbox and with its key masked', async () => {
    const response = await get(`/mail/${mailId}`, world.shop.admin);

    const [first, second, , , last] = licenseKey.split('-');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(response.headers['content-security-policy']).toMatch(/^default-src 'none';.*; sandbox$/);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.body).toContain(`${first}-****-****-****-${last}`);
    expect(response.body).not.toContain(`-${second}-`);
    expect(response.body).not.toContain('<script');
  });

  test.each([
    ['nobody', 401, 'UNAUTHENTICATED', () => undefined],
    [
      'who may not',
      403,
      'FORBIDDEN',
      () => ({ tenant_id: world.shop.admin.tenant_id, permissions: ['license.read'] }),
    ],
  ])('answers %s with %i', async (_who, status, code, as) => {
    const response = await get(`/mail/${mailId}`, as());

    expect(response.statusCode).toBe(status);
    expect(response.json().errors[0].extensions.code).toBe(code);
    expect(response.body).not.toContain('Radar');
  });

  test('answers for the mail of another tenant as for one that is not there', async () => {
    const other = await server.tenant();

    const theirs = await get(`/mail/${mailId}`, other);
    const none = await get(`/mail/${randomUUID()}`, other);
    const odd = await get('/mail/none', other);

    expect([theirs.statusCode, none.statusCode, odd.statusCode]).toEqual([404, 404, 404]);
    const said = ({ body }: { body: string }): unknown => JSON.parse(body).errors[0].message;
    expect(said(theirs)).toBe(said(none));
  });
});

describe('the preview of templates', () => {
  test('lists every mail, and shows each in every language, as HTML and as text', async () => {
    const list = await get('/dev/mail');
    for (const kind of mailKinds) {
      for (const language of languages) {
        const address = `/dev/mail?kind=${kind}&language=${language}`;
        expect(list.body).toContain(address.replace('&', '&amp;'));
        const html = await get(address);
        const text = await get(`${address}&format=text`);
        expect([html.statusCode, text.statusCode]).toEqual([200, 200]);
        expect(html.body).toContain(`lang="${language}"`);
        expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
      }
    }
  });

  test('knows no other mail', async () => {
    const list = (await get('/dev/mail')).body;

    expect((await get('/dev/mail?kind=__proto__')).body).toBe(list);
    expect((await get('/dev/mail?kind=LICENSE_ISSUED&language=xx')).body).toBe(list);
  });
});

describe('in production', () => {
  const production = {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://localhost/x',
    LG_AUTH_ISSUER: 'https://issuer.example',
    LG_AUTH_JWKS_URL: 'https://issuer.example/jwks',
  };
  const smtp = { LG_SMTP_URL: 'smtps://mail.example', LG_MAIL_FROM: 'mail@licenses.example' };

  test.each([
    ['with', smtp, [404, 404]],
    ['without', {}, [404, 200]],
  ])(
    '%s a mail server there is no preview, and an inbox only where no mail leaves',
    async (_what, settings, statuses) => {
      const app = fastify();
      const config = readConfig({ ...production, ...settings });
      addMailPages(app, { config, machinery: server.machinery, context: () => Promise.reject(new Error()) });

      const answers = await Promise.all(['/dev/mail', '/mail'].map((url) => app.inject(url)));

      expect(answers.map(({ statusCode }) => statusCode)).toEqual(statuses);
      await app.close();
    },
  );
});

describe.skipIf(withoutChromium !== undefined)('the inbox page', () => {
  test('lists mail for a token and shows one, of which nothing runs', async () => {
    const address = (await listen(server)).replace('ws', 'http').replace('/graphql', '');
    const browser = await Browser.open();
    try {
      const page = await browser.page();
      await page.setViewportSize({ width: 600, height: 250 });
      await page.goto(`${address}/mail`);
      await page.fill('#token', await server.token(world.shop.admin));
      await page.click('form button');
      await page.click('#mails button');
      const frame = page.frameLocator('#mail');
      await frame.locator('h1').waitFor();

      expect(await page.textContent('#said')).toBe('The newest 1, in UTC.');
      expect(await frame.locator('body').textContent()).toContain('<script>document.title');
      expect(await page.title()).toBe('Mail');
      // What was asked for is seen, however long the list above it is.
      expect((await page.locator('#subject').boundingBox())?.y).toBeLessThan(125);
      expect(browser.asked.filter((url) => url.includes('evil'))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
