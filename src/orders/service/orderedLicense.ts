import type { NewLicense } from '../../licenses/service/newLicense.js';
import { beginningOf } from '../model/terms.js';
import type { Order } from '../table.js';

/** What was sold on which terms, and to whom: by an order, or from a pool that no order need have paid for. */
export type Sold = Pick<Order, 'terms' | 'customerId' | 'resellerId' | 'templateId' | 'templateVersion'> & {
  readonly id: Order['id'] | null;
};

/** What is to be inserted for each license that was sold: nothing of its template is asked for again. */
export function orderedLicense(order: Sold, issuedTo: string, now: NewLicense['issuedDate']): NewLicense {
  const { terms } = order;
  return {
    ...beginningOf(terms, now),
    productId: terms.productId,
    productName: terms.productName,
    productVersion: terms.productVersion,
    licenseModel: terms.licenseModel,
    customerId: order.customerId,
    resellerId: order.resellerId,
    templateId: order.templateId,
    templateVersion: order.templateVersion,
    orderId: order.id,
    issuedTo,
    maxActivations: terms.maxActivations,
    leaseSeconds: terms.leaseSeconds,
    maxBorrowHours: terms.maxBorrowHours,
    maxDeactivationsPerYear: terms.maxDeactivationsPerYear,
    features: terms.features,
    restrictions: terms.restrictions,
    autoRenewal: terms.autoRenewal,
    gracePeriodDays: terms.gracePeriodDays,
  };
}
