import type { World } from './world.js';

/** Fields below the root that ask for a permission: how they are reached, what that takes, and what they ask for. */
export const nested: Readonly<Record<string, readonly [query: string, root: string, permission: string]>> = {
  'Viewer.tenant': ['{ viewer { tenant { id } } }', 'viewer.read', 'viewer.read'],
  'Event.personal': [
    '{ events(first: 1, filter: { licenseId: $licenseId }) { nodes { personal } } }',
    'event.read',
    'event.read_personal',
  ],
  'UseVerdict.hints': [
    '{ checkFeatures(uses: [{ featureId: "x" }]) { verdicts { hints { upgrades { templateId } } } } }',
    'feature.consume',
    'feature.consume',
  ],
  'FieldVerdict.hints': [
    '{ checkOperation(document: "{ apiAccess { path } }") { verdicts { hints { upgrades { templateId } } } } }',
    'entitlement.read',
    'entitlement.read',
  ],
  'ApiKey.customer': ['{ apiKeys(first: 1) { nodes { customer { id } } } }', 'api_key.read', 'customer.read'],
  'ApiKey.reseller': ['{ apiKeys(first: 1) { nodes { reseller { id } } } }', 'api_key.read', 'reseller.read'],
  'ApiKey.events': [
    '{ apiKeys(first: 1) { nodes { events { totalCount } } } }',
    'api_key.read',
    'event.read',
  ],
  'BlacklistedDevice.events': [
    '{ blacklistedDevices(first: 1) { nodes { events { totalCount } } } }',
    'device.read',
    'event.read',
  ],
  'UnclaimedWebhook.body': [
    '{ unclaimedWebhooks(first: 1) { nodes { body } } }',
    'unclaimed_webhook.list',
    'unclaimed_webhook.settle',
  ],
  'WebhookEndpoint.deliveries': [
    '{ webhookEndpoints(first: 1) { nodes { deliveries { totalCount } } } }',
    'webhook.read',
    'webhook.read',
  ],
  'WebhookDelivery.endpoint': [
    '{ webhookDeliveries(first: 1) { nodes { endpoint { id } } } }',
    'webhook.read',
    'webhook.read',
  ],
  'InboundWebhook.body': [
    '{ inboundWebhooks(first: 1) { nodes { body } } }',
    'inbound_webhook.read',
    'inbound_webhook.read_body',
  ],
  'InboundWebhook.endpoint': [
    '{ inboundWebhooks(first: 1) { nodes { endpoint { id } } } }',
    'inbound_webhook.read',
    'payment_endpoint.read',
  ],
  'SecurityIncident.license': [
    '{ securityIncidents(first: 1) { nodes { license { id } } } }',
    'incident.read',
    'license.read',
  ],
  'Notification.license': [
    '{ notifications(first: 1) { nodes { license { id } } } }',
    'notification.read',
    'license.read',
  ],
  'Notification.customer': [
    '{ notifications(first: 1) { nodes { customer { id } } } }',
    'notification.read',
    'customer.read',
  ],
  'Notification.text': [
    '{ notifications(first: 1) { nodes { text } } }',
    'notification.read',
    'notification.read',
  ],
  'Notification.html': [
    '{ notifications(first: 1) { nodes { html } } }',
    'notification.read',
    'notification.read',
  ],
  'Customer.reseller': [
    '{ customer(id: $customerId) { reseller { id } } }',
    'customer.read',
    'reseller.read',
  ],
  'Customer.events': [
    '{ customer(id: $customerId) { events { totalCount } } }',
    'customer.read',
    'event.read',
  ],
  'Customer.licenses': [
    '{ customer(id: $customerId) { licenses { totalCount } } }',
    'customer.read',
    'license.read',
  ],
  'Customer.orders': [
    '{ customer(id: $customerId) { orders { totalCount } } }',
    'customer.read',
    'order.read',
  ],
  'Customer.invoices': [
    '{ customer(id: $customerId) { invoices { totalCount } } }',
    'customer.read',
    'invoice.read',
  ],
  'Reseller.invoices': [
    '{ reseller(id: $resellerId) { invoices { totalCount } } }',
    'reseller.read',
    'invoice.read',
  ],
  'License.invoices': [
    '{ license(id: $licenseId) { invoices { totalCount } } }',
    'license.read',
    'invoice.read',
  ],
  'Invoice.customer': ['{ invoice(id: $invoiceId) { customer { id } } }', 'invoice.read', 'customer.read'],
  'Invoice.reseller': ['{ invoice(id: $invoiceId) { reseller { id } } }', 'invoice.read', 'reseller.read'],
  'Invoice.license': ['{ invoice(id: $invoiceId) { license { id } } }', 'invoice.read', 'license.read'],
  'Invoice.payments': [
    '{ invoice(id: $invoiceId) { payments { totalCount } } }',
    'invoice.read',
    'invoice.read',
  ],
  'Invoice.events': ['{ invoice(id: $invoiceId) { events { totalCount } } }', 'invoice.read', 'event.read'],
  'Payment.invoice': [
    '{ invoice(id: $invoiceId) { payments { nodes { invoice { id } } } } }',
    'invoice.read',
    'invoice.read',
  ],
  'Customer.paymentMethod': [
    '{ customer(id: $customerId) { paymentMethod { id } } }',
    'customer.read',
    'payment_method.read',
  ],
  'Reseller.events': [
    '{ reseller(id: $resellerId) { events { totalCount } } }',
    'reseller.read',
    'event.read',
  ],
  'Product.events': ['{ product(id: $productId) { events { totalCount } } }', 'product.read', 'event.read'],
  'Reseller.customers': [
    '{ reseller(id: $resellerId) { customers { totalCount } } }',
    'reseller.read',
    'customer.read',
  ],
  'Reseller.orders': [
    '{ reseller(id: $resellerId) { orders { totalCount } } }',
    'reseller.read',
    'order.read',
  ],
  'Reseller.licenses': [
    '{ reseller(id: $resellerId) { licenses { totalCount } } }',
    'reseller.read',
    'license.read',
  ],
  'Product.licenses': [
    '{ product(id: $productId) { licenses { totalCount } } }',
    'product.read',
    'license.read',
  ],
  'Product.releases': [
    '{ product(id: $productId) { releases { version } } }',
    'product.read',
    'product.read',
  ],
  'Product.templates': [
    '{ product(id: $productId) { templates { totalCount } } }',
    'product.read',
    'template.read',
  ],
  'LicenseTemplate.product': [
    '{ template(id: $templateId) { product { id } } }',
    'template.read',
    'product.read',
  ],
  'LicenseTemplate.events': [
    '{ template(id: $templateId) { events { totalCount } } }',
    'template.read',
    'event.read',
  ],
  'LicenseTemplate.licenses': [
    '{ template(id: $templateId) { licenses { totalCount } } }',
    'template.read',
    'license.read',
  ],
  'License.archivedActivations': [
    '{ license(id: $licenseId) { archivedActivations { totalCount } } }',
    'license.read',
    'activation.read',
  ],
  'License.activations': [
    '{ license(id: $licenseId) { activations { totalCount } } }',
    'license.read',
    'activation.read',
  ],
  'License.metadata': ['{ license(id: $licenseId) { metadata } }', 'license.read', 'license.read_metadata'],
  'License.certificate': [
    '{ license(id: $licenseId) { certificate } }',
    'license.read',
    'license.read_certificate',
  ],
  'LicenseIntegrity.altered': [
    '{ checkLicenseIntegrity(licenseKey: $licenseKey) { altered } }',
    'anyone',
    'license.read_integrity',
  ],
  'LicenseIntegrity.outdated': [
    '{ checkLicenseIntegrity(licenseKey: $licenseKey) { outdated } }',
    'anyone',
    'license.read_integrity',
  ],
  'License.currentActivations': [
    '{ license(id: $licenseId) { currentActivations } }',
    'license.read',
    'license.read',
  ],
  'License.analytics': [
    '{ license(id: $licenseId) { analytics { totalActivations } } }',
    'license.read',
    'license.analyze',
  ],
  'License.advancedAnalytics': [
    '{ license(id: $licenseId) { advancedAnalytics { operatingSystems { name } } } }',
    'license.read',
    'license.analyze',
  ],
  'License.events': ['{ license(id: $licenseId) { events { totalCount } } }', 'license.read', 'event.read'],
  'License.product': ['{ license(id: $licenseId) { product { id } } }', 'license.read', 'product.read'],
  'License.templateAsIssued': [
    '{ license(id: $licenseId) { templateAsIssued { id } } }',
    'license.read',
    'template.read',
  ],
  'License.upgrades': [
    '{ license(id: $licenseId) { upgrades { totalCount } } }',
    'license.read',
    'license.read',
  ],
  'LicenseUpgrade.invoice': [
    '{ license(id: $licenseId) { upgrades(first: 1) { edges { node { invoice { id } } } } } }',
    'license.read',
    'invoice.read',
  ],
  'License.template': ['{ license(id: $licenseId) { template { id } } }', 'license.read', 'template.read'],
  'License.reseller': ['{ license(id: $licenseId) { reseller { id } } }', 'license.read', 'reseller.read'],
  'License.customer': ['{ license(id: $licenseId) { customer { id } } }', 'license.read', 'customer.read'],
  'License.renewal': ['{ license(id: $licenseId) { renewal { id } } }', 'license.read', 'renewal.read'],
  'Renewal.invoice': [
    'mutation { cancelRenewal(input: { renewalId: $renewalId }) { renewal { invoice { id } } } }',
    'renewal.cancel',
    'invoice.read',
  ],
  'License.order': ['{ license(id: $licenseId) { order { id } } }', 'license.read', 'order.read'],
  'Activation.license': [
    '{ activation(id: $activationId) { license { id } } }',
    'activation.read',
    'license.read',
  ],
  'Activation.events': [
    '{ activation(id: $activationId) { events { totalCount } } }',
    'activation.read',
    'event.read',
  ],
  'Activation.user': [
    '{ activation(id: $activationId) { user } }',
    'activation.read',
    'activation.read_user',
  ],
  'Activation.machineName': [
    '{ activation(id: $activationId) { machineName } }',
    'activation.read',
    'activation.read_user',
  ],
  'Activation.ipAddress': [
    '{ activation(id: $activationId) { ipAddress } }',
    'activation.read',
    'activation.read_personal',
  ],
  'Activation.location': [
    '{ activation(id: $activationId) { location { country } } }',
    'activation.read',
    'activation.read_personal',
  ],
  'LicenseValidation.license': [
    '{ validateLicenseKey(licenseKey: $licenseKey) { license { id } } }',
    'viewer.read',
    'license.read',
  ],
  'LicenseValidation.activation': [
    '{ validateLicenseKey(licenseKey: $licenseKey, deviceFingerprint: "laptop") { activation { id } } }',
    'viewer.read',
    'activation.read_shown',
  ],
  'LicenseOrder.invoice': ['{ order(id: $orderId) { invoice { id } } }', 'order.read', 'invoice.read'],
  'Invoice.order': ['{ invoice(id: $invoiceId) { order { id } } }', 'invoice.read', 'order.read'],
  'LicenseOrder.renewedLicenses': [
    '{ order(id: $orderId) { renewedLicenses { id } } }',
    'order.read',
    'license.read',
  ],
  'LicenseOrder.maintenanceAmount': [
    '{ order(id: $orderId) { maintenanceAmount } }',
    'order.read',
    'order.read',
  ],
  'LicenseOrder.orderedBy': ['{ order(id: $orderId) { orderedBy } }', 'order.read', 'order.read_approval'],
  'LicenseOrder.approvedBy': ['{ order(id: $orderId) { approvedBy } }', 'order.read', 'order.read_approval'],
  'LicenseOrder.approvalNotes': [
    '{ order(id: $orderId) { approvalNotes } }',
    'order.read',
    'order.read_approval',
  ],
  'LicenseOrder.cancelledBy': [
    '{ order(id: $orderId) { cancelledBy } }',
    'order.read',
    'order.read_approval',
  ],
  'LicenseOrder.fulfillmentError': [
    '{ order(id: $orderId) { fulfillmentError } }',
    'order.read',
    'order.read_approval',
  ],
  'License.pool': ['{ license(id: $licenseId) { pool { id } } }', 'license.read', 'pool.read'],
  'Reseller.licensePools': [
    '{ reseller(id: $resellerId) { licensePools { totalCount } } }',
    'reseller.read',
    'pool.read',
  ],
  'LicensePool.allocations': [
    '{ licensePool(id: $poolId) { allocations { totalCount } } }',
    'pool.read',
    'pool.read',
  ],
  'LicensePool.events': ['{ licensePool(id: $poolId) { events { totalCount } } }', 'pool.read', 'event.read'],
  'LicensePool.order': ['{ licensePool(id: $poolId) { order { id } } }', 'pool.read', 'order.read'],
  'LicensePool.reseller': ['{ licensePool(id: $poolId) { reseller { id } } }', 'pool.read', 'reseller.read'],
  'LicensePool.template': ['{ licensePool(id: $poolId) { template { id } } }', 'pool.read', 'template.read'],
  'PoolAllocation.license': [
    '{ licensePool(id: $poolId) { allocations { nodes { license { id } } } } }',
    'pool.read',
    'license.read',
  ],
  'BulkIssue.results': [
    '{ bulkIssue(id: $bulkIssueId) { results { totalCount } } }',
    'license.issue',
    'license.issue',
  ],
  'BulkIssue.events': [
    '{ bulkIssue(id: $bulkIssueId) { events { totalCount } } }',
    'license.issue',
    'event.read',
  ],
  'BulkIssueResult.license': [
    '{ bulkIssue(id: $bulkIssueId) { results { nodes { license { id } } } } }',
    'license.issue',
    'license.read',
  ],
  'IssuedResult.license': [
    'mutation { bulkIssueLicenses(input: { dryRun: true, templateId: $templateId, rows: [{ customerId: $customerId }] }) { results { license { id } } } }',
    'license.issue',
    'license.read',
  ],
  'LicenseOrder.events': ['{ order(id: $orderId) { events { totalCount } } }', 'order.read', 'event.read'],
  'LicenseOrder.licenses': [
    '{ order(id: $orderId) { licenses { totalCount } } }',
    'order.read',
    'license.read',
  ],
  'LicenseOrder.template': ['{ order(id: $orderId) { template { id } } }', 'order.read', 'template.read'],
  'LicenseOrder.reseller': ['{ order(id: $orderId) { reseller { id } } }', 'order.read', 'reseller.read'],
  'LicenseOrder.customer': ['{ order(id: $orderId) { customer { id } } }', 'order.read', 'customer.read'],
};

/** The query with a world's names in the place of its variables. */
export function named(query: string, world: World): string {
  return query.replace(/\$(\w+)/g, (_, name: keyof World) => JSON.stringify(world[name]));
}
