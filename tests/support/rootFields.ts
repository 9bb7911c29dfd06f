import { mutation } from './acts.js';
import {
  type Asked,
  act,
  bulkIssue,
  type Case,
  list,
  newLicense,
  newPool,
  newTemplate,
  one,
  onLicense,
} from './fieldCases.js';

const renewalQuote = (of: string): Asked =>
  plain(`{ renewalQuote(licenseId: "${of}", durationMonths: 1) { validUntil } }`);
const upgradeQuote = (of: string, to: string): Asked =>
  plain(`{ upgradeQuote(licenseId: "${of}", templateId: "${to}") { validUntil } }`);
const report = { activityType: 'API_ABUSE', description: 'x' };
const newKey = { name: 'Export', permissions: ['license.read'] };

/** Once for each way to name a licensee. */
const ofLicensee = (ask: (licensee: object) => Asked): readonly Case[] => [
  ['a customer', ({ customerId }) => ask({ customerId })],
  ['a key', ({ licenseKey }) => ask({ licenseKey })],
  ['a license', ({ licenseId }) => ask({ licenseId })],
  ['a token', ({ activationToken }) => ask({ activationToken })],
];

const page = (field: string): Asked => ({ query: `{ ${field} { totalCount } }` });

const plain = (query: string): Asked => ({ query });

const NO_ID = '00000000-0000-4000-8000-000000000000';

/** Root fields that take nothing by which something of another tenant could be named. */
export const namesNothing: Readonly<Record<string, Asked>> = {
  viewer: plain('{ viewer { subject } }'),
  featureFlags: plain('{ featureFlags { name } }'),
  eventCursor: plain('{ eventCursor }'),
  apiAccess: plain('{ apiAccess { path } }'),
  checkOperation: plain('{ checkOperation(document: "{ viewer { kind } }") { passes } }'),
  verifyAuditTrail: plain('{ verifyAuditTrail(to: 10) { verified } }'),
  exportAuditTrail: plain('{ exportAuditTrail(first: 10) { count } }'),
  auditCheckpoints: page('auditCheckpoints'),
  createAuditCheckpoint: plain('mutation { createAuditCheckpoint(input: { reason: "x" }) { __typename } }'),
  schemaFeatures: plain('{ schemaFeatures { featureId } }'),
  blacklistedDevices: page('blacklistedDevices'),
  securityIncidents: page('securityIncidents'),
  customers: page('customers'),
  bulkIssues: page('bulkIssues'),
  webhookEndpoints: page('webhookEndpoints'),
  paymentEndpoints: page('paymentEndpoints'),
  createPaymentEndpoint: plain(
    'mutation { createPaymentEndpoint(input: { processor: BILLING, description: "x" }) { __typename } }',
  ),
  tenants: page('tenants'),
  jobs: plain('{ jobs { name } }'),
  unclaimedWebhooks: page('unclaimedWebhooks'),
  closeUnclaimedWebhook: plain(
    `mutation { closeUnclaimedWebhook(input: { webhookId: "${NO_ID}", note: "x" }) { __typename } }`,
  ),
  assignUnclaimedWebhook: plain(
    `mutation { assignUnclaimedWebhook(input: { webhookId: "${NO_ID}", invoiceId: "${NO_ID}" }) { __typename } }`,
  ),
  runJob: plain('mutation { runJob(input: { name: "sweep" }) { __typename } }'),
  resellers: page('resellers'),
  products: page('products'),
  createWebhookEndpoint: plain(
    'mutation { createWebhookEndpoint(input: { url: "https://hooks.example.com/", events: ["*"], description: "x" }) { __typename } }',
  ),
  createReseller: plain('mutation { createReseller(input: { name: "Blue" }) { __typename } }'),
  createProduct: plain(
    'mutation { createProduct(input: { productId: "NEW", name: "Radar", version: "1" }) { __typename } }',
  ),
  notifications: page('notifications'),
  tenantSettings: plain('{ tenantSettings { language } }'),
  // Set to what it is: that changes nothing.
  updateTenantSettings: plain('mutation { updateTenantSettings(input: { language: null }) { __typename } }'),
  setFeatureFlags: plain(
    'mutation { setFeatureFlags(input: { flags: [{ name: "vpn", featureId: "vpn" }] }) { __typename } }',
  ),
};
/** Root fields that write also when they find nothing: isolation asks each in a test of its own. */
export const asksApart: Readonly<Record<string, Asked>> = {
  exportLicenses: plain('mutation { exportLicenses(input: {}) { count } }'),
};

/** Every other root field, once for each thing of a tenant that it names. */
export const cases: Readonly<Record<string, readonly Case[]>> = {
  customer: [one('customer', ({ customerId }) => customerId)],
  reseller: [one('reseller', ({ resellerId }) => resellerId)],
  product: [one('product', ({ productId }) => productId)],
  template: [one('template', ({ templateId }) => templateId)],
  license: [one('license', ({ licenseId }) => licenseId)],
  activation: [one('activation', ({ activationId }) => activationId)],
  notification: [one('notification', ({ notificationId }) => notificationId)],
  order: [one('order', ({ orderId }) => orderId)],
  invoice: [one('invoice', ({ invoiceId }) => invoiceId)],
  invoices: [
    list('invoices', 'InvoiceFilter', 'of a customer', ({ customerId }) => ({ customerId })),
    list('invoices', 'InvoiceFilter', 'of a license', ({ licenseId }) => ({ licenseId })),
    list('invoices', 'InvoiceFilter', 'of a reseller', ({ resellerId }) => ({ resellerId })),
  ],
  recordPayment: [act('recordPayment', 'an invoice', ({ invoiceId }) => ({ invoiceId, amount: '1' }))],
  refundPayment: [
    act('refundPayment', 'a payment', ({ paymentId }) => ({ paymentId, amount: '1', reason: 'x' })),
  ],
  voidInvoice: [act('voidInvoice', 'an invoice', ({ invoiceId }) => ({ invoiceId, reason: 'x' }))],
  licenseByKey: [
    [
      'by key',
      ({ licenseKey }) => ({ query: `{ licenseByKey(licenseKey: "${licenseKey}") { id issuedTo } }` }),
    ],
  ],
  licenses: [
    list('licenses', 'LicenseFilter', 'of a customer', ({ customerId }) => ({ customerId })),
    list('licenses', 'LicenseFilter', 'of a reseller', ({ resellerId }) => ({ resellerId })),
    list('licenses', 'LicenseFilter', 'of a product', ({ productId }) => ({ productId })),
    list('licenses', 'LicenseFilter', 'of a template', ({ templateId }) => ({ templateId })),
  ],
  activations: [
    list('activations', 'ActivationFilter', 'of a license', ({ licenseId }) => ({ licenseId })),
    list('activations', 'ActivationFilter', 'of a device', ({ licenseId }) => ({
      licenseId,
      deviceFingerprint: 'laptop',
    })),
  ],
  orders: [
    list('orders', 'OrderFilter', 'of a customer', ({ customerId }) => ({ customerId })),
    list('orders', 'OrderFilter', 'of a template', ({ templateId }) => ({ templateId })),
  ],
  templates: [list('templates', 'TemplateFilter', 'of a product', ({ productId }) => ({ productId }))],
  events: [
    list('events', 'EventFilter', 'of a license', ({ licenseId }) => ({ licenseId })),
    list('events', 'EventFilter', 'of a license as what changed', ({ licenseId }) => ({
      subjectId: licenseId,
    })),
    list('events', 'EventFilter', 'of a customer', ({ customerId }) => ({ subjectId: customerId })),
    list('events', 'EventFilter', 'of a product', ({ productId }) => ({ subjectId: productId })),
  ],
  validateLicenseKey: [
    [
      'a key',
      ({ licenseKey }) => ({
        query: `{ validateLicenseKey(licenseKey: "${licenseKey}", deviceFingerprint: "laptop") {
          valid code license { id } activation { id } } }`,
      }),
    ],
  ],
  validateActivation: [
    [
      'a token',
      ({ activationToken }) => ({
        query: `{ validateActivation(activationToken: "${activationToken}") {
          valid code license { id } activation { id } } }`,
      }),
    ],
  ],
  blacklistDevice: [
    act('blacklistDevice', 'an activation', ({ activationId }) => ({ activationId, reason: 'x' })),
  ],
  forgetDevice: [act('forgetDevice', 'an activation', ({ activationId }) => ({ activationId }))],
  reportSuspiciousActivity: [
    act('reportSuspiciousActivity', 'a key', ({ licenseKey }) => ({ ...report, licenseKey })),
    act('reportSuspiciousActivity', 'a token', ({ activationToken }) => ({ ...report, activationToken })),
  ],
  unblacklistDevice: [act('unblacklistDevice', 'an entry', ({ blacklistedDeviceId: id }) => ({ id }))],
  generateEmergencyCode: [
    ...onLicense('generateEmergencyCode', { reason: 'x' }),
    act('generateEmergencyCode', 'a key', ({ licenseKey }) => ({ licenseKey, reason: 'x' })),
  ],
  checkLicenseIntegrity: [
    [
      'a key',
      ({ licenseKey }) => ({
        query: `{ checkLicenseIntegrity(licenseKey: "${licenseKey}") { integrityCheck tamperingDetected } }`,
      }),
    ],
  ],
  createCustomer: [act('createCustomer', 'a reseller', ({ resellerId }) => ({ name: 'Ada', resellerId }))],
  updateCustomer: [
    act('updateCustomer', 'a customer', ({ customerId }) => ({ customerId, name: 'Mallory' })),
    act('updateCustomer', 'a reseller', ({ resellerId }, { customerId }) => ({ customerId, resellerId })),
  ],
  updateReseller: [
    act('updateReseller', 'a reseller', ({ resellerId }) => ({ resellerId, name: 'Mallory' })),
  ],
  updateProduct: [act('updateProduct', 'a product', ({ productId }) => ({ productId, name: 'Mallory' }))],
  createTemplate: [act('createTemplate', 'a product', ({ productId }) => ({ ...newTemplate, productId }))],
  updateTemplate: [
    act('updateTemplate', 'a template', ({ templateId }) => ({ templateId, templateName: 'Mallory' })),
  ],
  duplicateTemplate: [
    act('duplicateTemplate', 'a template', ({ templateId }) => ({ templateId, newName: 'Mallory' })),
  ],
  createLicense: [
    act('createLicense', 'a product', ({ productId }, here) => ({ ...newLicense(here), productId })),
    act('createLicense', 'a customer', ({ customerId }, here) => ({ ...newLicense(here), customerId })),
    act('createLicense', 'a reseller', ({ resellerId }, here) => ({ ...newLicense(here), resellerId })),
  ],
  issueLicense: [
    act('issueLicense', 'a template', ({ templateId }, { customerId }) => ({ templateId, customerId })),
    act('issueLicense', 'a customer', ({ customerId }, { templateId }) => ({ templateId, customerId })),
  ],
  createOrder: [
    // A feature that the template has not: who sees the template is told so, and nothing is ordered.
    act('createOrder', 'a template', ({ templateId }, { customerId }) => ({
      templateId,
      customerId,
      customFeatures: [{ featureId: 'no-such', featureName: 'None', enabled: true }],
    })),
    act('createOrder', 'a customer', ({ customerId }, { templateId }) => ({ templateId, customerId })),
    act('createOrder', 'a reseller', ({ resellerId }, { templateId, customerId }) => ({
      templateId,
      customerId,
      resellerId,
    })),
    act('createOrder', 'a license to renew', ({ licenseId }, { templateId, customerId }) => ({
      templateId,
      customerId,
      renewLicenseIds: [licenseId],
    })),
  ],
  approveOrder: [act('approveOrder', 'an order', ({ orderId }) => ({ orderId }))],
  fulfillOrder: [act('fulfillOrder', 'an order', ({ orderId }) => ({ orderId }))],
  cancelOrder: [act('cancelOrder', 'an order', ({ orderId }) => ({ orderId, reason: 'x' }))],
  bulkIssue: [one('bulkIssue', ({ bulkIssueId }) => bulkIssueId)],
  retryBulkIssue: [act('retryBulkIssue', 'a list', ({ bulkIssueId }) => ({ bulkIssueId }))],
  bulkIssueLicenses: [
    bulkIssue('a template', ({ templateId }, { customerId }) => ({ templateId, rows: [{ customerId }] })),
    bulkIssue('a customer', ({ customerId }, { templateId }) => ({ templateId, rows: [{ customerId }] })),
  ],
  licensePool: [one('licensePool', ({ poolId }) => poolId)],
  licensePools: [
    list('licensePools', 'LicensePoolFilter', 'of a reseller', ({ resellerId }) => ({ resellerId })),
    list('licensePools', 'LicensePoolFilter', 'of a template', ({ templateId }) => ({ templateId })),
  ],
  createLicensePool: [
    act('createLicensePool', 'a reseller', ({ resellerId }, here) => ({ ...newPool(here), resellerId })),
    act('createLicensePool', 'a template', ({ templateId }, here) => ({ ...newPool(here), templateId })),
    act('createLicensePool', 'an order', ({ orderId }, here) => ({ ...newPool(here), orderId })),
  ],
  updateLicensePool: [act('updateLicensePool', 'a pool', ({ poolId }) => ({ poolId, size: 5 }))],
  allocateFromPool: [
    act('allocateFromPool', 'a pool', ({ poolId }, { customerId }) => ({ poolId, customerId })),
    act('allocateFromPool', 'a customer', ({ customerId }, { poolId }) => ({ poolId, customerId })),
  ],
  updateLicense: onLicense('updateLicense', { issuedTo: 'Mallory' }),
  renewLicense: onLicense('renewLicense', { durationMonths: 1 }),
  requestRenewal: onLicense('requestRenewal', { durationMonths: 1 }),
  cancelRenewal: [act('cancelRenewal', 'a renewal', ({ renewalId }) => ({ renewalId }))],
  setPaymentMethod: [
    act('setPaymentMethod', 'a customer', ({ customerId }) => ({
      customerId,
      stripeCustomer: `cus_${customerId.replaceAll('-', '')}`,
      stripePaymentMethod: 'pm_1',
      label: 'Visa 4242',
    })),
  ],
  removePaymentMethod: [act('removePaymentMethod', 'a customer', ({ customerId }) => ({ customerId }))],
  renewalQuote: [['a license', ({ licenseId }) => renewalQuote(licenseId)]],
  upgradeQuote: [
    ['a license', ({ licenseId }, { templateId }) => upgradeQuote(licenseId, templateId)],
    ['a template', ({ templateId }, { licenseId }) => upgradeQuote(licenseId, templateId)],
  ],
  upgradeLicense: [
    act('upgradeLicense', 'a license', ({ licenseId }, { templateId }) => ({ licenseId, templateId })),
    act('upgradeLicense', 'a template', ({ templateId }, { licenseId }) => ({ licenseId, templateId })),
  ],
  suspendLicense: onLicense('suspendLicense', { reason: 'x' }),
  reinstateLicense: onLicense('reinstateLicense'),
  revokeLicense: onLicense('revokeLicense', { reason: 'x' }),
  revealLicenseKey: onLicense('revealLicenseKey'),
  entitlements: ofLicensee((licensee) => ({
    query: 'query ($licensee: LicenseeInput) { entitlements(licensee: $licensee) { featureId } }',
    variables: { licensee },
  })),
  checkFeatures: ofLicensee((licensee) => ({
    query: `query ($licensee: LicenseeInput) {
      checkFeatures(licensee: $licensee, uses: [{ featureId: "x" }]) { granted verdicts { code } } }`,
    variables: { licensee },
  })),
  entitlementSet: ofLicensee((licensee) => ({
    query: 'query ($licensee: LicenseeInput) { entitlementSet(licensee: $licensee) { expiresAt } }',
    variables: { licensee },
  })),
  consumeFeatures: ofLicensee((licensee) => ({
    query: mutation('consumeFeatures', 'granted verdicts { code }'),
    variables: { input: { licensee, uses: [{ featureId: 'x' }] } },
  })),
  refundFeatures: ofLicensee((licensee) => ({
    query: mutation('refundFeatures', '__typename'),
    variables: { input: { licensee, grantId: '00000000-0000-7000-8000-000000000000' } },
  })),
  grantFeature: onLicense('grantFeature', { feature: { featureId: 'x', featureName: 'X' } }),
  revokeFeature: onLicense('revokeFeature', { featureId: 'x', reason: 'x' }),
  topUpQuota: onLicense('topUpQuota', { featureId: 'x', amount: 1, reason: 'x' }),
  resetQuota: onLicense('resetQuota', { featureId: 'x', reason: 'x' }),
  transferLicense: [
    ...onLicense('transferLicense', { newIssuedTo: 'Mallory', transferReason: 'x' }),
    act('transferLicense', 'a customer', ({ customerId }, { licenseId }) => ({
      licenseId,
      newCustomerId: customerId,
      newIssuedTo: 'Mallory',
      transferReason: 'x',
    })),
  ],
  apiKeys: [
    list('apiKeys', 'ApiKeyFilter', 'of a customer', ({ customerId }) => ({ customerId })),
    list('apiKeys', 'ApiKeyFilter', 'of a reseller', ({ resellerId }) => ({ resellerId })),
  ],
  webhookDeliveries: [
    list('webhookDeliveries', 'WebhookDeliveryFilter', 'of an endpoint', ({ webhookEndpointId }) => ({
      endpointId: webhookEndpointId,
    })),
  ],
  inboundWebhook: [one('inboundWebhook', ({ inboundWebhookId }) => inboundWebhookId)],
  inboundWebhooks: [
    list('inboundWebhooks', 'InboundWebhookFilter', 'of an endpoint', ({ paymentEndpointId }) => ({
      endpointId: paymentEndpointId,
    })),
  ],
  updatePaymentEndpoint: [
    act('updatePaymentEndpoint', 'an endpoint', ({ paymentEndpointId: endpointId }) => ({
      endpointId,
      description: 'x',
    })),
  ],
  retryInboundWebhook: [
    act('retryInboundWebhook', 'a webhook', ({ inboundWebhookId: webhookId }) => ({ webhookId })),
  ],
  closeInboundWebhook: [
    act('closeInboundWebhook', 'a webhook', ({ inboundWebhookId: webhookId }) => ({ webhookId, note: 'x' })),
  ],
  updateWebhookEndpoint: [
    act('updateWebhookEndpoint', 'an endpoint', ({ webhookEndpointId: endpointId }) => ({
      endpointId,
      description: 'Mallory',
    })),
  ],
  deleteWebhookEndpoint: [
    act('deleteWebhookEndpoint', 'an endpoint', ({ webhookEndpointId: endpointId }) => ({ endpointId })),
  ],
  sendTestWebhook: [
    act('sendTestWebhook', 'an endpoint', ({ webhookEndpointId: endpointId }) => ({ endpointId })),
  ],
  replayWebhookDelivery: [
    act('replayWebhookDelivery', 'a delivery', ({ webhookDeliveryId: deliveryId }) => ({ deliveryId })),
    act('replayWebhookDelivery', 'an endpoint', ({ webhookEndpointId: endpointId }) => ({
      endpointId,
      since: '2026-01-01T00:00:00Z',
    })),
  ],
  resendNotification: [act('resendNotification', 'a mail', ({ notificationId }) => ({ notificationId }))],
  createApiKey: [
    act('createApiKey', 'a customer', ({ customerId }) => ({ ...newKey, customerId })),
    act('createApiKey', 'a reseller', ({ resellerId }) => ({ ...newKey, resellerId })),
  ],
  revokeApiKey: [act('revokeApiKey', 'a key', ({ apiKeyId }) => ({ apiKeyId }))],
  activateLicense: [
    act('activateLicense', 'a key', ({ licenseKey }) => ({ licenseKey, deviceFingerprint: 'laptop' })),
  ],
  createOfflineRequest: [
    act('createOfflineRequest', 'a key', ({ licenseKey }) => ({ licenseKey, deviceFingerprint: 'bench' })),
  ],
  signOfflineActivation: [act('signOfflineActivation', 'a request', ({ requestCode }) => ({ requestCode }))],
  activateOffline: [
    act('activateOffline', 'a request', ({ requestCode }) => ({ requestCode, responseCode: 'none' })),
  ],
  checkoutLicenseFile: [
    act('checkoutLicenseFile', 'a license', ({ licenseId }) => ({ licenseId, deviceFingerprint: 'laptop' })),
    act('checkoutLicenseFile', 'a key', ({ licenseKey }) => ({ licenseKey, deviceFingerprint: 'laptop' })),
    act('checkoutLicenseFile', 'a token', ({ activationToken }) => ({
      activationToken,
      deviceFingerprint: 'laptop',
    })),
    act('checkoutLicenseFile', 'a request', ({ requestCode }) => ({ requestCode })),
  ],
  sendHeartbeat: [act('sendHeartbeat', 'a token', ({ activationToken }) => ({ activationToken }))],
  deactivateActivation: [
    act('deactivateActivation', 'an activation', ({ activationId }) => ({ activationId })),
    act('deactivateActivation', 'a token', ({ activationToken }) => ({ activationToken })),
  ],
  borrowLease: [act('borrowLease', 'a token', ({ activationToken }) => ({ activationToken, hours: 1 }))],
  releaseLease: [
    act('releaseLease', 'an activation', ({ activationId }) => ({ activationId })),
    act('releaseLease', 'a token', ({ activationToken }) => ({ activationToken })),
  ],
};
