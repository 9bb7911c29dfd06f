import { changesOf, namesOf } from '../../access/service.js';
import type { Instant } from '../../core/clock.js';
import { changeTold } from '../../core/event.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { licenseRevoked, requireMove, requireNoRevival, spanProblems, standingAt } from '../model.js';
import type { UpdateLicenseInput } from '../schema/inputs.js';
import type { License } from '../table.js';
import { changeLicense, licenseToChange } from './changeLicense.js';
import { keptRestrictions, requireSound } from './newLicense.js';

const updatable = [
  'status',
  'issuedTo',
  'productVersion',
  'maxActivations',
  'features',
  'restrictions',
  'expiryDate',
  'maintenanceExpiry',
  'autoRenewal',
  'trialPeriodDays',
  'gracePeriodDays',
  'leaseSeconds',
  'maxBorrowHours',
  'maxDeactivationsPerYear',
  'metadata',
] as const;

function requireUpdatable(license: License, input: UpdateLicenseInput, now: Instant): void {
  if (license.status === 'REVOKED') throw licenseRevoked(license.id);
  requireSound(input.features ?? [], input.restrictions ?? []);
  const { status } = standingAt(license, now);
  if (input.status && input.status !== status) requireMove('updateLicense', status, input.status);
  const span = definedSpan(input);
  const beneath = license.suspendedFrom ?? license.status;
  const problems = spanProblems({ ...license, status: beneath, ...span }, now);
  if (problems.length > 0) throw invalidInput(problems);
  requireNoRevival(license, span, now);
}

type DatedChanges = Partial<Pick<License, 'expiryDate' | 'trialPeriodDays' | 'gracePeriodDays'>>;

function definedSpan({ expiryDate, trialPeriodDays, gracePeriodDays }: UpdateLicenseInput): DatedChanges {
  return {
    ...(expiryDate === undefined ? {} : { expiryDate }),
    ...(trialPeriodDays === undefined ? {} : { trialPeriodDays }),
    ...(gracePeriodDays === undefined ? {} : { gracePeriodDays }),
  };
}

/** Whom it is issued to, and the vendor's own facts, of which nobody knows what they tell. */
const aboutPeople = ['issuedTo', 'metadata'] as const;

export async function updateLicense(work: Work, input: UpdateLicenseInput): Promise<License> {
  const license = await licenseToChange(work, input.licenseId);
  const changes = changesOf(input, updatable);
  requireUpdatable(license, input, work.now);
  // A status that time has overtaken is not written over: naming the status that it reads changes nothing.
  const { status, restrictions, ...others } = changes;
  const moved = status !== undefined && status !== standingAt(license, work.now).status ? { status } : {};
  const kept = restrictions === undefined ? {} : { restrictions: keptRestrictions(work, restrictions) };
  const row = await changeLicense(work, license, { ...others, ...kept, ...moved });
  const told = changeTold(license, row, namesOf(changes), aboutPeople);
  const data = {
    ...told.data,
    ...(moved.status ? { from: license.status, to: moved.status } : {}),
  };
  await work.emit({ type: 'license.updated', subjectId: row.id, licenseId: row.id, ...told, data });
  return row;
}
