/**
 * Makes PDFs in a thread of its own: a layout holds whatever runs it from begin to end, and the process that serves requests
 * is not to be held. It is told one invoice at a time and answers with the bytes, or with what went wrong.
 */
import { parentPort } from 'node:worker_threads';
import pdfMake from 'pdfmake';
import { fontFiles, fontFolder } from './glyphs.js';
import { type InvoiceSheet, invoiceLayout } from './layout.js';

/** What the thread answers. */
export type Printed = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly failure: unknown };

pdfMake.setFonts({ Roboto: { ...fontFiles } });
pdfMake.setUrlAccessPolicy(() => false);
pdfMake.setLocalAccessPolicy((path) => path.startsWith(fontFolder));

async function printed(sheet: InvoiceSheet): Promise<Printed> {
  try {
    // Copied, because a buffer may be a part of one that others use too: what is handed over is this thread's no more.
    return { bytes: new Uint8Array(await pdfMake.createPdf(invoiceLayout(sheet)).getBuffer()) };
  } catch (failure) {
    return { failure };
  }
}

parentPort?.on('message', async (sheet: InvoiceSheet) => {
  const answer = await printed(sheet);
  parentPort?.postMessage(answer, 'bytes' in answer ? [answer.bytes.buffer] : []);
});
