import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InvoicePrinter, PrinterLimits } from '../../src/billing/documents/printer.js';
import { invoiceSheet } from '../../src/billing/queries/sheet.js';
import type { Invoice } from '../../src/billing/table.js';
import { acting, amount, invoiceOf, priceOfOne } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { invoicePrinter, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

function billed(count: number, as = shop): Promise<Invoice> {
  const one = amount('1');
  const lines = Array.from({ length: count }, (_, index) => ({
    ...{ kind: 'LICENSES' as const, description: `Position ${index}` },
    ...{ quantity: 1, unitAmount: one, amount: one },
  }));
  const price = priceOfOne(String(count), { lines });
  return invoiceOf(server, as.admin, { customerId: as.customerId, price });
}

async function sheetOf(count: number, as = shop) {
  const { id } = await billed(count, as);
  const sheet = await acting(server, as.admin, (work) => invoiceSheet(work, id));
  if (sheet === undefined) throw new Error('there is no such invoice');
  return sheet;
}

async function printing(
  limits: Partial<PrinterLimits>,
  run: (printer: InvoicePrinter) => Promise<void>,
): Promise<void> {
  const printer = invoicePrinter(limits);
  await run(printer).finally(() => printer.end());
}

const outcome = (printed: Promise<Buffer>): Promise<string> =>
  printed.then(
    (bytes) => bytes.subarray(0, 5).toString(),
    (error: { code?: string }) => error.code ?? 'no code',
  );

describe('while a large document is made', () => {
  test('others are answered', async () => {
    const { id } = await billed(800);
    const headers = { authorization: `Bearer ${await server.token(shop.admin)}` };
    let isMade = false;
    const document = server.app.inject({ method: 'GET', url: `/invoices/${id}.pdf`, headers });
    const made = document.then(({ rawPayload }) => {
      isMade = true;
      return rawPayload.subarray(0, 5).toString();
    });

    let answers = 0;
    for (; !isMade && answers < 10; answers += 1) {
      const { viewer } = await server.ok('{ viewer { subject } }', {}, shop.admin);
      expect(viewer?.subject).toBe('tester');
    }

    expect({ answers, isMade }).toEqual({ answers: 10, isMade: false });
    expect(await made).toBe('%PDF-');
  });
});

describe('the thread that prints', () => {
  test('has so many documents at most before it, and of one tenant fewer', async () => {
    const [own, other] = [await sheetOf(1), await sheetOf(1, await openShop(server))];

    await printing({ waiting: 3, waitingOfOne: 2 }, async (printer) => {
      const asked = [own, own, own, other, other].map((sheet) => outcome(printer.print(sheet)));

      expect(await Promise.all(asked)).toEqual(['%PDF-', '%PDF-', 'SERVER_BUSY', '%PDF-', 'SERVER_BUSY']);
      expect(await outcome(printer.print(own))).toBe('%PDF-');
    });
  });

  test('is ended when a document takes too long, and the next one is printed', async () => {
    const sheet = await sheetOf(1);

    await printing({ millis: 1 }, async (printer) => {
      expect(await outcome(printer.print(sheet))).toBe('SERVER_BUSY');
    });
    await printing({}, async (printer) => {
      const broken = { ...sheet, color: Symbol.iterator as unknown as string };
      expect(await outcome(printer.print(broken))).not.toBe('%PDF-');
      expect(await outcome(printer.print(sheet))).toBe('%PDF-');
    });
  });

  test('has only so much memory, and what exceeds it ends the thread and not the process', async () => {
    const sheet = await sheetOf(1);

    await printing({ megabytes: 8 }, async (printer) => {
      expect(await outcome(printer.print(sheet))).toBe('ERR_WORKER_OUT_OF_MEMORY');
      expect(await outcome(printer.print(sheet))).toBe('ERR_WORKER_OUT_OF_MEMORY');
    });
  });

  test('ends when nothing is to be printed for a while, and is there again', async () => {
    const sheet = await sheetOf(1);

    await printing({ idleMillis: 1 }, async (printer) => {
      expect(await outcome(printer.print(sheet))).toBe('%PDF-');
      expect(await outcome(printer.print(sheet))).toBe('%PDF-');
    });
  });
});
