import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { customersById, resellersById } from '../access/queries.js';
import { Customer, Reseller } from '../access/schema.js';
import type { Customer as CustomerRow, Reseller as ResellerRow } from '../access/table.js';
import { eventsEdge } from '../audit/resolver.js';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { DecimalAmount } from '../graph/scalars.js';
import { licensesById } from '../licenses/queries.js';
import { License } from '../licenses/schema/types.js';
import type { License as LicenseRow } from '../licenses/table.js';
import { amountDueOf, creditOf } from './model/standing.js';
import {
  invoicesByCustomer,
  invoicesById,
  invoicesByLicense,
  invoicesByReseller,
  invoicesPage,
  paymentsByInvoice,
} from './queries.js';
import * as shapes from './schema/invoice.js';
import * as payments from './schema/payments.js';
import { recordPayment } from './service/recordPayment.js';
import { refundPayment } from './service/refundPayment.js';
import { voidInvoice } from './service/voidInvoice.js';
import type { Invoice, Payment } from './table.js';

@Edge(
  'customer',
  () => Customer,
  customersById,
  (invoice: Invoice) => invoice.customerId,
  { permission: 'customer.read', nullable: true, description: 'Who pays.' },
)
@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (invoice: Invoice) => invoice.resellerId,
  { permission: 'reseller.read', nullable: true, description: 'Who sold.' },
)
@Edge(
  'license',
  () => License,
  licensesById,
  (invoice: Invoice) => invoice.licenseId,
  { permission: 'license.read', nullable: true, description: 'The license that is renewed or upgraded.' },
)
@ListEdge(
  'payments',
  () => shapes.PaymentConnection,
  paymentsByInvoice,
  (invoice: Invoice) => invoice.id,
  { permission: 'invoice.read', description: 'What was paid, paid back or tried, the oldest first.' },
)
@eventsEdge
@Resolver(() => shapes.Invoice)
export class InvoiceEdges {
  @FieldResolver(() => DecimalAmount, { description: 'What is still to be paid.' })
  amountDue(@Root() invoice: Invoice): string {
    return amountDueOf(invoice);
  }

  @FieldResolver(() => DecimalAmount, {
    description: "What was paid past what the invoice asks for, and not paid back: it is the payer's.",
  })
  creditAmount(@Root() invoice: Invoice): string {
    return creditOf(invoice);
  }

  @FieldResolver(() => String, {
    description: 'Where it is as a PDF, for whoever sends a bearer token that may see it.',
  })
  pdfPath(@Root() invoice: Invoice): string {
    return `/invoices/${invoice.id}.pdf`;
  }
}

@Edge(
  'invoice',
  () => shapes.Invoice,
  invoicesById,
  (payment: Payment) => payment.invoiceId,
  { permission: 'invoice.read', description: 'What it was paid for.' },
)
@Resolver(() => shapes.Payment)
export class PaymentEdges {}

const invoicesEdge = { permission: 'invoice.read' } as const;

@ListEdge(
  'invoices',
  () => shapes.InvoiceConnection,
  invoicesByCustomer,
  (customer: CustomerRow) => customer.id,
  { ...invoicesEdge, description: 'Its invoices, the newest first.' },
)
@Resolver(() => Customer)
export class CustomerInvoiceEdges {}

@ListEdge(
  'invoices',
  () => shapes.InvoiceConnection,
  invoicesByReseller,
  (reseller: ResellerRow) => reseller.id,
  { ...invoicesEdge, description: 'The invoices of what it sold, the newest first.' },
)
@Resolver(() => Reseller)
export class ResellerInvoiceEdges {}

@ListEdge(
  'invoices',
  () => shapes.InvoiceConnection,
  invoicesByLicense,
  (license: LicenseRow) => license.id,
  { ...invoicesEdge, description: 'The invoices of its renewals and upgrades, the newest first.' },
)
@Resolver(() => License)
export class LicenseInvoiceEdges {}

@Resolver()
export class InvoiceQueries {
  @Authorized('invoice.read')
  @Query(() => shapes.Invoice, {
    nullable: true,
    description: 'One invoice; null if there is none with this id.',
  })
  invoice(@Arg('id', () => ID, { description: "The invoice's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(invoicesById, id);
  }

  @Authorized('invoice.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.InvoiceConnection, {
    description: 'Invoices, the newest first unless sorted otherwise.',
  })
  async invoices(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.InvoiceFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.InvoiceFilter | null,
    @Arg('sort', () => shapes.InvoiceSort, { nullable: true, description: 'In which order.' })
    sort: shapes.InvoiceSort | null,
    @Ctx() ctx: Context,
  ): Promise<Page<Invoice>> {
    return invoicesPage(await ctx.reading(), filter ?? {}, sort ?? null, page);
  }
}

@Resolver()
export class PaymentMutations {
  @Authorized('payment.record')
  @Mutation(() => payments.RecordPaymentPayload, {
    nullable: true,
    description:
      'Records money that came past every processor. What follows from it happens at once: an order that is paid and approved is fulfilled.',
  })
  recordPayment(
    @Arg('input', () => payments.RecordPaymentInput, { description: 'How much, and for what.' })
    input: payments.RecordPaymentInput,
    @CurrentWork() work: Work,
  ) {
    return recordPayment(work, input);
  }

  @Authorized('payment.refund')
  @Mutation(() => payments.RefundPaymentPayload, {
    nullable: true,
    description:
      'Pays a payment back, or a part of it: through its processor where that can be asked, otherwise it is recorded as paid back by hand.',
  })
  refundPayment(
    @Arg('input', () => payments.RefundPaymentInput, { description: 'Which, and why.' })
    input: payments.RefundPaymentInput,
    @CurrentWork() work: Work,
  ) {
    return refundPayment(work, input);
  }

  @Authorized('invoice.void')
  @Mutation(() => payments.VoidInvoicePayload, {
    nullable: true,
    description:
      'Voids an invoice of which nothing is paid, or all was paid back before it was paid in full; its number stays. What it was for ends with it: an order is cancelled, an upgrade called off, and a renewal is not billed again from this end of the term. Whoever still wants it orders or asks anew, by a new invoice.',
  })
  async voidInvoice(
    @Arg('input', () => payments.VoidInvoiceInput, { description: 'Which, and why.' })
    input: payments.VoidInvoiceInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { invoice: await voidInvoice(work, input) };
  }
}
