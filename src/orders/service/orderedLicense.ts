import type { NewLicense } from '../../licenses/service/newLicense.js';
import { beginningOf } from '../model/terms.js';
import type { Order } from '../table.js';

/** What is to be inserted for each license of an order: nothing of its template is asked for again. */
export function orderedLicense(order: Order, issuedTo: string, now: NewLicense['issuedDate']): NewLicense {
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
