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
import { type Activation, licenseActivations as activations, archivedActivations } from './table.js';

/** Where activations are kept: among those that live, or in the archive. */
type Kept = typeof activations | typeof archivedActivations;

/**
 * Of a license that has changed hands, its new holder sees the devices that it has had itself; what was ended before
 * is the earlier holder's. The vendor's people and resellers see the whole history.
 */
function ofHolder(reading: Reading, table: Kept): SQL | undefined {
  const { customerId, licenseId } = scopeOf(reading.actor);
  if (customerId === undefined && licenseId === undefined) return undefined;
  return sql`(${table.status} = 'ACTIVE' or ${table.activatedAt} >= ${licenses.heldSince} or ${table.deactivatedAt} > ${licenses.heldSince})`;
}

export function ofLicenses(reading: Reading, where: SQL | undefined, table: Kept = activations): SQL {
  const visible = and(licenseScope(reading), eq(licenses.id, table.licenseId), where);
  return sql`${table.tenantId} = ${reading.tenantId} and exists (select 1 from ${licenses} where ${visible})`;
}

/** The activations that a caller sees: of the licenses that it sees, those of its own time. */
function activationScope(reading: Reading, table: Kept = activations): SQL {
  return ofLicenses(reading, ofHolder(reading, table), table);
}

function keptIn(reading: Reading, table: Kept, ids: readonly string[]): Promise<Activation[]> {
  return reading.db
    .select()
    .from(table)
    .where(and(activationScope(reading, table), anyOf(table.id, ids)));
}

/** By their ids, wherever they are: the archive is asked for those alone that do not live. */
export async function activationsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Activation>> {
  const rows = await keptIn(reading, activations, ids);
  const found = new Set<string>(rows.map(({ id }) => id));
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length > 0) rows.push(...(await keptIn(reading, archivedActivations, missing)));
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

const newestFirst = (table: Kept): Sorting => ({
  name: 'ACTIVATED_AT',
  by: table.activatedAt,
  type: 'timestamptz',
  direction: 'DESC',
});

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
  readonly archived?: boolean | null;
}

export function activationsPage(
  reading: Reading,
  filter: ActivationFilter,
  page: PageArguments,
): Promise<Page<Activation>> {
  const { licenseId, status, deviceFingerprint, archived } = filter;
  const table: Kept = archived === true ? archivedActivations : activations;
  // What is archived has ended, and reads as it was stored.
  const statusNow = archived === true ? sql`${table.status}` : readStatus(reading.now);
  const where = and(
    activationScope(reading, table),
    licenseId ? eq(table.licenseId, licenseId) : undefined,
    status ? anyOf(statusNow, status) : undefined,
    deviceFingerprint
      ? anyOf(
          table.deviceFingerprint,
          reading.keys.hashes('FINGERPRINT', deviceFingerprint, reading.tenantId),
        )
      : undefined,
  );
  return pageOf<Kept>(reading.db, table, { where, sorting: newestFirst(table), page });
}

/** The activations of many licenses, a page each. */
function byLicense(table: Kept) {
  return (reading: Reading, owners: readonly string[], page: PageArguments) => {
    const request = {
      where: activationScope(reading, table),
      sorting: newestFirst(table),
      page,
      owner: table.licenseId,
      owners,
    };
    return pagesByOwner<Kept>(reading.db, table, request, (row) => row.licenseId);
  };
}

export const activationsByLicense = byLicense(activations);
export const archivedByLicense = byLicense(archivedActivations);
