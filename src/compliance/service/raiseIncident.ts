import { and, count, eq, gt } from 'drizzle-orm';
import { licenseActivations as activations } from '../../activations/table.js';
import { addMillis } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import { newId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { type Finding, INCIDENT_WINDOW_MILLIS, signOf, windowKey } from '../model/incidents.js';
import { securityIncidents } from '../table.js';

/** Writes down what the server has found, once for its subject and window; says whether it was the first to. */
export async function raiseIncident(work: Work, finding: Finding): Promise<boolean> {
  const { activityType, description, evidence, licenseId, activationId } = finding;
  const id = newId<'SecurityIncident'>(work.now);
  const made = await work.db
    .insert(securityIncidents)
    .values({
      tenantId: work.tenantId,
      id,
      activityType,
      source: 'DETECTED',
      licenseId: licenseId ?? null,
      activationId: activationId ?? null,
      description,
      evidence: { ...evidence },
      windowKey: windowKey(finding, work.now),
      createdAt: work.now,
    })
    .onConflictDoNothing()
    .returning({ id: securityIncidents.id });
  if (made.length === 0) return false;
  await work.emit({
    type: 'incident.raised',
    subjectId: id,
    ...(licenseId === undefined ? {} : { licenseId }),
    ...(activationId === undefined ? {} : { activationId }),
    data: { activity_type: activityType },
  });
  return true;
}

/** Follows a refusal that the door has recorded, in its transaction: that of the refused act is rolled back. */
export async function noticeRefusal(
  work: Work,
  { data, licenseId, activationId, subjectId }: NewEvent,
): Promise<void> {
  const sign = signOf(data?.code);
  if (sign === undefined) return;
  const [activityType, description] = sign;
  const evidence = { code: data?.code, field: data?.field };
  await raiseIncident(work, {
    activityType,
    description,
    evidence,
    licenseId,
    activationId,
    subject: licenseId ?? subjectId,
  });
}

/** Follows a new activation, under the lock of its license: many of them in a short time are no ordinary day. */
export async function noticeActivation(work: Work, { licenseId }: NewEvent): Promise<void> {
  const most = work.settings.incidents.activations;
  if (most === 0 || licenseId === undefined) return;
  const since = addMillis(work.now, -INCIDENT_WINDOW_MILLIS);
  const recent = work.db
    .select({ id: activations.id })
    .from(activations)
    .where(
      and(
        eq(activations.tenantId, work.tenantId),
        eq(activations.licenseId, licenseId),
        gt(activations.activatedAt, since),
      ),
    )
    .limit(most + 1)
    .as('recent');
  const [row] = await work.db.select({ activations: count() }).from(recent);
  if ((row?.activations ?? 0) <= most) return;
  await raiseIncident(work, {
    activityType: 'MULTIPLE_ACTIVATIONS',
    description: `More than ${most} devices were activated on one license within an hour.`,
    evidence: { most, since },
    licenseId,
    subject: licenseId,
  });
}

/** Follows a device that told of itself from two places that are too far apart. */
export async function noticeTravel(work: Work, { licenseId, activationId, data }: NewEvent): Promise<void> {
  await raiseIncident(work, {
    activityType: 'UNUSUAL_LOCATION',
    description: 'One device told of itself from two places between which nobody travels so fast.',
    evidence: { ...data },
    licenseId,
    activationId,
    subject: activationId ?? '',
  });
}
