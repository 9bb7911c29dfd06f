/**
 * Mail owns what people are told by mail: which facts are told, to whom, and whether that has arrived at a mail server. One
 * row is one mail to one recipient. Its text is made when it is sent or read, and is kept nowhere.
 * It does not own the facts: mail is a reaction to events of earlier domains, at least once, and never twice as if it were new.
 */
export const mailKinds = [
  'LICENSE_ISSUED',
  'LICENSE_EXPIRING',
  'LICENSE_SUSPENDED',
  'RENEWAL_FAILED',
  'VIOLATION_DETECTED',
  'ORDER_FULFILLED',
  'EMERGENCY_CODE_USED',
] as const;
export type MailKind = (typeof mailKinds)[number];

export const mailStatuses = ['PENDING', 'SENT', 'FAILED', 'SUPPRESSED'] as const;
export type MailStatus = (typeof mailStatuses)[number];

/** Where a mail went: to a mail server, or into the inbox of a deployment that has none. */
export const mailTransports = ['SMTP', 'INBOX'] as const;
export type MailTransport = (typeof mailTransports)[number];
