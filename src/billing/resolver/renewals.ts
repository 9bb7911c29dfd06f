import { Arg, Mutation, Resolver } from 'type-graphql';
import { Customer } from '../../access/schema.js';
import type { Customer as CustomerRow } from '../../access/table.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge } from '../../graph/edge.js';
import { License } from '../../licenses/schema/types.js';
import type { License as LicenseRow } from '../../licenses/table.js';
import { paymentMethodsByCustomer, renewalsByLicense } from '../queries/charges.js';
import { invoicesById } from '../queries.js';
import { Invoice } from '../schema/invoice.js';
import * as shapes from '../schema/renewals.js';
import { cancelRenewal } from '../service/cancelRenewal.js';
import { removePaymentMethod, setPaymentMethod } from '../service/paymentMethods.js';
import { requestRenewal } from '../service/requestRenewal.js';
import type { Renewal as RenewalRow } from '../table/charges.js';

@Edge(
  'paymentMethod',
  () => shapes.PaymentMethod,
  paymentMethodsByCustomer,
  (customer: CustomerRow) => customer.id,
  {
    permission: 'payment_method.read',
    nullable: true,
    description: 'By what it is charged for renewals; null if by nothing.',
  },
)
@Resolver(() => Customer)
export class CustomerPaymentEdges {}

@Edge(
  'renewal',
  () => shapes.Renewal,
  renewalsByLicense,
  (license: LicenseRow) => license.id,
  {
    permission: 'renewal.read',
    nullable: true,
    description: 'The latest renewal that was, or is to be, paid for by an invoice; null if there was none.',
  },
)
@Resolver(() => License)
export class LicenseRenewalEdges {}

@Edge(
  'invoice',
  () => Invoice,
  invoicesById,
  (renewal: RenewalRow) => renewal.invoiceId,
  {
    permission: 'invoice.read',
    nullable: true,
    description: 'By which it is paid; null where nothing was billed, and where it is not yours to see.',
  },
)
@Resolver(() => shapes.Renewal)
export class RenewalEdges {}

@Resolver()
export class RenewalMutations {
  @Authorized('payment_method.set')
  @Mutation(() => shapes.SetPaymentMethodPayload, {
    nullable: true,
    description:
      'Says by what a customer is charged for renewals. What was saved at Stripe is named, nothing is stored.',
  })
  async setPaymentMethod(
    @Arg('input', () => shapes.SetPaymentMethodInput, { description: 'By what the customer is charged.' })
    input: shapes.SetPaymentMethodInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { paymentMethod: await setPaymentMethod(work, input) };
  }

  @Authorized('payment_method.set')
  @Mutation(() => shapes.RemovePaymentMethodPayload, {
    nullable: true,
    description: 'A customer is charged no more: renewals are billed, and wait to be paid.',
  })
  async removePaymentMethod(
    @Arg('input', () => shapes.RemovePaymentMethodInput, { description: 'Whose payment method is removed.' })
    input: shapes.RemovePaymentMethodInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { paymentMethodId: await removePaymentMethod(work, input.customerId) };
  }

  @Authorized('renewal.request')
  @Mutation(() => shapes.RequestRenewalPayload, {
    nullable: true,
    description:
      'Bills the renewal of a license, which is renewed once the invoice is paid. One that renews itself, and whose customer can be charged, does so a day before its end if that is not paid by then; the invoice is voided.',
  })
  async requestRenewal(
    @Arg('input', () => shapes.RequestRenewalInput, { description: 'The license, and for how long.' })
    input: shapes.RequestRenewalInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { renewal: await requestRenewal(work, input) };
  }

  @Authorized('renewal.cancel')
  @Mutation(() => shapes.CancelRenewalPayload, {
    nullable: true,
    description:
      'Calls off a renewal that was asked for and of which nothing is paid. Its invoice is voided, and a license that renews itself does so again.',
  })
  async cancelRenewal(
    @Arg('input', () => shapes.CancelRenewalInput, { description: 'Which one.' })
    input: shapes.CancelRenewalInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { renewal: await cancelRenewal(work, input) };
  }
}
