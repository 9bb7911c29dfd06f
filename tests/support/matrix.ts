/**
 * Every root field, once for each thing that it names, every stream and every edge below, for everybody who may ask.
 * `+` is answered with what is there, or would be done; `0` as what does not exist; `=` with the caller's own things,
 * because nothing is named; `F` is FORBIDDEN and `U` UNAUTHENTICATED, for the field or on the way to it. Who asks, from
 * the left: nobody, another tenant's administrator, another customer, another reseller; then in the role of an admin,
 * manager, auditor, support, the reseller, the customer, an operator, and the application that shows the license.
 */
export const matrix = `
                                         n t c r A M U S R C O P
Activation.events                        U 0 0 0 + + + + F F F F
Activation.ipAddress                     U 0 0 0 + + + + F F F F
Activation.license                       U 0 0 0 + + + + + + F F
Activation.location                      U 0 0 0 + + + + F F F F
Activation.machineName                   U 0 0 0 + + + + F + F F
Activation.user                          U 0 0 0 + + + + F + F F
ApiKey.customer                          U = F F = = = = F F F F
ApiKey.events                            U = F F = = = = F F F F
ApiKey.reseller                          U = F F = = = = F F F F
BlacklistedDevice.events                 U = F F = = = = F F F F
BulkIssue.events                         U 0 F 0 + + F F F F F F
BulkIssue.results                        U 0 F 0 + + F F + F F F
BulkIssueResult.license                  U 0 F 0 + + F F + F F F
Customer.events                          U 0 0 0 + + + + F F F F
Customer.invoices                        U 0 0 0 + + + + + + F F
Customer.licenses                        U 0 0 0 + + + + + + F F
Customer.orders                          U 0 0 0 + + + + + + F F
Customer.paymentMethod                   U 0 0 0 + + + + F + F F
Customer.reseller                        U 0 0 0 + + + + + F F F
Event.personal                           U 0 F F + + + F F F F F
FieldVerdict.hints                       U = = = = = = = = = F F
InboundWebhook.body                      U = F F = = F F F F F F
InboundWebhook.endpoint                  U = F F = = = = F F F F
Invoice.customer                         U 0 0 0 + + + + + + F F
Invoice.events                           U 0 0 0 + + + + F F F F
Invoice.license                          U 0 0 0 + + + + + + F F
Invoice.order                            U 0 0 0 + + + + + + F F
Invoice.payments                         U 0 0 0 + + + + + + F F
Invoice.reseller                         U 0 0 0 + + + + + F F F
IssuedResult.license                     U 0 F 0 + + F F + F F F
License.activations                      U 0 0 0 + + + + + + F F
License.advancedAnalytics                U 0 0 0 + + + + + + F F
License.analytics                        U 0 0 0 + + + + + + F F
License.archivedActivations              U 0 0 0 + + + + + + F F
License.certificate                      U 0 0 0 + + + + + + F +
License.currentActivations               U 0 0 0 + + + + + + F +
License.customer                         U 0 0 0 + + + + + + F F
License.events                           U 0 0 0 + + + + F F F F
License.invoices                         U 0 0 0 + + + + + + F F
License.metadata                         U 0 0 0 + + + + + + F F
License.order                            U 0 0 0 + + + + + + F F
License.pool                             U 0 0 0 + + + + + F F F
License.product                          U 0 0 0 + + + + + + F F
License.renewal                          U 0 0 0 + + + + + + F F
License.reseller                         U 0 0 0 + + + + + F F F
License.template                         U 0 0 0 + + + + + + F F
License.templateAsIssued                 U 0 0 0 + + + + + + F F
License.upgrades                         U 0 0 0 + + + + + + F +
LicenseIntegrity.altered                 F 0 0 0 + + + + F F F F
LicenseIntegrity.outdated                F 0 0 0 + + + + F F F F
LicenseOrder.approvalNotes               U 0 0 0 + + + + 0 F F F
LicenseOrder.approvedBy                  U 0 0 0 + + + + 0 F F F
LicenseOrder.cancelledBy                 U 0 0 0 + + + + 0 F F F
LicenseOrder.customer                    U 0 0 0 + + + + 0 + F F
LicenseOrder.events                      U 0 0 0 + + + + 0 F F F
LicenseOrder.fulfillmentError            U 0 0 0 + + + + 0 F F F
LicenseOrder.invoice                     U 0 0 0 + + + + 0 + F F
LicenseOrder.licenses                    U 0 0 0 + + + + 0 + F F
LicenseOrder.maintenanceAmount           U 0 0 0 + + + + 0 + F F
LicenseOrder.orderedBy                   U 0 0 0 + + + + 0 F F F
LicenseOrder.renewedLicenses             U 0 0 0 + + + + 0 + F F
LicenseOrder.reseller                    U 0 0 0 + + + + 0 F F F
LicenseOrder.template                    U 0 0 0 + + + + 0 + F F
LicensePool.allocations                  U 0 F 0 + + + + + F F F
LicensePool.events                       U 0 F 0 + + + + F F F F
LicensePool.order                        U 0 F 0 + + + + + F F F
LicensePool.reseller                     U 0 F 0 + + + + + F F F
LicensePool.template                     U 0 F 0 + + + + + F F F
LicenseTemplate.events                   U 0 F F + + + + F F F F
LicenseTemplate.licenses                 U 0 + + + + + + + + F F
LicenseTemplate.product                  U 0 + + + + + + + + F F
LicenseUpgrade.invoice                   U 0 0 0 + + + + + + F F
LicenseValidation.activation             + 0 0 0 + + + + + + F +
LicenseValidation.license                + 0 0 0 + + + + + + F +
Notification.customer                    U = F F = = = = F F F F
Notification.html                        U = F F = = = = F F F F
Notification.license                     U = F F = = = = F F F F
Notification.text                        U = F F = = = = F F F F
Payment.invoice                          U 0 0 0 + + + + + + F F
PoolAllocation.license                   U 0 F 0 + + + + + F F F
Product.events                           U 0 F F + + + + F F F F
Product.licenses                         U 0 + + + + + + + + F F
Product.releases                         U 0 + + + + + + + + F F
Product.templates                        U 0 + + + + + + + + F F
Renewal.invoice                          U 0 0 0 + + F F + + F F
Reseller.customers                       U 0 F 0 + + + + + F F F
Reseller.events                          U 0 F 0 + + + + F F F F
Reseller.invoices                        U 0 F 0 + + + + + F F F
Reseller.licensePools                    U 0 F 0 + + + + + F F F
Reseller.licenses                        U 0 F 0 + + + + + F F F
Reseller.orders                          U 0 F 0 + + + + + F F F
SecurityIncident.license                 U = F F = = = = F F F F
UnclaimedWebhook.body                    U F F F F F F F F F = F
UseVerdict.hints                         U = = F = = F F F = F =
Viewer.tenant                            U = = = = = = = = = = F
WebhookDelivery.endpoint                 U = F F = = = = F F F F
WebhookEndpoint.deliveries               U = F F = = = = F F F F
activateLicense, a key                   + 0 0 0 + + + + + + + +
activateOffline, a request               + 0 0 0 + + + + + + + +
activation, by id                        U 0 0 0 + + + + + + F F
activationChanged                        U = = = = = = = = = F F
activations, of a device                 U 0 0 0 + + + + + + F F
activations, of a license                U 0 0 0 + + + + + + F F
allocateFromPool, a customer             U 0 F 0 + + F F + F F F
allocateFromPool, a pool                 U 0 F 0 + + F F + F F F
apiAccess                                U = = = = = = = = = F F
apiKeys, of a customer                   U 0 F F + + + + F F F F
apiKeys, of a reseller                   U 0 F F + + + + F F F F
approveOrder, an order                   U 0 F F + + F F F F F F
assignUnclaimedWebhook                   U F F F F F F F F F = F
auditCheckpoints                         U = F F = = = F F F F F
blacklistDevice, an activation           U 0 F F + + F + F F F F
blacklistedDevices                       U = F F = = = = F F F F
borrowLease, a token                     + 0 0 0 + + + + + + + +
bulkIssue, by id                         U 0 F 0 + + F F + F F F
bulkIssueLicenses, a customer            U 0 F 0 + + F F + F F F
bulkIssueLicenses, a template            U 0 F 0 + + F F + F F F
bulkIssues                               U = F = = = F F = F F F
cancelOrder, an order                    U 0 0 0 + + F F + + F F
cancelRenewal, a renewal                 U 0 0 0 + + F F + + F F
checkFeatures, a customer                U 0 0 F + + F F F + F 0
checkFeatures, a key                     U 0 0 F + + F F F + F +
checkFeatures, a license                 U 0 0 F + + F F F + F +
checkFeatures, a token                   U 0 0 F + + F F F + F +
checkLicenseIntegrity, a key             + 0 0 0 + + + + + + + +
checkOperation                           U = = = = = = = = = F F
checkoutLicenseFile, a key               + 0 0 0 + + + + + + + +
checkoutLicenseFile, a license           U 0 0 F + + F + F + F F
checkoutLicenseFile, a request           + 0 0 0 + + + + + + + +
checkoutLicenseFile, a token             + 0 0 0 + + + + + + + +
closeInboundWebhook, a webhook           U 0 F F + + F F F F F F
closeUnclaimedWebhook                    U F F F F F F F F F = F
consumeFeatures, a customer              U 0 0 F + + F F F + F +
consumeFeatures, a key                   U 0 0 F + + F F F + F +
consumeFeatures, a license               U 0 0 F + + F F F + F +
consumeFeatures, a token                 U 0 0 F + + F F F + F +
createApiKey, a customer                 U 0 F F + + F F F F F F
createApiKey, a reseller                 U 0 F F + + F F F F F F
createAuditCheckpoint                    U = F F = = = F F F F F
createCustomer, a reseller               U 0 F F + + F F F F F F
createLicense, a customer                U 0 F F + + F F F F F F
createLicense, a product                 U 0 F F + + F F F F F F
createLicense, a reseller                U 0 F F + + F F F F F F
createLicensePool, a reseller            U 0 F F + + F F F F F F
createLicensePool, a template            U 0 F F + + F F F F F F
createLicensePool, an order              U 0 F F + + F F F F F F
createOfflineRequest, a key              + 0 0 0 + + + + + + + +
createOrder, a customer                  U 0 0 0 + + F F + + F F
createOrder, a license to renew          U 0 0 0 + + F F + + F F
createOrder, a reseller                  U 0 0 0 + + F F + + F F
createOrder, a template                  U 0 + + + + F F + + F F
createPaymentEndpoint                    U = F F = = F F F F F F
createProduct                            U = F F = = F F F F F F
createReseller                           U = F F = = F F F F F F
createTemplate, a product                U 0 F F + + F F F F F F
createWebhookEndpoint                    U = F F = = F F F F F F
customer, by id                          U 0 0 0 + + + + + + F F
customers                                U = = = = = = = = = F F
deactivateActivation, a token            + 0 0 0 + + + + + + + +
deactivateActivation, an activation      U 0 0 F + + F + F + F F
deleteWebhookEndpoint, an endpoint       U 0 F F + + F F F F F F
duplicateTemplate, a template            U 0 F F + + F F F F F F
entitlementSet, a customer               U 0 0 F + + F F F + F 0
entitlementSet, a key                    U 0 0 F + + F F F + F +
entitlementSet, a license                U 0 0 F + + F F F + F +
entitlementSet, a token                  U 0 0 F + + F F F + F +
entitlements, a customer                 U 0 0 0 + + + + + + F 0
entitlements, a key                      + 0 0 0 + + + + + + F +
entitlements, a license                  U 0 0 0 + + + + + + F +
entitlements, a token                    + 0 0 0 + + + + + + F +
eventCursor                              U = F F = = = = F F F F
events                                   U = F F = = = = F F F F
events, of a customer                    U 0 F F + + + + F F F F
events, of a license                     U 0 F F + + + + F F F F
events, of a license as what changed     U 0 F F + + + + F F F F
events, of a product                     U 0 F F + + + + F F F F
exportAuditTrail                         U = F F = = = F F F F F
exportLicenses                           U = F F = = = F F F F F
featureFlags                             U = = = = = = = = = F F
forgetDevice, an activation              U 0 F F + + F F F F F F
fulfillOrder, an order                   U 0 F F + + F F F F F F
generateEmergencyCode, a key             U 0 0 F + + F + F + F F
generateEmergencyCode, a license         U 0 0 F + + F + F + F F
grantFeature, a license                  U 0 F F + + F F F F F F
inboundWebhook, by id                    U 0 F F + + + + F F F F
inboundWebhooks, of an endpoint          U 0 F F + + + + F F F F
invoice, by id                           U 0 0 0 + + + + + + F F
invoices, of a customer                  U 0 0 0 + + + + + + F F
invoices, of a license                   U 0 0 0 + + + + + + F F
invoices, of a reseller                  U 0 0 0 + + + + + + F F
issueLicense, a customer                 U 0 F 0 + + F F + F F F
issueLicense, a template                 U 0 F + + + F F + F F F
jobs                                     U F F F F F F F F F = F
license, by id                           U 0 0 0 + + + + + + F +
licenseByKey, by key                     U 0 0 0 + + + + + + F +
licenseChanged                           U = = = = = = = = = F =
licenseExpiring                          U = = = = = = = = = F =
licensePool, by id                       U 0 F 0 + + + + + F F F
licensePools, of a reseller              U 0 F 0 + + + + + F F F
licensePools, of a template              U 0 F 0 + + + + + F F F
licenses, of a customer                  U 0 0 0 + + + + + + F +
licenses, of a product                   U 0 0 0 + + + + + + F +
licenses, of a reseller                  U 0 0 0 + + + + + + F +
licenses, of a template                  U 0 0 0 + + + + + + F +
notification, by id                      U 0 F F + + + + F F F F
notifications                            U = F F = = = = F F F F
order, by id                             U 0 0 0 + + + + 0 + F F
orderProgress                            U = = = = = = = = = F F
orders, of a customer                    U 0 0 0 + + + + 0 + F F
orders, of a template                    U 0 0 0 + + + + 0 + F F
paymentEndpoints                         U = F F = = = = F F F F
product, by id                           U 0 + + + + + + + + F F
products                                 U = = = = = = = = = F F
quotaThreshold                           U = = = = = = = = = F F
recordPayment, an invoice                U 0 F F + + F F F F F F
refundFeatures, a customer               U 0 0 F + + F F F + F +
refundFeatures, a key                    U 0 0 F + + F F F + F +
refundFeatures, a license                U 0 0 F + + F F F + F +
refundFeatures, a token                  U 0 0 F + + F F F + F +
refundPayment, a payment                 U 0 F F + + F F F F F F
reinstateLicense, a license              U 0 F F + + F + F F F F
releaseLease, a token                    + 0 0 0 + + + + + + + +
releaseLease, an activation              U 0 0 F + + F + F + F F
removePaymentMethod, a customer          U 0 0 F + + F F F + F F
renewLicense, a license                  U 0 F 0 + + F F + F F F
renewalQuote, a license                  U 0 0 0 + + + + + + F F
replayWebhookDelivery, a delivery        U 0 F F + + F F F F F F
replayWebhookDelivery, an endpoint       U 0 F F + + F F F F F F
reportSuspiciousActivity, a key          + 0 0 0 + + + + + + + +
reportSuspiciousActivity, a token        + 0 0 0 + + + + + + + +
requestRenewal, a license                U 0 0 0 + + F F + + F F
reseller, by id                          U 0 F 0 + + + + + F F F
resellers                                U = F = = = = = = F F F
resendNotification, a mail               U 0 F F + + F + F F F F
resetQuota, a license                    U 0 F F + + F F F F F F
retryBulkIssue, a list                   U 0 F 0 + + F F + F F F
retryInboundWebhook, a webhook           U 0 F F + + F F F F F F
revealLicenseKey, a license              U 0 F F + + F F F F F F
revokeApiKey, a key                      U 0 F F + + F F F F F F
revokeFeature, a license                 U 0 F F + + F F F F F F
revokeLicense, a license                 U 0 F F + + F F F F F F
runJob                                   U F F F F F F F F F = F
schemaFeatures                           U = = = = = = = = = F F
securityIncidents                        U = F F = = = = F F F F
sendHeartbeat, a token                   + 0 0 0 + + + + + + + +
sendTestWebhook, an endpoint             U 0 F F + + F F F F F F
setFeatureFlags                          U = F F = = F F F F F F
setPaymentMethod, a customer             U 0 0 F + + F F F + F F
signOfflineActivation, a request         U 0 0 F + + F + F + F F
suspendLicense, a license                U 0 F F + + F + F F F F
template, by id                          U 0 + + + + + + + + F F
templates, of a product                  U 0 + + + + + + + + F F
tenantSettings                           U = F F = = = = F F F F
tenants                                  U F F F F F F F F F = F
topUpQuota, a license                    U 0 F F + + F F F F F F
transferLicense, a customer              U 0 F F + + F F F F F F
transferLicense, a license               U 0 F F + + F F F F F F
unblacklistDevice, an entry              U 0 F F + + F F F F F F
unclaimedWebhooks                        U F F F F F F F F F = F
updateCustomer, a customer               U 0 F F + + F F F F F F
updateCustomer, a reseller               U 0 F F + + F F F F F F
updateLicense, a license                 U 0 F F + + F F F F F F
updateLicensePool, a pool                U 0 F F + + F F F F F F
updatePaymentEndpoint, an endpoint       U 0 F F + + F F F F F F
updateProduct, a product                 U 0 F F + + F F F F F F
updateReseller, a reseller               U 0 F F + + F F F F F F
updateTemplate, a template               U 0 F F + + F F F F F F
updateTenantSettings                     U = F F = = F F F F F F
updateWebhookEndpoint, an endpoint       U 0 F F + + F F F F F F
upgradeLicense, a license                U 0 0 0 + + F F + + F F
upgradeLicense, a template               U 0 0 0 + + F F + + F F
upgradeQuote, a license                  U 0 0 0 + + + + + + F F
upgradeQuote, a template                 U 0 0 0 + + + + + + F F
validateActivation, a token              + 0 0 0 + + + + + + F +
validateLicenseKey, a key                + 0 0 0 + + + + + + F +
verifyAuditTrail                         U = F F = = = F F F F F
viewer                                   U = = = = = = = = = = F
violationDetected                        U = F F = = = = F F F F
voidInvoice, an invoice                  U 0 F F + + F F F F F F
webhookDeliveries, of an endpoint        U 0 F F + + + + F F F F
webhookEndpoints                         U = F F = = = = F F F F`;
