import { addDays } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import type { EventType } from '../../core/event.js';
import {
  type Job,
  parseReaction,
  parseSweep,
  type ReactionPayload,
  type SweepPayload,
} from '../../core/job.js';
import { SWEEP_BATCH, sweep } from '../../core/sweep.js';
import { KEPT_DAYS } from '../model/mail.js';
import { deletingBatch, erasingBatch } from '../queries/mail.js';
import { drafters } from '../service/drafts.js';
import { tellFact } from '../service/tellFact.js';
import { deliverDue } from './deliverMail.js';

const NO_DOMAIN = 'licensegraph.invalid';

function domainOf({ LG_MAIL_FROM: from }: Config): string {
  return from?.split('@').at(-1) ?? NO_DOMAIN;
}

/** Facts that people are told by mail. */
export const mailedFacts = Object.keys(drafters) as EventType[];

/** A fact is told by mail: written down first, each mail once, then sent. */
export const tellByMail: Job<ReactionPayload> = {
  name: 'mail.tell',
  parse: parseReaction,
  run: async (context, { tenantId, eventId }) => {
    const domain = domainOf(context.config);
    const written = await context.act(tenantId, (work) => tellFact(work, eventId, domain));
    return written === 0 ? undefined : deliverDue(context, tenantId);
  },
};

/** Somebody has a mail sent again: at once, and not with the next minute. */
export const sendAgain: Job<ReactionPayload> = {
  name: 'mail.resend',
  parse: parseReaction,
  run: (context, { tenantId }) => deliverDue(context, tenantId),
};

/** What could not be sent before, and what a process that died has left. */
export const deliverDueMail: Job<SweepPayload> = {
  name: 'mail.deliver',
  parse: parseSweep,
  run: (context) => deliverDue(context),
};

/** Erases what mails said once a tenant keeps personal data no longer, and the mails themselves after a year. */
export const forgetMail: Job<SweepPayload> = {
  name: 'mail.forget',
  parse: parseSweep,
  run: async (context) => {
    const days = context.config.LG_PERSONAL_DATA_DAYS;
    return {
      erased: await sweep(context, 'mail.erase', (now) => erasingBatch(now, days, SWEEP_BATCH)),
      deleted: await sweep(context, 'mail.delete', (now) =>
        deletingBatch(addDays(now, -KEPT_DAYS), SWEEP_BATCH),
      ),
    };
  },
};
