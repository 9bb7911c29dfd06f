import type { Words } from '../words.js';

export const english: Words = {
  greeting: (name) => `Hello ${name},`,
  closing: 'Kind regards,',
  labels: {
    activations: 'Activations',
    amount: 'Amount',
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
    issued: 'Issued',
    issuedTo: 'Issued to',
    licenseKey: 'License key',
    licenseType: 'License type',
    nextAttempt: 'Next attempt',
    orderNumber: 'Order',
    product: 'Product',
    quantity: 'Licenses',
    reason: 'Reason',
    resolveBy: 'To be resolved by',
    severity: 'Severity',
    suspended: 'Suspended',
    total: 'Total',
    trialEnds: 'Trial ends',
    trialPeriod: 'Trial period',
    used: 'Used',
    violation: 'Violation',
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
  RENEWAL_FAILED: ({ product, customer }) => ({
    subject: `The license for ${product} could not be renewed`,
    heading: 'The renewal has failed',
    paragraphs: [
      `The license for ${product}, issued to ${customer}, could not be renewed.`,
      'Please check the means of payment.',
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `License violation found: ${violation} (${severity})`,
    heading: 'A license violation was found',
    paragraphs: ['A violation of license terms was found and waits to be looked at.'],
  }),
  ORDER_FULFILLED: ({ order }) => ({
    subject: `Your order ${order} is fulfilled`,
    heading: 'Your order is fulfilled',
    paragraphs: [`Thank you for your order ${order}. Your licenses are ready.`],
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
