import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Permission } from '../../access/permissions.js';
import type { InvoicePrinter } from '../../billing/documents/printer.js';
import { invoiceSheet } from '../../billing/queries/sheet.js';
import { requirePermission } from '../../core/actor.js';
import { isUuid } from '../../core/id.js';
import type { Operation } from '../operation/operation.js';

export interface InvoicePageOptions {
  readonly printer: InvoicePrinter;
  context(request: FastifyRequest): Promise<Operation>;
}

/** An invoice as a PDF, for whoever sees the invoice in the graph. It changes with every payment: nobody keeps it. */
export function addInvoicePages(app: FastifyInstance, { context, printer }: InvoicePageOptions): void {
  app.addHook('onClose', () => printer.end());
  app.get<{ Params: { id: string } }>('/invoices/:id.pdf', async (request, reply) => {
    const { id } = request.params;
    const operation = await context(request);
    requirePermission(operation.actor, 'invoice.read' satisfies Permission);
    const sheet = isUuid(id) ? await operation.ask((reading) => invoiceSheet(reading, id)) : undefined;
    if (sheet === undefined) return reply.callNotFound();
    const bytes = await printer.print(sheet);
    return reply
      .header('cache-control', 'no-store')
      .header('content-disposition', `attachment; filename="${sheet.invoice.number}.pdf"`)
      .type('application/pdf')
      .send(bytes);
  });
}
