import type { Language } from '../../access/model/settings.js';
import type { Instant } from '../../core/clock.js';
import {
  type Company,
  type Letter,
  type LetterFacts,
  plainLetter,
  type ToldFeature,
  type ToldLicense,
} from '../model/letters.js';
import type { MailKind } from '../model/mail.js';
import { type Format, formatFor } from './format.js';
import { type Said, type Words, words } from './words.js';

export interface Row {
  readonly label: string;
  readonly value: string;
  /** To be typed or copied. */
  readonly isCode?: boolean;
}

export interface Action {
  readonly label: string;
  readonly url: string;
}

/** Things of one kind, a line each. */
export interface List {
  readonly label: string;
  readonly lines: readonly string[];
}

/** A mail as it is laid out, in its words. */
export interface Content extends Said {
  readonly rows: readonly Row[];
  readonly list: List | undefined;
  readonly actions: readonly Action[];
}

type Part<Kind extends MailKind> = (of: {
  readonly facts: LetterFacts[Kind];
  readonly company: Company;
  readonly words: Words;
  readonly format: Format;
}) => Content;

const row = (label: string, value: string | null | undefined): Row[] =>
  value === null || value === undefined || value === '' ? [] : [{ label, value }];

const action = (label: string, url: string | undefined): Action[] =>
  url === undefined ? [] : [{ label, url }];

/** A code of the documented list, which is the same in every language. */
function codeRow({ labels }: Words, code: string | null): Row[] {
  return row(labels.reason, code).map((each) => ({ ...each, isCode: true }));
}

function licenseRows({ labels, licenseTypes }: Words, license: ToldLicense): Row[] {
  return [
    { label: labels.licenseKey, value: license.licenseKey, isCode: true },
    ...row(labels.product, license.productName),
    ...row(labels.licenseType, licenseTypes[license.licenseType]),
    ...row(labels.issuedTo, license.issuedTo),
  ];
}

function featureLine({ name, limit, unit, period }: ToldFeature, words: Words, format: Format): string {
  const counted = limit === null ? words.unlimited : format.number(limit);
  const often = limit === null ? '' : words.periods[period];
  const what = unit === null ? '' : `(${words.units[unit]})`;
  return `${name}: ${[counted, often, what].filter((part) => part !== '').join(' ')}`;
}

const listOf = (label: string, lines: readonly string[]): List | undefined =>
  lines.length === 0 ? undefined : { label, lines };

const dateOr = (format: Format, at: Instant | null): string | null => (at === null ? null : format.date(at));

function daysOf(words: Words, format: Format, count: number): string {
  return words.days(count, format.number(count));
}

const issued: Part<'LICENSE_ISSUED'> = ({ facts, company, words, format }) => {
  const { labels } = words;
  const { trialPeriodDays, maxActivations, expiryDate, trialEndDate } = facts;
  const days = trialPeriodDays === null ? null : daysOf(words, format, trialPeriodDays);
  const product = facts.productName;
  const isTrial = days !== null && (facts.licenseType === 'TRIAL' || facts.licenseType === 'EVALUATION');
  return {
    ...(isTrial ? words.TRIAL_ISSUED({ product, days }) : words.LICENSE_ISSUED({ product })),
    rows: [
      ...licenseRows(words, facts),
      ...row(labels.issued, format.date(facts.issueDate)),
      ...(isTrial && expiryDate === null
        ? []
        : row(labels.expires, expiryDate === null ? words.never : format.date(expiryDate))),
      ...row(labels.trialPeriod, days),
      ...row(labels.trialEnds, dateOr(format, trialEndDate)),
      ...row(labels.autoRenewal, facts.autoRenewal ? words.yes : words.no),
      ...row(labels.activations, maxActivations === null ? words.unlimited : format.number(maxActivations)),
    ],
    list: listOf(
      labels.features,
      facts.features.map((feature) => featureLine(feature, words, format)),
    ),
    actions: [
      ...action(words.activate, company.activationUrl),
      ...action(words.openPortal, company.portalUrl),
    ],
  };
};

const expiring: Part<'LICENSE_EXPIRING'> = ({ facts, company, words, format }) => ({
  ...words.LICENSE_EXPIRING({
    product: facts.productName,
    date: format.date(facts.expiryDate),
    days: daysOf(words, format, facts.daysRemaining),
    renewsItself: facts.autoRenewal,
  }),
  rows: [
    ...licenseRows(words, facts),
    ...row(words.labels.expires, format.date(facts.expiryDate)),
    ...row(words.labels.graceEnds, dateOr(format, facts.graceEndDate)),
    ...row(words.labels.autoRenewal, facts.autoRenewal ? words.yes : words.no),
  ],
  list: undefined,
  actions: action(facts.autoRenewal ? words.openPortal : words.renew, company.portalUrl),
});

const suspended: Part<'LICENSE_SUSPENDED'> = ({ facts, company, words, format }) => ({
  ...words.LICENSE_SUSPENDED({ product: facts.productName, graceExpired: facts.graceExpired }),
  rows: [
    ...licenseRows(words, facts),
    ...row(words.labels.suspended, format.time(facts.suspendedAt)),
    ...row(words.labels.reason, facts.graceExpired ? words.graceExpired : facts.reason),
  ],
  list: undefined,
  actions: action(facts.graceExpired ? words.renew : words.openPortal, company.portalUrl),
});

const revoked: Part<'LICENSE_REVOKED'> = ({ facts, company, words, format }) => ({
  ...words.LICENSE_REVOKED({ product: facts.productName }),
  rows: [
    ...licenseRows(words, facts),
    ...row(words.labels.revoked, format.time(facts.revokedAt)),
    ...row(words.labels.reason, facts.reason),
  ],
  list: undefined,
  actions: action(words.openPortal, company.portalUrl),
});

function moneyOr(format: Format, amount: string | null, currency: string | null): string | null {
  return amount === null || currency === null ? null : format.money(amount, currency);
}

const renewed: Part<'LICENSE_RENEWED'> = ({ facts, company, words, format }) => {
  const until = dateOr(format, facts.expiryDate);
  return {
    ...words.LICENSE_RENEWED({ product: facts.productName, until }),
    rows: [
      ...licenseRows(words, facts),
      ...row(words.labels.renewed, format.date(facts.renewedAt)),
      ...row(words.labels.expires, until),
      ...row(words.labels.invoice, facts.invoiceNumber),
      ...row(words.labels.amount, moneyOr(format, facts.amount, facts.currency)),
    ],
    list: undefined,
    actions: action(words.openPortal, company.portalUrl),
  };
};

function lapseOf({ expiryDate, graceEndDate, failedAt }: LetterFacts['RENEWAL_FAILED'], format: Format) {
  if (expiryDate === null) return null;
  return {
    expires: format.date(expiryDate),
    hasExpired: expiryDate <= failedAt,
    graceEnds: dateOr(format, graceEndDate),
  };
}

const renewalFailed: Part<'RENEWAL_FAILED'> = ({ facts, company, words, format }) => {
  const { labels } = words;
  const { attempt, attempts } = facts;
  const nextAttempt = facts.nextAttemptAt === null ? null : format.time(facts.nextAttemptAt);
  const counted =
    attempt === null || attempts === null
      ? null
      : words.attemptOf(format.number(attempt), format.number(attempts));
  const named = { product: facts.productName, customer: facts.issuedTo };
  return {
    ...words.RENEWAL_FAILED({ ...named, nextAttempt, lapse: lapseOf(facts, format) }),
    rows: [
      ...licenseRows(words, facts),
      ...row(labels.invoice, facts.invoiceNumber),
      ...row(labels.amount, moneyOr(format, facts.amount, facts.currency)),
      ...row(labels.failed, format.time(facts.failedAt)),
      ...row(labels.reason, words.renewalFailures[facts.reason]),
      ...row(labels.attempt, counted),
      ...row(labels.nextAttempt, nextAttempt),
      ...row(labels.expires, dateOr(format, facts.expiryDate)),
      ...row(labels.graceEnds, dateOr(format, facts.graceEndDate)),
    ],
    list: undefined,
    actions: action(nextAttempt === null ? words.renew : words.openPortal, company.portalUrl),
  };
};

const violation: Part<'VIOLATION_DETECTED'> = ({ facts, company, words, format }) => {
  const named = {
    violation: words.violations[facts.violationType],
    severity: words.severities[facts.severity],
  };
  const { license } = facts;
  return {
    ...words.VIOLATION_DETECTED(named),
    rows: [
      ...row(words.labels.violation, named.violation),
      ...row(words.labels.severity, named.severity),
      ...row(words.labels.description, facts.description),
      ...row(words.labels.detected, format.time(facts.detectedAt)),
      ...row(words.labels.resolveBy, dateOr(format, facts.resolutionDeadline)),
      ...row(words.labels.customer, facts.customerName),
      ...(license === null ? [] : licenseRows(words, license)),
    ],
    list: undefined,
    actions: action(words.openPortal, company.portalUrl),
  };
};

const orderFulfilled: Part<'ORDER_FULFILLED'> = ({ facts, company, words, format }) => {
  const isTold = facts.licenses.length === facts.licenseCount;
  const count = isTold ? null : format.number(facts.licenseCount);
  const hasPortal = company.portalUrl !== undefined;
  return {
    ...words.ORDER_FULFILLED({ order: facts.orderNumber, count, hasPortal, isRenewal: facts.isRenewal }),
    rows: [
      ...row(words.labels.orderNumber, facts.orderNumber),
      ...row(words.labels.product, facts.productName),
      ...row(words.labels.quantity, format.number(facts.quantity)),
      ...row(words.labels.total, format.money(facts.totalAmount, facts.currency)),
      ...row(words.labels.fulfilled, format.date(facts.fulfilledAt)),
    ],
    list: listOf(
      words.labels.licenses,
      facts.licenses.map(({ licenseKey, productName, issuedTo }) =>
        [licenseKey, productName, issuedTo].join(' · '),
      ),
    ),
    actions: [
      ...action(words.openPortal, company.portalUrl),
      ...action(words.activate, company.activationUrl),
    ],
  };
};

const orderRefunded: Part<'ORDER_REFUNDED'> = ({ facts, company, words, format }) => ({
  ...words.ORDER_REFUNDED({ order: facts.orderNumber }),
  rows: [
    ...row(words.labels.orderNumber, facts.orderNumber),
    ...row(words.labels.product, facts.productName),
    ...row(words.labels.quantity, format.number(facts.licenseCount)),
    ...row(words.labels.refunded, format.date(facts.refundedAt)),
  ],
  list: undefined,
  actions: action(words.openPortal, company.portalUrl),
});

const orderStopped: Part<'ORDER_STOPPED'> = ({ facts, company, words, format }) => {
  const [made, quantity] = [format.number(facts.made), format.number(facts.quantity)];
  return {
    ...words.ORDER_STOPPED({ order: facts.orderNumber, made, quantity }),
    rows: [
      ...row(words.labels.orderNumber, facts.orderNumber),
      ...row(words.labels.product, facts.productName),
      ...row(words.labels.customer, facts.customerName),
      ...row(words.labels.quantity, quantity),
      ...row(words.labels.made, made),
      ...row(words.labels.stopped, format.time(facts.stoppedAt)),
      ...codeRow(words, facts.code),
    ],
    list: undefined,
    actions: action(words.openPortal, company.portalUrl),
  };
};

const bulkIssueFailed: Part<'BULK_ISSUE_FAILED'> = ({ facts, company, words, format }) => {
  const [issued, waiting] = [format.number(facts.issued), format.number(facts.waiting)];
  return {
    ...words.BULK_ISSUE_FAILED({ issued, waiting }),
    rows: [
      { label: words.labels.list, value: facts.bulkIssueId, isCode: true },
      ...row(words.labels.made, issued),
      ...row(words.labels.refused, format.number(facts.refused)),
      ...row(words.labels.waiting, waiting),
      ...row(words.labels.stopped, format.time(facts.stoppedAt)),
      ...codeRow(words, facts.code),
    ],
    list: undefined,
    actions: action(words.openPortal, company.portalUrl),
  };
};

const codeUsed: Part<'EMERGENCY_CODE_USED'> = ({ facts, company, words, format }) => ({
  ...words.EMERGENCY_CODE_USED({
    product: facts.productName,
    customer: facts.issuedTo,
    until: format.time(facts.endsAt),
  }),
  rows: [
    ...licenseRows(words, facts),
    ...row(words.labels.used, format.time(facts.usedAt)),
    ...row(words.labels.ended, format.time(facts.endsAt)),
  ],
  list: undefined,
  actions: action(words.openPortal, company.portalUrl),
});

const parts: { readonly [Kind in MailKind]: Part<Kind> } = {
  LICENSE_ISSUED: issued,
  LICENSE_EXPIRING: expiring,
  LICENSE_SUSPENDED: suspended,
  LICENSE_REVOKED: revoked,
  LICENSE_RENEWED: renewed,
  RENEWAL_FAILED: renewalFailed,
  VIOLATION_DETECTED: violation,
  ORDER_FULFILLED: orderFulfilled,
  ORDER_REFUNDED: orderRefunded,
  ORDER_STOPPED: orderStopped,
  BULK_ISSUE_FAILED: bulkIssueFailed,
  EMERGENCY_CODE_USED: codeUsed,
};

/** For whom a letter is written. */
export interface Reader {
  readonly language: Language;
  readonly timeZone: string;
}

/** A letter in the words of its reader. */
export interface Composed {
  readonly letter: Letter;
  readonly words: Words;
  readonly content: Content;
  /** In which it was written, by the reader's clock. */
  readonly year: string;
}

/** What a letter says, in one language and by one clock; whoever wrote the names in it. */
export function composeLetter(given: Letter, { language, timeZone }: Reader): Composed {
  const letter = plainLetter(given);
  const said = words[language];
  const format = formatFor(language, timeZone);
  const part = parts[letter.kind] as Part<MailKind>;
  const content = part({ facts: letter.facts, company: letter.company, words: said, format });
  const year = new Intl.DateTimeFormat('en', { year: 'numeric', timeZone }).format(
    new Date(letter.writtenAt),
  );
  return { letter, words: said, content, year };
}
