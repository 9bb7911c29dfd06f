import {
  DEFAULT_COLOR,
  DEFAULT_LANGUAGE,
  DEFAULT_TIME_ZONE,
  type TenantSettings,
} from '../../access/model/settings.js';
import type { Customer, Tenant } from '../../access/table.js';
import { mailAddress } from '../../core/check.js';
import { newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { type Company, type Letter, type LetterFacts, plainLetter } from '../model/letters.js';
import {
  type Audience,
  type MailKind,
  messageIdOf,
  NO_ADDRESS,
  NOT_REMINDED,
  variablesBinding,
} from '../model/mail.js';
import { type Notification, notifications } from '../table/mail.js';
import { composeLetter, type Reader } from '../templates/content.js';
import { failedEvent } from './failedMail.js';

/** What is to be told, and to whom. */
export interface Draft<Kind extends MailKind = MailKind> {
  readonly kind: Kind;
  readonly facts: LetterFacts[Kind];
  readonly audiences: readonly Audience[];
  /** What it is told of: of the same, the same kind is told once to each. */
  readonly about: string;
  readonly customer: Customer | undefined;
  readonly licenseId: (typeof notifications.$inferInsert)['licenseId'];
}

/** Where mail of a deployment comes from, as far as its ids need it. */
export interface Recording {
  readonly tenant: Tenant;
  readonly eventId: (typeof notifications.$inferInsert)['eventId'];
  readonly domain: string;
}

export interface Recipient {
  readonly audience: Audience;
  readonly address: string;
  readonly name: string;
  readonly reader: Reader;
  readonly customer: Customer | undefined;
}

export function companyOf({ name, settings }: Tenant): Company {
  const { companyName, primaryColor, companyAddress, ...links } = settings.branding ?? {};
  return {
    ...links,
    name: companyName ?? name,
    color: primaryColor ?? DEFAULT_COLOR,
    ...(companyAddress === undefined ? {} : { address: companyAddress }),
  };
}

/** In which language somebody is written to, and by which clock. */
export function readerOf(settings: TenantSettings, customer?: Customer): Reader {
  return {
    language: customer?.language ?? settings.language ?? DEFAULT_LANGUAGE,
    timeZone: customer?.timeZone ?? settings.timeZone ?? DEFAULT_TIME_ZONE,
  };
}

export function recipientsOf({ audiences, customer }: Draft, tenant: Tenant): Recipient[] {
  const { settings } = tenant;
  const staff = settings.mail?.staffAddress ?? settings.branding?.supportEmail;
  const found = audiences.flatMap((audience): Recipient[] => {
    const isCustomer = audience === 'customer';
    const address = isCustomer ? customer?.email : staff;
    if (!address) return [];
    const name = isCustomer && customer !== undefined ? customer.name : companyOf(tenant).name;
    const reader = readerOf(settings, isCustomer ? customer : undefined);
    return [{ audience, address, name, reader, customer: isCustomer ? customer : undefined }];
  });
  return found.filter(
    ({ address }, index) => found.findIndex((other) => other.address === address) === index,
  );
}

/** Why it is not sent at all. */
export function silenceOf(draft: Draft, { settings }: Tenant, { address, customer }: Recipient) {
  if (mailAddress(address) !== undefined) return { status: 'FAILED', reason: NO_ADDRESS } as const;
  const isReminded = (settings.mail?.sendsReminders ?? true) && (customer?.receivesReminders ?? true);
  return draft.kind === 'LICENSE_EXPIRING' && !isReminded
    ? ({ status: 'SUPPRESSED', reason: NOT_REMINDED } as const)
    : undefined;
}

const SUBJECT_LENGTH = 250;

/** What a mail says to one recipient, as its row has it. */
export function writtenTo(
  work: Work,
  id: Notification['id'],
  draft: Draft,
  tenant: Tenant,
  recipient: Recipient,
) {
  const letter = plainLetter({
    kind: draft.kind,
    company: companyOf(tenant),
    recipientName: recipient.name,
    writtenAt: work.now,
    facts: draft.facts,
  } as Letter);
  const { subject } = composeLetter(letter, recipient.reader).content;
  return {
    recipient: recipient.address.slice(0, 320),
    ...recipient.reader,
    subject: subject.slice(0, SUBJECT_LENGTH).toWellFormed(),
    variables: work.keys.encrypt(JSON.stringify(letter), variablesBinding(work.tenantId, id)),
  };
}

function rowOf(
  work: Work,
  draft: Draft,
  { tenant, eventId, domain }: Recording,
  recipient: Recipient,
): typeof notifications.$inferInsert {
  const id = newId<'Notification'>(work.now);
  const silence = silenceOf(draft, tenant, recipient);
  return {
    ...writtenTo(work, id, draft, tenant, recipient),
    tenantId: work.tenantId,
    id,
    kind: draft.kind,
    status: silence?.status ?? 'PENDING',
    reason: silence?.reason ?? null,
    licenseId: draft.licenseId ?? null,
    customerId: recipient.customer?.id ?? null,
    eventId,
    dedupeKey: `${draft.kind}/${draft.about}/${recipient.audience}`,
    messageId: messageIdOf(id, domain),
    nextAttemptAt: silence === undefined ? work.now : null,
    createdAt: work.now,
    updatedAt: work.now,
  };
}

/** Writes down one mail for each recipient, unless the same was told it before. Answers how many there are to be sent. */
export async function recordMail(work: Work, draft: Draft, recording: Recording): Promise<number> {
  const rows = recipientsOf(draft, recording.tenant).map((each) => rowOf(work, draft, recording, each));
  if (rows.length === 0) return 0;
  const written = await work.db.insert(notifications).values(rows).onConflictDoNothing().returning();
  const failed = written.filter(({ status }) => status === 'FAILED');
  await work.emitAll(failed.map((mail) => failedEvent(mail, 'NO_ADDRESS')));
  return written.filter(({ status }) => status === 'PENDING').length;
}
