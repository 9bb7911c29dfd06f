/** What a client asks of the graph. Each root field is called `answer`. */
const QUESTION = `$deviceFingerprint: String, $user: String, $tenantId: ID, $productId: ID, $version: String, $features: [String!],
  $macAddress: String, $hardwareId: String, $domain: String, $location: ActivationLocationInput, $nonce: String`;
const ASKED = `deviceFingerprint: $deviceFingerprint, user: $user, tenantId: $tenantId, productId: $productId, version: $version,
  features: $features, macAddress: $macAddress, hardwareId: $hardwareId, domain: $domain, location: $location, nonce: $nonce`;
const VERDICT = '{ valid code reasons { code message remedy } signedAnswer }';

export const VALIDATE_KEY = `query ($licenseKey: String!, ${QUESTION}) {
  answer: validateLicenseKey(licenseKey: $licenseKey, ${ASKED}) ${VERDICT} }`;
export const VALIDATE_TOKEN = `query ($activationToken: String!, ${QUESTION}) {
  answer: validateActivation(activationToken: $activationToken, ${ASKED}) ${VERDICT} }`;
export const ACTIVATE = `mutation ($input: ActivateLicenseInput!) {
  answer: activateLicense(input: $input) { activationToken activation { id } } }`;
export const DEACTIVATE = `mutation ($input: DeactivateActivationInput!) {
  answer: deactivateActivation(input: $input) { activation { id } } }`;
export const HEARTBEAT = `mutation ($input: SendHeartbeatInput!) {
  answer: sendHeartbeat(input: $input) { leaseExpiresAt } }`;
export const LEASE_HEARTBEAT = `mutation ($input: SendHeartbeatInput!) {
  answer: sendHeartbeat(input: $input) { leaseExpiresAt activation { lastHeartbeat } } }`;
export const BORROW = `mutation ($input: BorrowLeaseInput!) {
  answer: borrowLease(input: $input) { activation { borrowedUntil } } }`;
export const RELEASE = `mutation ($input: ReleaseLeaseInput!) {
  answer: releaseLease(input: $input) { activation { id } } }`;
export const CONSUME = `mutation ($input: ConsumeFeaturesInput!) {
  answer: consumeFeatures(input: $input) { grantId
    verdicts { featureId granted code message refusedFeatureId lines limit used windowEndsAt } } }`;
export const REFUND = `mutation ($input: RefundFeaturesInput!) {
  answer: refundFeatures(input: $input) { refunds { featureId units } } }`;
export const CHECKOUT = `mutation ($input: CheckoutLicenseFileInput!) {
  answer: checkoutLicenseFile(input: $input) { licenseFile expiresAt } }`;
export const REGISTER = `mutation ($input: ActivateOfflineInput!) {
  answer: activateOffline(input: $input) { activationToken activation { id } } }`;
