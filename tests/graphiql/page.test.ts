import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Browser, withoutChromium } from '../support/browser.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

/** What the page has of an element; this file is compiled without the types of a browser. */
interface Measured {
  getBoundingClientRect(): {
    toJSON(): Readonly<Record<'left' | 'right' | 'bottom' | 'width' | 'height', number>>;
  };
}

const title = withoutChromium === undefined ? 'GraphiQL in Chromium' : `GraphiQL (${withoutChromium})`;

describe.skipIf(withoutChromium !== undefined)(title, () => {
  let database: TestServer;
  let processes: Processes;
  let server: ServerProcess;
  let browser: Browser;
  beforeAll(async () => {
    database = await startTestServer();
    processes = await Processes.open(database, { LG_DEMO: 'true' });
    [server, browser] = await Promise.all([processes.start(), Browser.open()]);
  });
  afterAll(async () => {
    await browser?.close();
    await processes?.end();
    await database?.stop();
  });
  afterEach(() => {
    const own = [server.address, server.address.replace('http', 'ws'), 'data:', 'blob:', 'about:'];
    expect(browser.asked.filter((url) => !own.some((start) => url.startsWith(start)))).toEqual([]);
    expect(browser.complaints.splice(0)).toEqual([]);
  });

  async function open(): Promise<Page> {
    const page = await browser.page();
    await page.goto(`${server.address}/graphql`);
    await page.waitForSelector('.graphiql-query-editor .view-lines');
    await page.waitForSelector('select[name=example]:enabled');
    return page;
  }

  /** What an editor shows; it writes spaces that do not break. */
  async function shown(page: Page, editor: string): Promise<string> {
    const lines = await page.locator(`.graphiql-${editor} .view-lines`).first().innerText();
    return lines.replaceAll('\u00a0', ' ');
  }

  function stored(page: Page, where: 'localStorage' | 'sessionStorage'): Promise<string> {
    return page.evaluate<string>(`JSON.stringify(${where})`);
  }

  const answer = (page: Page) => expect.poll(() => shown(page, 'response'));
  const example = (page: Page, name: string) => page.selectOption('select[name=example]', name);
  const run = (page: Page) => page.keyboard.press('Control+Enter');

  function printedToken(role: string): string {
    const token = new RegExp(`^ {2}${role} +(\\S+)$`, 'm').exec(server.output.join(''))?.[1];
    if (token === undefined) throw new Error(`no token of ${role} was printed`);
    return token;
  }

  test('a query runs as the demo user that is chosen', async () => {
    const page = await open();

    await page.selectOption('select[name=caller]', 'demo-isp/auditor');
    await page.click('.graphiql-query-editor .view-lines');
    await run(page);

    await answer(page).toContain('"subject": "auditor@demo-isp.example"');
    await answer(page).toContain('"name": "Northwind Internet"');
  });

  test('a mutation runs on the demo data, which stands in its variables', async () => {
    const page = await open();
    const before = await database.count('license_event_logs', "event_type = 'license.created'");

    await example(page, 'Issue a license from a template');
    await run(page);

    await answer(page).toContain('"issuedTo": "Ada Okafor"');
    expect(await database.count('license_event_logs', "event_type = 'license.created'")).toBe(before + 1);
  });

  test('a subscription shows the event of a change as the user who is chosen', async () => {
    const page = await open();
    const token = printedToken('admin');
    const licenses = await server.graphql('{ licenses(first: 1) { nodes { id } } }', {}, token);
    const id = String(Object.values(licenses.data?.licenses?.nodes ?? {})[0]?.id);

    await example(page, 'Changes of licenses');
    await run(page);

    const rename =
      'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }';
    await expect
      .poll(async () => {
        await server.graphql(rename, { input: { licenseId: id, issuedTo: 'Grace Hopper' } }, token);
        return shown(page, 'response');
      })
      .toContain('"issuedTo": "Grace Hopper"');
    expect(browser.asked).toContain(`${server.address.replace('http', 'ws')}/graphql`);
  });

  test('a stream ends when somebody else is chosen', async () => {
    const page = await open();
    await example(page, 'Changes of licenses');
    const opened = page.waitForEvent('websocket');
    await run(page);
    const socket = await opened;

    const closed = socket.waitForEvent('close');
    await page.selectOption('select[name=caller]', 'nobody');

    await closed;
  });

  test('a stream that is refused says why, in the words of the server', async () => {
    const page = await open();
    await page.selectOption('select[name=caller]', 'nobody');

    await example(page, 'Changes of licenses');
    await run(page);

    await answer(page).toContain('The server closed the stream (4401): ');
    expect(await shown(page, 'response')).not.toContain('stack');
  });

  test('who is nobody is refused what needs a user, and may ask about a key', async () => {
    const page = await open();
    await page.selectOption('select[name=caller]', 'nobody');

    await example(page, 'What may I use, and how much is left?');
    await run(page);
    await answer(page).toContain('"code": "UNAUTHENTICATED"');
    await example(page, 'Is this key valid?');
    await run(page);

    await answer(page).toContain('"code": "VALID"');
  });

  test('the documentation of the schema loads', async () => {
    const page = await open();

    await page.getByLabel('Show Documentation Explorer').click();
    await page.getByRole('link', { name: 'Query', exact: true }).click();

    const docs = page.locator('.graphiql-doc-explorer');
    await expect.poll(() => docs.innerText()).toContain('licenseByKey');
    expect(await docs.innerText()).toContain('One license; null if there is none with this id.');
  });

  test('no token stands in the page, its address, its lasting storage or the log', async () => {
    const page = await open();
    const own = printedToken('manager');
    const sent: string[] = [];
    page.on('request', (request) => void sent.push(request.headers().authorization ?? ''));
    await page.click('.graphiql-query-editor .view-lines');
    await run(page);
    await answer(page).toContain('admin@demo-isp.example');

    await page.selectOption('select[name=caller]', 'own');
    await page.fill('input[name=token]', own);
    await page.click('.graphiql-query-editor .view-lines');
    await run(page);
    await answer(page).toContain('"subject": "manager@demo-isp.example"');

    const used = sent.map((header) => header.replace('Bearer ', '')).filter((token) => token !== '');
    const kept = {
      lasting: await stored(page, 'localStorage'),
      session: await stored(page, 'sessionStorage'),
    };
    expect(new Set(used).size).toBe(2);
    expect(kept.session).toContain(own);
    const places = [await page.content(), page.url(), kept.lasting, ...browser.asked];
    expect(used.filter((token) => places.some((place) => place.includes(token)))).toEqual([]);
    const demo = used.filter((token) => token !== own);
    const further = [kept.session, ...server.output];
    expect(demo.filter((token) => further.some((place) => place.includes(token)))).toEqual([]);
  });

  test('headers and variables that are typed are not kept past the session', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Headers' }).click();
    await page.locator('.graphiql-editor-tool .view-lines').last().click();
    await page.keyboard.insertText(JSON.stringify({ authorization: `Bearer ${printedToken('support')}` }));
    await page.click('.graphiql-query-editor .view-lines');

    await run(page);

    await answer(page).toContain('"subject": "support@demo-isp.example"');
    await expect.poll(() => stored(page, 'sessionStorage')).toContain(printedToken('support'));
    expect(await stored(page, 'localStorage')).not.toMatch(/Bearer|viewer/);
  });

  test('the bar is reached by the keyboard, in the order in which it is read', async () => {
    const page = await open();
    const focused = () => page.evaluate<string>('document.activeElement.name');

    await page.keyboard.press('Tab');
    const first = await focused();
    await page.keyboard.press('Tab');

    expect([first, await focused()]).toEqual(['caller', 'example']);
  });

  test('on a desk and on a telephone nothing is cut off', async () => {
    const page = await open();
    const parts = '#bar select, .graphiql-execute-button, .graphiql-query-editor, .graphiql-response';

    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 844 });
      const boxes = await page
        .locator(parts)
        .evaluateAll((elements: readonly unknown[]) =>
          elements.map((element) => (element as Measured).getBoundingClientRect().toJSON()),
        );

      expect(boxes).toHaveLength(5);
      for (const box of boxes) {
        expect(box.left).toBeGreaterThanOrEqual(0);
        expect(box.right).toBeLessThanOrEqual(width);
        expect(box.bottom).toBeLessThanOrEqual(844);
        expect(Math.min(box.width, box.height)).toBeGreaterThan(30);
      }
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width);
    }

    await page.getByLabel('Show Documentation Explorer').click();
    expect((await page.locator('.graphiql-plugin').boundingBox())?.width).toBe(390);
    expect(await page.locator('.graphiql-query-editor').boundingBox()).toBeNull();
    await page.getByLabel('Hide Documentation Explorer').click();
    expect((await page.locator('.graphiql-query-editor').boundingBox())?.width).toBeGreaterThan(340);
  });

  test('the bar is readable in light and in dark, by the system and by the setting', async () => {
    const page = await open();
    const seen: number[] = [];

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const theme of ['none', 'graphiql-light', 'graphiql-dark']) {
        await page.evaluate<void>(`document.body.className = '${theme}'`);
        seen.push(...(await contrasts(page)));
      }
    }

    expect(seen).toHaveLength(24);
    // WCAG 2.2, success criterion 1.4.3.
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(4.5);
  });
});

/** The contrast of the bar's texts with what stands behind them. */
async function contrasts(page: Page): Promise<number[]> {
  const colors = await page.evaluate<[string, string][]>(`
    [['h1', 'body'], ['label span', 'body'], ['select', '#bar select'], ['select[name=example]', '#bar select']]
      .map(([text, behind]) => [
        getComputedStyle(document.querySelector('#bar ' + text)).color,
        getComputedStyle(document.querySelector(behind)).backgroundColor,
      ])`);
  return colors.map(([text, behind]) => {
    const [light = 0, dark = 0] = [luminance(text), luminance(behind)].sort((left, right) => right - left);
    return (light + 0.05) / (dark + 0.05);
  });
}

/** WCAG 2.2, relative luminance. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((value) => {
    const part = Number(value) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
