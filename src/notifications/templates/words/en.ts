import type { Lapse, Words } from '../words.js';

function lapses({ expires, hasExpired, graceEnds }: Lapse): string {
  const expiry = hasExpired
    ? `The license expired on ${expires}`
    : `Without a renewal it expires on ${expires}`;
  return graceEnds === null
    ? `${expiry} and cannot be used from then on.`
    : `${expiry}. Devices that are active work until ${graceEnds}; then the license is suspended.`;
}

export const english: Words = {
  greeting: (name) => `Hello ${name},`,
  closing: 'Kind regards,',
  labels: {
    activations: 'Activations',
    amount: 'Amount',
    attempt: 'Attempt',
    autoRenewal: 'Renews by itself',
    customer: 'Customer',
    description: 'What was found',
    detected: 'Found',
    ended: 'Ends',
    expires: 'Expires',
    failed: 'Tried',
    features: 'Features',
    fulfilled: 'Fulfilled',
    graceEnds: 'Grace period ends',
    invoice: 'Invoice',
    issued: 'Issued',
    issuedTo: 'Issued to',
    licenseKey: 'License key',
    licenseType: 'License type',
    licenses: 'Licenses',
    list: 'List',
    made: 'Made',
    nextAttempt: 'Next attempt',
    orderNumber: 'Order',
    product: 'Product',
    quantity: 'Licenses',
    reason: 'Reason',
    refunded: 'Paid back',
    refused: 'Refused',
    renewed: 'Renewed',
    resolveBy: 'To be resolved by',
    revoked: 'Revoked',
    severity: 'Severity',
    stopped: 'Stopped',
    suspended: 'Suspended',
    total: 'Total',
    trialEnds: 'Trial ends',
    trialPeriod: 'Trial period',
    used: 'Used',
    violation: 'Violation',
    waiting: 'Waiting',
  },
  yes: 'Yes',
  no: 'No',
  unlimited: 'unlimited',
  never: 'never',
  days: (count, written) => (count === 1 ? `${written} day` : `${written} days`),
  licenseTypes: {
    PERPETUAL: 'Perpetual',
    SUBSCRIPTION: 'Subscription',
    TRIAL: 'Trial',
    EVALUATION: 'Evaluation',
    CONCURRENT: 'Concurrent',
    NAMED_USER: 'Named user',
  },
  units: { COUNT: 'count', SIZE: 'size', DURATION: 'duration', BANDWIDTH: 'bandwidth' },
  periods: { NONE: '', HOUR: 'an hour', DAY: 'a day', MONTH: 'a month', YEAR: 'a year' },
  violations: {
    UNAUTHORIZED_USE: 'Unauthorized use',
    OVER_DEPLOYMENT: 'Over-deployment',
    FEATURE_ABUSE: 'Feature abuse',
    TRANSFER_VIOLATION: 'Transfer violation',
    REVERSE_ENGINEERING: 'Reverse engineering',
  },
  renewalFailures: {
    CARD_DECLINED: 'The card was declined.',
    INSUFFICIENT_FUNDS: 'There were not enough funds.',
    CARD_EXPIRED: 'The card has expired.',
    AUTHENTICATION_REQUIRED: 'The bank asks you to confirm the payment.',
    NO_PAYMENT_METHOD: 'No means of payment is on file.',
    PAYER_UNVERIFIED: 'The means of payment is not verified yet.',
    NO_PRICE: 'The license has no price.',
    NOT_RENEWABLE: 'The license cannot be renewed as it is.',
    TRANSFERRED: 'The license belongs to somebody else by now.',
    OVERTAKEN: 'The license was changed or renewed otherwise. What was paid is a credit.',
    PAID_IN_PART: 'Only a part of the invoice is paid. The license is renewed once all of it is.',
    OTHER: 'The payment did not go through.',
  },
  attemptOf: (attempt, attempts) => `${attempt} of ${attempts}`,
  severities: { MINOR: 'minor', MAJOR: 'major', CRITICAL: 'critical' },
  support: 'Support',
  terms: 'Terms',
  openPortal: 'Open the portal',
  activate: 'Activate your license',
  renew: 'Renew the license',
  graceExpired: 'The grace period has ended.',
  LICENSE_ISSUED: ({ product }) => ({
    subject: `Your license for ${product}`,
    heading: 'Your license',
    paragraphs: [`Here is your license for ${product}. Please keep the key in a safe place.`],
  }),
  TRIAL_ISSUED: ({ product, days }) => ({
    subject: `Your trial of ${product}`,
    heading: 'Your trial',
    paragraphs: [
      `Here is your license to try ${product}. The trial lasts ${days} and begins when you first activate it.`,
    ],
  }),
  LICENSE_EXPIRING: ({ product, date, days, renewsItself }) => ({
    subject: `Your license for ${product} expires in ${days}`,
    heading: 'Your license expires soon',
    paragraphs: [
      `Your license for ${product} expires on ${date}.`,
      renewsItself
        ? 'It renews by itself; there is nothing that you need to do.'
        : 'Please renew it in time, so that your work is not interrupted.',
    ],
  }),
  LICENSE_SUSPENDED: ({ product, graceExpired }) => ({
    subject: `Your license for ${product} is suspended`,
    heading: 'Your license is suspended',
    paragraphs: [
      `Your license for ${product} is suspended and cannot be used for now.`,
      graceExpired
        ? 'It was not renewed before its grace period ended. As soon as it is renewed, it works again.'
        : 'Please get in touch with us to have it reinstated.',
    ],
  }),
  LICENSE_REVOKED: ({ product }) => ({
    subject: `Your license for ${product} is revoked`,
    heading: 'Your license is revoked',
    paragraphs: [
      `Your license for ${product} is revoked for good: it cannot be used any more, on any device.`,
      'If you did not expect this, please get in touch with us.',
    ],
  }),
  LICENSE_RENEWED: ({ product, until }) => ({
    subject: `Your license for ${product} is renewed`,
    heading: 'Your license is renewed',
    paragraphs: [
      until === null
        ? `Your license for ${product} is renewed. Thank you; this is your receipt.`
        : `Your license for ${product} is renewed and runs until ${until}. Thank you; this is your receipt.`,
    ],
  }),
  RENEWAL_FAILED: ({ product, customer, nextAttempt, lapse }) => ({
    subject: `The license for ${product} could not be renewed`,
    heading: 'The renewal has failed',
    paragraphs: [
      `The license for ${product}, issued to ${customer}, could not be renewed.`,
      nextAttempt === null
        ? 'It is not tried again. Please renew the license yourself, or get in touch with us.'
        : `Please check the means of payment. It is tried again on ${nextAttempt}.`,
      ...(lapse === null ? [] : [lapses(lapse)]),
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `License violation found: ${violation} (${severity})`,
    heading: 'A license violation was found',
    paragraphs: ['A violation of license terms was found and waits to be looked at.'],
  }),
  ORDER_FULFILLED: ({ order, count, hasPortal, isRenewal }) => ({
    subject: `Your order ${order} is fulfilled`,
    heading: 'Your order is fulfilled',
    paragraphs: [
      `Thank you for your order ${order}. ${isRenewal ? 'Your licenses are renewed.' : 'Your licenses are ready.'}`,
      ...(count === null
        ? []
        : [
            hasPortal
              ? `There are ${count} of them; the portal shows each with its key.`
              : `There are ${count} of them. Please ask us for their keys.`,
          ]),
    ],
  }),
  ORDER_REFUNDED: ({ order }) => ({
    subject: `Your order ${order} was paid back`,
    heading: 'Your order was paid back',
    paragraphs: [
      `Your order ${order} was paid back. The licenses that it made are suspended and cannot be used for now.`,
      'If you did not expect this, please get in touch with us.',
    ],
  }),
  ORDER_STOPPED: ({ order, made, quantity }) => ({
    subject: `Order ${order} stopped: ${made} of ${quantity} licenses are made`,
    heading: 'The order has stopped',
    paragraphs: [
      `The licenses of order ${order} could not be made: ${made} of ${quantity} are there. It was tried ten times and is not tried again.`,
      'Please find out what stands in the way, and fulfil the order: it goes on with those that are missing.',
    ],
  }),
  BULK_ISSUE_FAILED: ({ issued, waiting }) => ({
    subject: `A list of licenses stopped: ${waiting} are still waiting`,
    heading: 'The list has stopped',
    paragraphs: [
      `A list of licenses could not be issued as a whole: ${issued} are issued, and ${waiting} are waiting. It was tried ten times and is not tried again.`,
      'Please find out what stands in the way, and retry the list: it goes on with those that are waiting.',
    ],
  }),
  EMERGENCY_CODE_USED: ({ product, customer, until }) => ({
    subject: `An emergency code was used for ${product}`,
    heading: 'An emergency code was used',
    paragraphs: [
      `A device was activated with an emergency code, on the license for ${product} that was issued to ${customer}. That activation ends by itself on ${until}.`,
      'If you did not expect this, please get in touch at once.',
    ],
  }),
};
