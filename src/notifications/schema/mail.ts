import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { listOf, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import type { MailKind, MailStatus, MailTransport } from '../model/mail.js';

export const NotificationKindEnum = enumOf<MailKind>('NotificationKind', 'What a mail tells.', {
  LICENSE_ISSUED: 'A license was issued: here is its key.',
  LICENSE_EXPIRING: 'A license expires soon.',
  LICENSE_SUSPENDED: 'A license was suspended.',
  LICENSE_REVOKED: 'A license was revoked.',
  LICENSE_RENEWED: 'A license was charged for and renewed: a receipt.',
  RENEWAL_FAILED: 'A license could not be renewed.',
  VIOLATION_DETECTED: 'A violation of license terms was found.',
  ORDER_FULFILLED: 'An order is fulfilled.',
  ORDER_REFUNDED: 'An order was paid back, and its licenses are suspended.',
  ORDER_STOPPED: 'The licenses of an order failed to be made time and again: a person has to fulfil it.',
  BULK_ISSUE_FAILED: 'A list of licenses failed to be issued time and again: a person has to retry it.',
  EMERGENCY_CODE_USED: 'A device was let in by an emergency code.',
});

export const NotificationStatusEnum = enumOf<MailStatus>('NotificationStatus', 'How far a mail has come.', {
  PENDING: 'Is to be sent, or to be sent again.',
  SENT: 'Was taken by the mail server, or by the inbox of a deployment that has none.',
  FAILED:
    'Was given up: the mail server refused it, put it off ten times, or was not reached for two weeks. `resendNotification` sends it again.',
  SUPPRESSED: 'Was not sent: its recipient is not to be reminded, or what it told was not so any more.',
});

export const NotificationTransportEnum = enumOf<MailTransport>(
  'NotificationTransport',
  'Where a mail went.',
  {
    SMTP: 'To the mail server.',
    INBOX: 'Into the inbox of a deployment without a mail server.',
  },
);

@ObjectType({ description: 'One mail to one recipient.', simpleResolvers: true })
export class Notification {
  @Field(() => ID, { description: "The mail's id." })
  declare readonly id: string;

  @Field(() => NotificationKindEnum, { description: 'What it tells.' })
  declare readonly kind: MailKind;

  @Field(() => NotificationStatusEnum, { description: 'How far it has come.' })
  declare readonly status: MailStatus;

  @Field(() => String, {
    nullable: true,
    description: 'The address that it goes to; null once it was erased with personal data.',
  })
  declare readonly recipient: string | null;

  @Field(() => String, { nullable: true, description: 'Its subject; null once it was erased.' })
  declare readonly subject: string | null;

  @Field(() => String, { description: 'The language that it is written in.' })
  declare readonly language: string;

  @Field(() => String, { description: 'The time zone of the dates in it.' })
  declare readonly timeZone: string;

  @Field(() => String, {
    description: 'Its `Message-ID`, the same for every attempt until somebody has it sent again.',
  })
  declare readonly messageId: string;

  @Field(() => NotificationTransportEnum, { nullable: true, description: 'Where it went, once it is sent.' })
  declare readonly transport: MailTransport | null;

  @Field(() => Int, {
    description:
      'How often it was tried to send it. Ten tries that a mail server answers are the most; those that reach none are not counted among them.',
  })
  declare readonly attempts: number;

  @Field(() => Int, { description: 'How often somebody had it sent again; five times at the most.' })
  declare readonly resends: number;

  @Field(() => DateTime, { nullable: true, description: 'When somebody last had it sent again.' })
  declare readonly resentAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it is tried next.' })
  declare readonly nextAttemptAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was sent.' })
  declare readonly sentAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'Why it was not sent, or not yet.' })
  declare readonly reason: string | null;

  @Field(() => DateTime, { description: 'When it was written.' })
  declare readonly createdAt: Instant;
}

export const { Connection: NotificationConnection, ConnectionResolver: NotificationConnectionResolver } =
  connectionOf(() => Notification, 'Notification', 'mails');

@InputType({ description: 'Which mail to send again.' })
export class ResendNotificationInput {
  @Checked(uuid)
  @Field(() => ID, { description: "The mail's id." })
  declare readonly notificationId: string;
}

@ObjectType({ description: 'The mail that is sent again.', simpleResolvers: true })
export class ResendNotificationPayload {
  @Field(() => Notification, { description: 'The mail, to be sent within moments.' })
  declare readonly notification: Notification;
}

@InputType({ description: 'Which mails to list.' })
export class NotificationFilter {
  @Checked(listOf(10))
  @Field(() => [NotificationKindEnum], { nullable: true, description: 'Only those that tell one of these.' })
  declare readonly kind?: readonly MailKind[] | null;

  @Checked(listOf(10))
  @Field(() => [NotificationStatusEnum], {
    nullable: true,
    description: 'Only those of one of these statuses.',
  })
  declare readonly status?: readonly MailStatus[] | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those to this customer.' })
  declare readonly customerId?: string | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those about this license.' })
  declare readonly licenseId?: string | null;
}
