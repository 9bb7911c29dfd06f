import { enumOf } from '../../graph/enums.js';
import type {
  InvoicePurpose,
  PaymentKind,
  PaymentState,
  PaymentStatus,
  Processor,
} from '../model/invoice.js';
import type { PriceLineKind } from '../model/price.js';
import type { InvoiceSortField } from '../queries.js';

export const PaymentStatusEnum = enumOf<PaymentStatus>(
  'PaymentStatus',
  'How far the payment of an order or of an invoice is.',
  {
    PENDING: 'Is not paid.',
    PAID: 'Is paid in full.',
    PARTIAL: 'Is paid in part.',
    FAILED: 'Could not be charged.',
    REFUNDED: 'Was paid back.',
  },
);

export const InvoicePurposeEnum = enumOf<InvoicePurpose>('InvoicePurpose', 'What an invoice was made for.', {
  ORDER: 'For an order.',
  RENEWAL: 'For the renewal of a license.',
  UPGRADE: 'For the upgrade of a license.',
});

export const ProcessorEnum = enumOf<Processor>('PaymentProcessor', 'Through whom money is paid.', {
  MANUAL: 'Through nobody: somebody recorded it.',
  STRIPE: 'Through Stripe.',
  PAYPAL: 'Through PayPal.',
  BILLING: 'Through another system, which tells of it by Standard Webhooks.',
});

export const PaymentKindEnum = enumOf<PaymentKind>('PaymentKind', 'Which way money goes.', {
  PAYMENT: 'It comes.',
  REFUND: 'It goes back.',
});

export const PaymentStateEnum = enumOf<PaymentState>('PaymentState', 'Whether money has moved.', {
  PENDING: 'Its processor is asked, and has not answered.',
  SETTLED: 'It has.',
  FAILED: 'It has not, and will not.',
});

export const PriceLineKindEnum = enumOf<PriceLineKind>('PriceLineKind', 'What a line of a price is for.', {
  LICENSES: 'Licenses, with their seats, for as many billing cycles as they last.',
  DISCOUNT: 'What is taken off for their number.',
  MAINTENANCE: 'Maintenance of what never expires.',
  SETUP: 'Setting it up, once.',
  TAX: 'A tax.',
  CREDIT: 'What was paid before and not used.',
  UPGRADE: 'The rest of a term at a higher price.',
});

export const InvoiceSortFieldEnum = enumOf<InvoiceSortField>(
  'InvoiceSortField',
  'What a list of invoices is ordered by.',
  {
    CREATED_AT: 'When they were made.',
    DUE_AT: 'Until when they are to be paid; those without such a day last.',
    NUMBER: 'Their numbers.',
  },
);
