import { and, eq, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { ActivationId, LicenseId } from '../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import { licenseScope, statusSql } from '../licenses/queries.js';
import { licenses } from '../licenses/table.js';
import type { ActivationStatus } from './model/activation.js';
import { type Activation, licenseActivations as activations } from './table.js';

/**
 * Of a license that has changed hands, its new holder sees the devices that it has had itself; what was ended before
 * is the earlier holder's. The vendor's people and resellers see the whole history.
 */
function ofHolder(reading: Reading): SQL | undefined {
  const { customerId, licenseId } = scopeOf(reading.actor);
  if (customerId === undefined && licenseId === undefined) return undefined;
  return sql`(${activations.status} = 'ACTIVE' or ${activations.activatedAt} >= ${licenses.heldSince} or ${activations.deactivatedAt} > ${licenses.heldSince})`;
}

export function ofLicenses(reading: Reading, where: SQL | undefined): SQL {
  const visible = and(licenseScope(reading), eq(licenses.id, activations.licenseId), where);
  return sql`${activations.tenantId} = ${reading.tenantId} and exists (select 1 from ${licenses} where ${visible})`;
}

/** The activations that a caller sees: of the licenses that it sees, those of its own time. */
function activationScope(reading: Reading): SQL {
  return ofLicenses(reading, ofHolder(reading));
}

export async function activationsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Activation>> {
  const rows = await reading.db
    .select()
    .from(activations)
    .where(and(activationScope(reading), anyOf(activations.id, ids)));
  return byKey(rows, (row) => row.id);
}

const isEmergency = sql`(${activations.activationType} = 'EMERGENCY')`;

/**
 * The live activation of a device on a license; by every pepper, so that rotation does not make it a stranger. What an
 * emergency code gave it stands beside its seat, and goes before it for as long as it lasts.
 */
export async function activationOfDevice(
  reading: Reading,
  licenseId: LicenseId,
  fingerprint: string,
  kind: 'SEAT' | 'EMERGENCY' | 'ANY' = 'SEAT',
): Promise<Activation | undefined> {
  const hashes = reading.keys.hashes('FINGERPRINT', fingerprint, reading.tenantId);
  const kinds = {
    SEAT: sql`not ${isEmergency}`,
    EMERGENCY: isEmergency,
    ANY: sql`(not ${isEmergency} or ${activations.expiresAt} > ${reading.now}::timestamptz)`,
  };
  const [row] = await reading.db
    .select()
    .from(activations)
    .where(
      and(
        activationScope(reading),
        eq(activations.licenseId, licenseId),
        anyOf(activations.deviceFingerprint, hashes),
        eq(activations.status, 'ACTIVE'),
        kinds[kind],
      ),
    )
    .orderBy(sql`${isEmergency} desc`)
    .limit(1);
  return row;
}

export async function lockActivation(reading: Reading, id: ActivationId): Promise<Activation | undefined> {
  const [row] = await reading.db
    .select()
    .from(activations)
    .where(and(eq(activations.tenantId, reading.tenantId), eq(activations.id, id)))
    .for('no key update');
  return row;
}

const newestFirst: Sorting = {
  name: 'ACTIVATED_AT',
  by: activations.activatedAt,
  type: 'timestamptz',
  direction: 'DESC',
};

/** The status that an activation reads, as `activationStatusAt` of the model. */
function readStatus(now: Instant): SQL {
  const license = sql`select ${statusSql(now)} from ${licenses} where ${licenses.tenantId} = ${activations.tenantId} and ${licenses.id} = ${activations.licenseId}`;
  // Whatever the end of grace alone has suspended, as \`passesEndOfGrace\` of the model.
  const passesGrace = sql`select ${licenses.status} <> 'INACTIVE' and coalesce(${licenses.suspendedFrom}, '') <> 'INACTIVE'
    and (${licenses.status} <> 'SUSPENDED' or ${licenses.suspensionCause} = 'GRACE_EXPIRED')
    from ${licenses} where ${licenses.tenantId} = ${activations.tenantId} and ${licenses.id} = ${activations.licenseId}`;
  return sql`case when ${activations.status} <> 'ACTIVE' then ${activations.status}
    when ${activations.expiresAt} <= ${now}::timestamptz then 'EXPIRED'
    when ${isEmergency} and (${passesGrace}) then 'ACTIVE'
    when (${license}) = 'SUSPENDED' then 'SUSPENDED' else 'ACTIVE' end`;
}

export interface ActivationFilter {
  readonly licenseId?: LicenseId | null;
  readonly status?: readonly ActivationStatus[] | null;
  readonly deviceFingerprint?: string | null;
}

export function activationsPage(
  reading: Reading,
  filter: ActivationFilter,
  page: PageArguments,
): Promise<Page<Activation>> {
  const { licenseId, status, deviceFingerprint } = filter;
  const where = and(
    activationScope(reading),
    licenseId ? eq(activations.licenseId, licenseId) : undefined,
    status ? anyOf(readStatus(reading.now), status) : undefined,
    deviceFingerprint
      ? anyOf(
          activations.deviceFingerprint,
          reading.keys.hashes('FINGERPRINT', deviceFingerprint, reading.tenantId),
        )
      : undefined,
  );
  return pageOf(reading.db, activations, { where, sorting: newestFirst, page });
}

export function activationsByLicense(reading: Reading, owners: readonly string[], page: PageArguments) {
  const request = {
    where: activationScope(reading),
    sorting: newestFirst,
    page,
    owner: activations.licenseId,
    owners,
  };
  return pagesByOwner(reading.db, activations, request, (row) => row.licenseId);
}
