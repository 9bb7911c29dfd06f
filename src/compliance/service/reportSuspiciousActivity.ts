import { enterBySecret } from '../../access/service.js';
import { activationNotFound } from '../../activations/model/activation.js';
import { activationByToken } from '../../activations/queries/tokens.js';
import { mayAct, requirePermission, subjectOf } from '../../core/actor.js';
import { addDays, millis } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import { REPORTS_A_DAY, tooManyReports } from '../model/incidents.js';
import { reportsSince } from '../queries/incidents.js';
import type { ReportSuspiciousActivityInput } from '../schema.js';
import { type SecurityIncident, securityIncidents } from '../table.js';

type About = Pick<typeof securityIncidents.$inferInsert, 'licenseId' | 'activationId'>;

async function byKey(work: Work, given: string): Promise<About> {
  const key = parseLicenseKey(given);
  if (key === undefined) throw keyMalformed();
  const id = await enterBySecret(work, 'LICENSE_KEY', key);
  const license = id === undefined ? undefined : await lockLicense(work, id);
  if (license === undefined) throw licenseNotFound();
  return { licenseId: license.id };
}

async function byToken(work: Work, token: string): Promise<About> {
  const id = await enterBySecret(work, 'ACTIVATION_TOKEN', token);
  const license = id === undefined ? undefined : await lockLicense(work, id);
  const activation = license === undefined ? undefined : await activationByToken(work, license.id, token);
  if (license === undefined || activation === undefined) throw activationNotFound();
  return { licenseId: license.id, activationId: activation.id };
}

/** What a report is about: who shows a key or a token of it tells of that license, and needs no more. */
async function subjectOfReport(work: Work, input: ReportSuspiciousActivityInput): Promise<About> {
  const { licenseKey, activationToken } = input;
  if (licenseKey && activationToken) {
    const message = 'either it or activationToken is needed, not both';
    throw invalidInput([{ field: 'input.licenseKey', message }]);
  }
  if (licenseKey) return byKey(work, licenseKey);
  return activationToken ? byToken(work, activationToken) : {};
}

/** Under the license's lock: a key that leaked fills no list. */
async function requireFewReports(work: Work, { licenseId }: About): Promise<void> {
  if (mayAct(work.actor, 'incident.report') || !licenseId) return;
  const { reports, first } = await reportsSince(work, licenseId, addDays(work.now, -1));
  if (reports < REPORTS_A_DAY || first === null) return;
  throw tooManyReports(Math.max(1, Math.ceil((millis(addDays(first, 1)) - millis(work.now)) / 1000)));
}

/** Stores what somebody has noticed, for auditors. It changes nothing else: whoever is told of decides. */
export async function reportSuspiciousActivity(
  work: Work,
  input: ReportSuspiciousActivityInput,
): Promise<SecurityIncident> {
  const about = await subjectOfReport(work, input);
  if (about.licenseId === undefined) requirePermission(work.actor, 'incident.report');
  await requireFewReports(work, about);
  const [incident] = await work.db
    .insert(securityIncidents)
    .values({
      tenantId: work.tenantId,
      id: newId<'SecurityIncident'>(work.now),
      activityType: input.activityType,
      source: 'REPORTED',
      ...about,
      description: input.description,
      evidence: input.evidence ?? {},
      reportedBy: subjectOf(work.actor),
      createdAt: work.now,
    })
    .returning();
  if (incident === undefined) throw new Error('an insert returned no row');
  const { id, licenseId, activationId, activityType } = incident;
  await work.emit({
    type: 'incident.reported',
    subjectId: id,
    ...(licenseId === null ? {} : { licenseId }),
    ...(activationId === null ? {} : { activationId }),
    data: { activity_type: activityType },
  });
  return incident;
}
