/**
 * What an invoice's PDF costs, of one line and of five hundred: `npm run bench -- invoices`. Made in the printer's thread, as
 * the server does it, and in this process, as it did: how long a document takes, and for how long at the worst the process
 * answers nobody meanwhile.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pdfMake from 'pdfmake';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fontFiles, fontFolder } from '../src/billing/documents/glyphs.js';
import { type InvoiceSheet, invoiceLayout } from '../src/billing/documents/layout.js';
import type { InvoicePrinter } from '../src/billing/documents/printer.js';
import { invoiceSheet } from '../src/billing/queries/sheet.js';
import { acting, amount, invoiceOf, priceOfOne } from '../tests/support/billing.js';
import { openShop } from '../tests/support/fixtures.js';
import { invoicePrinter, startTestServer, type TestServer } from '../tests/support/server.js';
import { median } from './support/figures.js';

const ROUNDS = 5;

let server: TestServer;
let printer: InvoicePrinter;
beforeAll(async () => {
  server = await startTestServer();
  printer = invoicePrinter();
  pdfMake.setFonts({ Roboto: { ...fontFiles } });
  pdfMake.setUrlAccessPolicy(() => false);
  pdfMake.setLocalAccessPolicy((path) => path.startsWith(fontFolder));
});
afterAll(async () => {
  await printer.end();
  await server.stop();
});

async function sheetOf(count: number): Promise<InvoiceSheet> {
  const { admin, customerId } = await openShop(server);
  const one = { kind: 'LICENSES', description: 'Position', quantity: 1 } as const;
  const line = { ...one, unitAmount: amount('1'), amount: amount('1') };
  const price = priceOfOne(String(count), { lines: Array.from({ length: count }, () => line) });
  const { id } = await invoiceOf(server, admin, { customerId, price });
  const sheet = await acting(server, admin, (work) => invoiceSheet(work, id));
  if (sheet === undefined) throw new Error('there is no such invoice');
  return sheet;
}

/** How long it took, and the longest time for which nothing else ran in this process. */
async function measured(print: () => Promise<Buffer>): Promise<{ millis: number; held: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // It counts from its first tick on.
  await sleep(5);
  const begin = performance.now();
  expect((await print()).subarray(0, 5).toString()).toBe('%PDF-');
  const millis = performance.now() - begin;
  await sleep(5);
  delay.disable();
  return { millis, held: delay.max / 1e6 };
}

test.each([1, 500])(
  'an invoice of %i lines',
  async (count) => {
    const sheet = await sheetOf(count);
    const ways = {
      'in the thread': () => printer.print(sheet),
      'in the process': () => pdfMake.createPdf(invoiceLayout(sheet)).getBuffer(),
    };
    const table: Record<string, object> = {};

    for (const [name, print] of Object.entries(ways)) {
      const { millis: first } = await measured(print);
      const rounds: Awaited<ReturnType<typeof measured>>[] = [];
      for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measured(print));
      const of = (pick: (one: { millis: number; held: number }) => number) =>
        median(rounds.map(pick)).toFixed(0);
      table[name] = {
        'first ms': first.toFixed(0),
        ms: of(({ millis }) => millis),
        'held ms': of(({ held }) => held),
      };
    }

    console.table(table);
  },
  120_000,
);
