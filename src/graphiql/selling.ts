/** A sale, step by step. Two of its steps go on with what the one before has answered. */
import type { Example } from './example.js';

export const selling: readonly Example[] = [
  {
    group: 'Sell',
    title: 'What would a renewal cost?',
    query: `query RenewalQuote($licenseId: ID!) {
  renewalQuote(
    licenseId: $licenseId
    durationMonths: 12
  ) {
    price {
      lines { description amount }
      total
      currency
    }
    expiryDate
    validUntil
  }
}
`,
    variables: ({ licenseId }) => ({ licenseId }),
  },
  {
    group: 'Sell',
    title: 'Order licenses',
    query: `# Priced and billed at once. Its licenses are
# made when it is approved and paid.
mutation Order($input: CreateOrderInput!) {
  createOrder(input: $input) {
    order {
      id
      orderNumber
      status
      lines { description amount }
      totalAmount
      currency
      invoice { id number pdfPath }
    }
  }
}
`,
    variables: ({ customerId, templateId }) => ({ input: { customerId, templateId, quantity: 5 } }),
  },
  {
    group: 'Sell',
    title: 'Approve an order',
    query: `mutation Approve($input: ApproveOrderInput!) {
  approveOrder(input: $input) {
    order {
      status
      paymentStatus
      approvedBy
    }
  }
}
`,
    variables: () => ({ input: { orderId: '(the id of the order)', notes: 'Checked the customer' } }),
  },
  {
    group: 'Sell',
    title: 'Record that it was paid',
    query: `# What a payment processor tells by a webhook,
# a person may record: here of a transfer.
mutation Paid($input: RecordPaymentInput!) {
  recordPayment(input: $input) {
    invoice {
      paymentStatus
      amountDue
      order {
        status
        licenses {
          nodes { licenseKey status }
        }
      }
    }
  }
}
`,
    variables: () => ({
      input: {
        ...{ invoiceId: '(the id of the invoice of the order)', amount: '(its total)' },
        reference: 'transfer-4711',
      },
    }),
  },
  {
    group: 'Sell',
    title: 'Orders, as they are fulfilled',
    query: `# Leave it running, and sell in another tab
# of the browser.
subscription Orders {
  orderProgress {
    sequence
    at
    licensesMade
    order {
      orderNumber
      quantity
      status
      paymentStatus
    }
  }
}
`,
  },
];
