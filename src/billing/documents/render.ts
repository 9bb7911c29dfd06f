import pdfMake from 'pdfmake';
import { Lane } from '../../core/lane.js';
import { Refusal } from '../../core/refusal.js';
import { fontFiles, fontFolder } from './glyphs.js';
import { type InvoiceSheet, invoiceLayout } from './layout.js';

pdfMake.setFonts({ Roboto: { ...fontFiles } });
pdfMake.setUrlAccessPolicy(() => false);
pdfMake.setLocalAccessPolicy((path) => path.startsWith(fontFolder));

/** Five hundred lines take a second of the process and 30 MB: one at a time, and so many that wait. */
const MOST_WAITING = 32;

let waiting = 0;
const lane = new Lane(1);

function busy(): Refusal {
  return new Refusal('SERVER_BUSY', 'Too many documents are being made; ask again in a while.');
}

/** The invoice as a PDF. */
export async function renderInvoice(sheet: InvoiceSheet): Promise<Buffer> {
  if (waiting >= MOST_WAITING) throw busy();
  waiting += 1;
  try {
    return await lane.take(() => pdfMake.createPdf(invoiceLayout(sheet)).getBuffer());
  } finally {
    waiting -= 1;
  }
}
