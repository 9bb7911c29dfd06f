import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** `CHROMIUM_PATH`, or where systems put it. */
export const chromiumPath = process.env.CHROMIUM_PATH || places.find((path) => existsSync(path));

/** Says why a page's tests are skipped. Where Chromium is required, as in CI, they run, and fail without it. */
export const withoutChromium =
  chromiumPath === undefined && process.env.REQUIRE_CHROMIUM === undefined
    ? 'there is no Chromium here; CHROMIUM_PATH names one'
    : undefined;
if (withoutChromium !== undefined) console.warn(`The tests of pages are skipped: ${withoutChromium}.`);

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // What is asked of another host could not leave this machine, and is recorded all the same.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/** A Chromium with a profile of its own, which writes down what it asks for and what it complains about. */
export class Browser {
  /** The address of every request and WebSocket of every page and worker. */
  readonly asked: string[] = [];
  /** Errors and warnings of the console, uncaught errors, breaches of the Content-Security-Policy. */
  readonly complaints: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    private readonly profile: string,
  ) {
    context.on('request', (request) => void this.asked.push(request.url()));
    context.on('page', (page) => this.watch(page));
  }

  static async open(): Promise<Browser> {
    if (chromiumPath === undefined) throw new Error('Chromium is required here: CHROMIUM_PATH names one');
    const profile = await mkdtemp(join(tmpdir(), 'lg-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: chromiumPath,
      headless: true,
      chromiumSandbox: false,
      viewport: { width: 1280, height: 800 },
      args: flags,
    });
    return new Browser(context, profile);
  }

  /** A new page; those before it are closed, and what they stored is forgotten. */
  async page(): Promise<Page> {
    const before = this.context.pages();
    const page = await this.context.newPage();
    for (const old of before) {
      if (old.url().startsWith('http')) await old.evaluate('localStorage.clear()');
      await old.close();
    }
    return page;
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true });
  }

  private watch(page: Page): void {
    page.on('websocket', (socket) => void this.asked.push(socket.url()));
    page.on('pageerror', (error) => void this.complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
  }
}
