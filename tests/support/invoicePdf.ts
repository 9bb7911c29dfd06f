import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import type { PriceLine } from '../../src/billing/model/price.js';
import type { Invoice } from '../../src/billing/table.js';
import { mutation } from './acts.js';
import { amount, priceOfOne } from './billing.js';
import type { Claims, TestServer } from './server.js';

/** An invoice's document, as whoever asks gets it. */
export async function fetchedInvoice(server: TestServer, id: string, as?: Claims) {
  const authorization = as === undefined ? undefined : `Bearer ${await server.token(as)}`;
  const headers = authorization === undefined ? {} : { authorization };
  return server.app.inject({ method: 'GET', url: `/invoices/${id}.pdf`, headers });
}

/** What a reader of the document finds on its pages. */
export async function pagesOf(bytes: Buffer): Promise<string[]> {
  const task = getDocument({ data: new Uint8Array(bytes), useSystemFonts: false, verbosity: 0 });
  const document = await task.promise;
  const pages: string[] = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const { items } = await (await document.getPage(number)).getTextContent();
    const text = items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? ' ' : ''}` : '')).join('');
    pages.push(text.replace(/\s+/g, ' '));
  }
  await task.destroy();
  return pages;
}

/** The same of a whole invoice. */
export async function textOfInvoice(
  server: TestServer,
  { id }: Pick<Invoice, 'id'>,
  as: Claims,
): Promise<string> {
  const { statusCode, rawPayload } = await fetchedInvoice(server, id, as);
  if (statusCode !== 200) throw new Error(`the document was refused with ${statusCode}`);
  return (await pagesOf(rawPayload)).join(' ');
}

/** A line whose words are somebody's own. */
export const line = (
  kind: PriceLine['kind'],
  description: string,
  quantity: number,
  unit: string,
  sum: string,
): PriceLine => ({
  ...{ kind, description, quantity },
  ...{ unitAmount: amount(unit), amount: amount(sum) },
});

export const priced = (lines: readonly PriceLine[], currency: string, total: string) =>
  priceOfOne(total, { lines, currency, total: amount(total) });

export async function customerIn(
  server: TestServer,
  as: Claims,
  language: string | null,
  name = 'Größe & Söhne',
): Promise<string> {
  const input = { name, ...(language === null ? {} : { language }) };
  const data = await server.ok(mutation('createCustomer', 'customer { id }'), { input }, as);
  return String(data.createCustomer?.customer?.id);
}
