import type { EventType } from './event.js';
import type { ActivationId, LicenseId } from './id.js';

/**
 * Every code that an answer of ours can carry, with what it means over HTTP, and the event that records a refusal
 * somebody has to be able to look up later: the use of what one has no right to. One closed list: docs/errors.md
 * is printed from it, and a test fails when a code is thrown that does not stand here.
 */
export const refusalCodes = {
  UNAUTHENTICATED: [401, 'The field needs to know who asks, and no token or API key came with the request.'],
  TOKEN_INVALID: [
    401,
    'What came as a bearer is no token that verifies: its form, its type, its algorithm, its key or its signature.',
  ],
  TOKEN_EXPIRED: [401, 'The token is over. Sign in again.'],
  TOKEN_NOT_YET_VALID: [
    401,
    'The token begins, or was issued, in the future: the clock of its issuer or of the server is wrong.',
  ],
  TOKEN_AUDIENCE_MISMATCH: [401, 'The token was made for another service.'],
  TOKEN_ISSUER_UNKNOWN: [401, 'The token names no issuer, or one that is not taken here.'],
  TOKEN_CLAIM_INVALID: [
    401,
    'The token verifies, and says something that does not fit; `extensions.claim` names it.',
  ],
  TENANT_NOT_FOUND: [401, 'The token verifies, and its tenant does not exist.'],
  ISSUER_UNAVAILABLE: [
    503,
    "The keys of the token's issuer cannot be had at the moment. The token may be good: try again.",
  ],
  APPLICATION_UNKNOWN: [
    401,
    'The license key or activation token in the Authorization header leads to no license.',
  ],
  FORBIDDEN: [403, 'The caller is known but lacks the permission that the field states.', 'access.refused'],
  API_KEY_INVALID: [401, 'The API key is not known here.'],
  API_KEY_REVOKED: [401, 'The API key was revoked, for good.', 'access.refused'],
  API_KEY_EXPIRED: [401, 'The API key is over.'],
  INVALID_INPUT: [
    422,
    'A value does not fit. `extensions.fields` names every wrong field and what it takes.',
  ],
  PRICE_TOO_LARGE: [422, 'The price comes to more than can be billed; `extensions.most` says how much can.'],
  INVALID_LICENSE_KEY_FORMAT: [400, 'The license key is not of the form XXXX-XXXX-XXXX-XXXX-XXXX.'],
  ONE_LICENSE_PER_OPERATION: [
    400,
    'An application showed keys of two licenses in one query. Send two queries.',
  ],
  PRODUCT_NOT_FOUND: [404, 'There is no such product in this tenant.'],
  CUSTOMER_NOT_FOUND: [404, 'There is no such customer in this tenant.'],
  RESELLER_NOT_FOUND: [404, 'There is no such reseller in this tenant.'],
  TEMPLATE_NOT_FOUND: [404, 'There is no such license template in this tenant.'],
  INVOICE_NOT_FOUND: [404, 'There is no such invoice for this caller.'],
  RENEWAL_NOT_FOUND: [404, 'There is no such renewal for this caller.'],
  PAYMENT_NOT_FOUND: [404, 'There is no such payment for this caller.'],
  LICENSE_NOT_FOUND: [404, 'There is no such license for this caller.'],
  ACTIVATION_NOT_FOUND: [404, 'There is no such activation for this caller.'],
  GRANT_NOT_FOUND: [404, 'There is no such grant of units that this caller took for this licensee.'],
  BLACKLISTED_DEVICE_NOT_FOUND: [404, 'There is no such device on the blacklist of this tenant.'],
  JOB_NOT_FOUND: [404, 'There is no job of this name.'],
  API_KEY_NOT_FOUND: [404, 'There is no such API key for this caller.'],
  WEBHOOK_ENDPOINT_NOT_FOUND: [404, 'There is no such webhook endpoint for this caller.'],
  WEBHOOK_DELIVERY_NOT_FOUND: [404, 'There is no such webhook delivery for this caller.'],
  NOTIFICATION_NOT_FOUND: [404, 'There is no such mail for this caller.'],
  NOTIFICATION_NOT_RESENDABLE: [
    409,
    'The mail cannot be sent again: it is under way, nothing of it is left, or it was sent again as often as one may; the message says which.',
  ],
  WEBHOOK_ENDPOINT_DISABLED: [409, 'The webhook endpoint is disabled and is sent nothing; enable it first.'],
  WEBHOOK_ENDPOINT_LIMIT_EXCEEDED: [
    409,
    'The tenant has as many webhook endpoints as one may; `extensions.limit` says how many.',
  ],
  PAYMENT_ENDPOINT_NOT_FOUND: [404, 'There is no such payment endpoint for this caller.'],
  PAYMENT_ENDPOINT_LIMIT_EXCEEDED: [
    409,
    'The tenant has as many payment endpoints as one may; `extensions.limit` says how many.',
  ],
  INBOUND_WEBHOOK_NOT_FOUND: [404, 'There is no such inbound webhook for this caller.'],
  INBOUND_WEBHOOK_ERASED: [409, 'What the webhook said is kept no longer; record the payment by hand.'],
  WEBHOOK_SIGNATURE_INVALID: [
    400,
    'The webhook is not signed by whom its address is for, or was changed on the way.',
    'access.refused',
  ],
  WEBHOOK_TIMESTAMP_INVALID: [
    400,
    'The webhook is signed, but was so too long ago or in the future: a copy of an old one, or a clock is wrong.',
    'access.refused',
  ],
  WEBHOOK_UNREADABLE: [400, 'The webhook is signed, but its body is no event as its sender describes them.'],
  CERTIFICATE_UNAVAILABLE: [
    503,
    'The certificate that the webhook is signed with cannot be had at the moment; send it again.',
  ],
  ALREADY_EXISTS: [409, 'The code or key is taken; `extensions.fields` names it.'],
  INVALID_TRANSITION: [
    409,
    'The status machine has no such step; `extensions.from` and `extensions.to` name it.',
  ],
  PRODUCT_INACTIVE: [409, 'The product is off sale and no licenses of it are made.'],
  TEMPLATE_IN_USE: [
    409,
    'Licenses, orders or pools go by the currency of the template. Duplicate it to sell in another one.',
  ],
  TEMPLATE_INACTIVE: [409, 'The template is switched off and issues no licenses.'],
  CUSTOMER_INACTIVE: [409, 'The customer is switched off.'],
  RESELLER_INACTIVE: [409, 'The reseller is switched off.'],
  LICENSE_POOL_NOT_FOUND: [404, 'There is no such license pool for this caller.'],
  LICENSE_POOL_EXHAUSTED: [
    409,
    'The license pool has fewer licenses left than are asked for; `extensions.available` says how many. None was allocated.',
  ],
  LICENSE_POOL_EXPIRED: [409, 'The license pool has ended, and nothing is allocated from it any more.'],
  BULK_ISSUE_NOT_FOUND: [404, 'There is no such list of licenses for this caller.'],
  ORDER_NOT_FOUND: [404, 'There is no such order for this caller.'],
  ORDER_NOT_PAID: [
    409,
    'The order is not paid in full, and is fulfilled once it is; `extensions.paymentStatus` says how far it is.',
  ],
  ORDER_FOR_POOL: [
    409,
    'The order names a reseller and no customer: it is fulfilled by a pool of its licenses.',
  ],
  ORDER_PAID: [409, 'Money was received for the order. Refund it, then cancel the order.'],
  SECOND_PERSON_NEEDED: [
    403,
    'The tenant wants an order approved by another person than ordered it; an API key is the person who made it.',
    'access.refused',
  ],
  INVOICE_VOIDED: [409, 'The invoice was voided, and nothing is to be paid for it.'],
  INVOICE_PAID: [
    409,
    'Money was paid for the invoice: what is not paid in full has to be paid back before it is voided; `extensions.amount` says how much.',
  ],
  CHARGE_PENDING: [
    409,
    'A charge for the invoice has no answer from its processor yet. Try again once it has.',
  ],
  PAYMENT_EXCEEDS_DUE: [
    409,
    'More is recorded than is to be paid for the invoice; `extensions.amountDue` says how much is.',
  ],
  REFUND_EXCEEDS_PAYMENT: [
    409,
    'More is to be paid back than is left of the payment; `extensions.refundable` says how much is.',
  ],
  LICENSE_NOT_RENEWABLE: [
    409,
    'A license in this status cannot be renewed; the message says what to do first.',
  ],
  RENEWAL_OPEN: [
    409,
    'Another renewal of the license waits to be paid; `extensions.invoiceId` names its invoice.',
  ],
  LICENSE_WITHOUT_TEMPLATE: [
    409,
    'The license was made without a template: nothing says what its renewal or upgrade costs.',
  ],
  LICENSE_NOT_UPGRADABLE: [
    409,
    'A license in this status cannot be upgraded; the message says what to do first.',
  ],
  SEATS_IN_USE: [
    409,
    'More seats are in use than the license would have; `extensions` carry the two counts.',
  ],
  CURRENCY_MISMATCH: [409, 'The license was paid for in another currency than the template is sold in.'],
  UPGRADE_PENDING: [409, 'Money was paid for another upgrade of the license, which is not done yet.'],
  LICENSE_REVOKED: [403, 'The license was revoked, for good.', 'access.refused'],
  LICENSE_SUSPENDED: [403, 'The license is suspended; `extensions.reason` says why.', 'access.refused'],
  LICENSE_INACTIVE: [403, 'The license is switched off by its owner.'],
  LICENSE_EXPIRED: [
    403,
    'The license has expired; in grace, devices that are active stay so and no new one is taken.',
    'access.refused',
  ],
  LICENSE_TAMPERED: [
    409,
    'What is stored of the license is not as it was sealed: it was edited behind the back of the server.',
    'access.refused',
  ],
  PRODUCT_MISMATCH: [403, 'The license is for another product.', 'access.refused'],
  VERSION_NOT_COVERED: [
    403,
    'The maintenance of the license ended before the version was released; `extensions.remedy` says what is covered.',
    'access.refused',
  ],
  ACTIVATION_DEACTIVATED: [403, 'The activation was ended.', 'access.refused'],
  ACTIVATION_EXPIRED: [403, 'The activation was limited in time and is over.'],
  FINGERPRINT_MISMATCH: [403, 'The token belongs to another device.', 'access.refused'],
  USER_MISMATCH: [403, 'The activation names another user.', 'access.refused'],
  DEVICE_BLACKLISTED: [403, 'The vendor has shut the device out.', 'access.refused'],
  RESTRICTED_GEOGRAPHIC: [
    403,
    'The license may not be used in this country; `extensions.remedy` names the restriction.',
    'access.refused',
  ],
  RESTRICTED_DOMAIN: [403, 'The license may not be used on this domain.', 'access.refused'],
  RESTRICTED_IP_RANGE: [403, 'The license may not be used from this address.', 'access.refused'],
  RESTRICTED_MAC_ADDRESS: [403, 'The license may not be used with this MAC address.', 'access.refused'],
  RESTRICTED_HARDWARE_ID: [403, 'The license may not be used on this hardware.', 'access.refused'],
  RESTRICTED_TIME: [
    403,
    'The license may not be used at this hour; `extensions.remedy` says when it may.',
    'access.refused',
  ],
  LEASE_EXPIRED: [403, 'The floating lease ran out and every seat is taken.'],
  EMERGENCY_CODE_UNKNOWN: [403, 'The emergency code is none of this license.', 'access.refused'],
  EMERGENCY_CODE_EXPIRED: [403, 'The emergency code was not used in time; have a new one generated.'],
  EMERGENCY_CODE_USED: [403, 'The emergency code was used already; it works once.', 'access.refused'],
  EMERGENCY_CODE_LIMIT_EXCEEDED: [
    409,
    'The license has had as many emergency codes as one may; `extensions.nextAt` says when it may have the next.',
  ],
  ACTIVATION_LIMIT_EXCEEDED: [
    409,
    'Every seat of the license is taken; `extensions` carry the two counts.',
    'access.refused',
  ],
  SIGNATURE_INVALID: [403, 'What was signed is not as its signer left it.', 'access.refused'],
  FILE_EXPIRED: [403, 'The license file is over; fetch a new one.'],
  OFFLINE_CODE_INVALID: [
    400,
    'The request code is none, was changed on the way, or is for no key of this deployment.',
  ],
  OFFLINE_CODE_EXPIRED: [403, 'The request or response code is over; make a new request on the device.'],
  OFFLINE_CODE_MISMATCH: [
    403,
    'The response code answers another request, or the request names another device than before.',
    'access.refused',
  ],
  DOCUMENT_TOO_LARGE: [
    409,
    'The license has more features and restrictions than a license file or a response can carry.',
  ],
  OFFLINE_CODE_USED: [409, 'The codes have been used; make a new request on the device.', 'access.refused'],
  CLOCK_SET_BACK: [403, 'The clock of the device shows less than it has shown.', 'access.refused'],
  DEACTIVATION_LIMIT_EXCEEDED: [
    409,
    'As many devices of the license were given up this year as may be; `extensions.nextAt` says when the next may.',
  ],
  LICENSE_NOT_FLOATING: [409, 'The license has no floating seats that could be borrowed or released.'],
  BORROW_LIMIT_EXCEEDED: [
    409,
    'The floating seat may not be borrowed for so long; `extensions.maxBorrowHours` says for how long it may.',
  ],
  NO_ACTIVE_LICENSE: [
    403,
    'No license that is running or in grace grants anything to the caller.',
    'feature.refused',
  ],
  FEATURE_NOT_LICENSED: [
    403,
    'No license of the caller grants the feature; `extensions.feature` names it.',
    'feature.refused',
  ],
  API_KEY_LIMIT_EXCEEDED: [
    409,
    'The tenant has as many API keys as one may; `extensions.limit` says how many.',
  ],
  QUOTA_EXCEEDED: [
    429,
    'Not enough units of the feature are left; `extensions` carry limit, used and window.',
  ],
  RATE_LIMITED: [
    429,
    'Too many requests without a bearer token, from this address or for this license; try again after `extensions.retryAfterSeconds`.',
    'access.refused',
  ],
  OPERATION_TOO_LARGE: [
    400,
    'The request holds more of something than is taken; `extensions` name the limit, what was found and the maximum.',
  ],
  OPERATION_TOO_COSTLY: [
    400,
    'The operation asks for too much, weighed by page sizes; `extensions` carry its cost and the limit.',
  ],
  OPERATION_TIMEOUT: [
    503,
    'The operation took longer than one may and was ended. What was not committed by then is rolled back.',
  ],
  OPERATION_CANCELLED: [400, 'The caller hung up, and its query was ended; nobody reads this answer.'],
  SERVER_BUSY: [
    503,
    'Too many operations that cost much are waiting for their turn; send it again in a while.',
  ],
  TOO_MANY_SUBSCRIPTIONS: [429, 'The socket carries as many operations as one may.'],
  TOO_MANY_SOCKETS: [429, 'As many sockets are open as the server, or one address, may have.'],
  TOO_SLOW: [429, 'The subscriber did not keep up with its events; subscribe again.'],
  CURSOR_EXPIRED: [
    410,
    'Events behind the cursor are kept no longer. Read anew what you keep of them, and go on from `eventCursor`.',
  ],
  CURSOR_UNKNOWN: [
    404,
    'The cursor is of another log, or ahead of this one; `extensions.reason` is OTHER_TENANT, OTHER_LOG or AHEAD.',
  ],
  NOT_VISIBLE: [
    404,
    'The act is done, and what its payload leads to at that field has since moved out of sight of the caller.',
  ],
  IDEMPOTENCY_KEY_REUSED: [
    409,
    'The Idempotency-Key came before with another operation or other variables. Take a new one.',
  ],
  IDEMPOTENCY_KEY_IN_USE: [
    409,
    'A request with this Idempotency-Key is still running. Try again with the same one.',
  ],
  BAD_USER_INPUT: [400, 'A variable does not fit its GraphQL type; the message names its path.'],
  GRAPHQL_PARSE_FAILED: [400, 'The document is not GraphQL.'],
  GRAPHQL_VALIDATION_FAILED: [400, 'The document does not fit the schema.'],
  OPERATION_RESOLUTION_FAILURE: [400, 'The document has several operations and none was named.'],
  BAD_REQUEST: [400, 'The HTTP request is not a GraphQL request.'],
  ORIGIN_NOT_ALLOWED: [403, 'A page of an origin that `LG_CORS_ORIGINS` does not list opened a WebSocket.'],
  NOT_FOUND: [404, 'There is nothing at this address.'],
  METHOD_NOT_ALLOWED: [405, 'The address takes other methods; the header `Allow` names them.'],
  REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  PAYLOAD_TOO_LARGE: [413, 'The body is larger than one may be.'],
  URI_TOO_LONG: [414, 'The address is longer than one may be; send the document in a body.'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body is of a media type that is not read here; send application/json.'],
  HEADERS_TOO_LARGE: [431, 'The address and the headers are larger than they may be together.'],
  SERVER_STOPPING: [503, 'The server is being stopped; connect again, to another.'],
  DOCUMENT_NOT_TRUSTED: [
    403,
    'The server runs the documents of `TRUSTED_DOCUMENTS` only, and this is none of them.',
  ],
  PERSISTED_QUERY_NOT_FOUND: [200, 'The hash is not known here; send the document with it once.'],
  PERSISTED_QUERY_NOT_SUPPORTED: [200, 'Persisted queries are switched off.'],
  INTERNAL_SERVER_ERROR: [500, 'A defect or an outage on our side; quote `extensions.requestId` to support.'],
} as const satisfies Record<string, readonly [number, string] | readonly [number, string, EventType]>;

export type RefusalCode = keyof typeof refusalCodes;

/** The event that a refusal with this code is recorded as, if it is a security event. */
export function recordedAs(code: RefusalCode): EventType | undefined {
  const [, , type]: readonly [number, string, EventType?] = refusalCodes[code];
  return type;
}

export interface FieldProblem {
  /** The path of the value below the field's arguments: `input.features.0.featureId`. */
  readonly field: string;
  readonly message: string;
}

/** What a refusal is about, for whoever records it; the caller is not told. */
export interface RefusalSubject {
  readonly licenseId?: LicenseId;
  readonly activationId?: ActivationId;
}

/**
 * An act that may not happen: thrown, rolled back, answered with its code. Its message may reach the caller
 * as it stands, so it names neither secrets nor what belongs to somebody else.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    readonly about: RefusalSubject = {},
  ) {
    super(message);
  }
}

export function invalidInput(fields: readonly FieldProblem[]): Refusal {
  const message = fields.map((problem) => `${problem.field}: ${problem.message}`).join('; ');
  return new Refusal('INVALID_INPUT', message, { fields });
}

export function unauthenticated(message: string): Refusal {
  return new Refusal('UNAUTHENTICATED', message);
}
