import {
  archiveActivations,
  cullLeases,
  erasePersonalData,
  forgetDocuments,
  forgetTokens,
} from '../activations/jobs.js';
import { eraseTrail, forgetTrail, signCheckpoints } from '../audit/jobs/trail.js';
import { forgetBodies, retryWebhooks } from '../billing/jobs/inbound.js';
import { renewLicenses } from '../billing/jobs/renew.js';
import { addMillis, type Instant, instant, millis } from '../core/clock.js';
import type { Job, SweepPayload } from '../core/job.js';
import { compactLedger } from '../entitlements/jobs.js';
import { checkExpiries, endGrace, resumeBulkIssues } from '../licenses/jobs.js';
import { deliverDueMail, forgetMail } from '../notifications/jobs/mail.js';
import { sweepWebhooks } from '../notifications/jobs/sweepWebhooks.js';
import { resumeOrders } from '../orders/jobs.js';
import type { Due } from './queries.js';

/** A job of the clock: due once in each period, which are counted from the beginning of 1970 in UTC. */
export interface Scheduled {
  readonly job: Job<SweepPayload>;
  readonly everyMinutes: number;
  /** What it is for, in a sentence for operators. */
  readonly about: string;
}

const MINUTE_MILLIS = 60_000;

/** The latest instant at which a job was due. */
export function dueAt({ everyMinutes }: Pick<Scheduled, 'everyMinutes'>, now: Instant): Instant {
  const period = everyMinutes * MINUTE_MILLIS;
  return instant(Math.floor(millis(now) / period) * period);
}

/** Where a run begins that does not know how far earlier ones have come. */
export function periodBefore({ everyMinutes }: Pick<Scheduled, 'everyMinutes'>, at: Instant): Instant {
  return addMillis(at, -everyMinutes * MINUTE_MILLIS);
}

export function dueJobs(list: readonly Scheduled[], now: Instant): Due[] {
  return list.map((scheduled) => ({ name: scheduled.job.name, dueAt: dueAt(scheduled, now) }));
}

const HOURLY = 60;
const DAILY = 24 * 60;

/** Clock → job. */
export const schedule: readonly Scheduled[] = [
  {
    job: checkExpiries,
    everyMinutes: HOURLY,
    about: 'Reminds of licenses 30, 14, 7 and 1 days before they expire, and says which have expired.',
  },
  {
    job: endGrace,
    everyMinutes: HOURLY,
    about: 'Says which licenses are suspended because their grace has ended.',
  },
  {
    job: signCheckpoints,
    everyMinutes: 1,
    about:
      'Signs the ends of audit trails five minutes behind an event; behind 1,000 events it is run at once.',
  },
  { job: eraseTrail, everyMinutes: 10, about: 'Erases what events tell of people whose time is over.' },
  {
    job: forgetTrail,
    everyMinutes: HOURLY,
    about: 'Deletes events that tenants keep no longer, behind a signed boundary.',
  },
  {
    job: renewLicenses,
    everyMinutes: 10,
    about:
      'Bills, charges and renews licenses that renew themselves, and asks what became of charges without an answer.',
  },
  {
    job: resumeOrders,
    everyMinutes: 15,
    about: 'Begins orders again whose licenses are being made, and that stand still.',
  },
  {
    job: resumeBulkIssues,
    everyMinutes: 15,
    about: 'Begins lists of licenses again that are being issued, and that stand still.',
  },
  { job: cullLeases, everyMinutes: 10, about: 'Writes down which floating seats time has freed.' },
  {
    job: archiveActivations,
    everyMinutes: DAILY,
    about: 'Moves activations that ended more than 90 days ago to the archive.',
  },
  {
    job: erasePersonalData,
    everyMinutes: HOURLY,
    about: 'Erases addresses and places of devices whose time is over.',
  },
  {
    job: forgetDocuments,
    everyMinutes: DAILY,
    about: 'Forgets license files, offline requests and emergency codes that ended more than 92 days ago.',
  },
  { job: forgetTokens, everyMinutes: 1, about: 'Forgets tokens that later ones have replaced.' },
  {
    job: compactLedger,
    everyMinutes: 1,
    about: 'Sums up lines of the usage ledger that are too old to be refunded.',
  },
  {
    job: sweepWebhooks,
    everyMinutes: 10,
    about:
      'Gives up what is due for webhook endpoints that are disabled, and forgets what was sent long ago.',
  },
  {
    job: retryWebhooks,
    everyMinutes: 1,
    about: 'Processes webhooks of payment processors again that failed, or whose invoice was not known.',
  },
  {
    job: forgetBodies,
    everyMinutes: DAILY,
    about:
      'Forgets what webhooks of payment processors said more than 90 days ago, and those that were done with 400 days ago.',
  },
  { job: deliverDueMail, everyMinutes: 1, about: 'Sends mail that could not be sent before.' },
  {
    job: forgetMail,
    everyMinutes: DAILY,
    about: 'Erases what mails said whose time is over, and forgets those that are older than 400 days.',
  },
];
