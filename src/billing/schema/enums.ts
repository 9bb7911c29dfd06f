import { enumOf } from '../../graph/enums.js';
import type { PaymentStatus } from '../model/invoice.js';

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
