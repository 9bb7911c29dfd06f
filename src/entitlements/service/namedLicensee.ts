import { createHash } from 'node:crypto';
import { applicationActor, customerNotFound } from '../../access/model.js';
import { customersById } from '../../access/queries.js';
import { enterBySecret } from '../../access/service.js';
import { activationNotFound } from '../../activations/model/activation.js';
import { activationByToken } from '../../activations/queries/tokens.js';
import { type Actor, type Scope, scopeOf } from '../../core/actor.js';
import type { CustomerId, LicenseId, TenantId } from '../../core/id.js';
import type { Coalescing, Perishable, Reading } from '../../core/work.js';
import { keyMalformed, licenseNotFound, parseLicenseKey } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import { activationOver, type LicenseeProof, type NamedLicensee, proofOf } from '../model/licensee.js';

/** The part of the tenant that decides for a licensee, and until when what it showed is good. */
interface KnownLicensee extends Perishable {
  readonly scope: Scope;
}

/** The license that a secret leads to, if the caller sees it. */
async function seenLicense(
  reading: Reading,
  kind: 'LICENSE_KEY' | 'ACTIVATION_TOKEN',
  secret: string,
): Promise<LicenseId | undefined> {
  const id = await enterBySecret(reading, kind, secret);
  return id !== undefined && (await licensesById(reading, [id])).has(id) ? id : undefined;
}

async function byKey(reading: Reading, given: string): Promise<KnownLicensee> {
  const key = parseLicenseKey(given);
  if (key === undefined) throw keyMalformed();
  const licenseId = await seenLicense(reading, 'LICENSE_KEY', key);
  if (licenseId === undefined) throw licenseNotFound();
  return { scope: { licenseId }, until: null };
}

/** An activation that was ended, or is over, speaks for its license no longer. */
async function byToken(reading: Reading, token: string): Promise<KnownLicensee> {
  const licenseId = await seenLicense(reading, 'ACTIVATION_TOKEN', token);
  const activation = licenseId === undefined ? undefined : await activationByToken(reading, licenseId, token);
  if (licenseId === undefined || activation === undefined) throw activationNotFound();
  const { id, status, expiresAt, activationType } = activation;
  if (status === 'DEACTIVATED') throw activationOver('ACTIVATION_DEACTIVATED');
  if (expiresAt !== null && expiresAt <= reading.now) throw activationOver('ACTIVATION_EXPIRED');
  const emergency = activationType === 'EMERGENCY' ? { emergencyId: id } : {};
  return { scope: { licenseId, ...emergency }, until: expiresAt };
}

/** A customer in the caller's reach; whoever sells for a reseller acts with what that reseller sold. */
async function byCustomer(reading: Reading, id: string): Promise<KnownLicensee> {
  if (!(await customersById(reading, [id])).has(id)) throw customerNotFound(id);
  const { resellerId } = scopeOf(reading.actor);
  const customerId = id as CustomerId;
  return { scope: { customerId, ...(resellerId === undefined ? {} : { resellerId }) }, until: null };
}

/** A license that the caller sees. */
async function byLicense(reading: Reading, id: string): Promise<KnownLicensee> {
  if (!(await licensesById(reading, [id])).has(id)) throw licenseNotFound(id);
  return { scope: { licenseId: id as LicenseId }, until: null };
}

const ways: Readonly<
  Record<LicenseeProof['kind'], (reading: Reading, value: string) => Promise<KnownLicensee>>
> = { customerId: byCustomer, licenseId: byLicense, licenseKey: byKey, activationToken: byToken };

/** For whom is asked: the caller itself, or somebody in its reach. Who is not answers as who does not exist. */
export async function licenseeNamed(
  reading: Reading,
  named: NamedLicensee | null | undefined,
  field = 'licensee',
): Promise<KnownLicensee> {
  if (named === null || named === undefined) return { scope: scopeOf(reading.actor), until: null };
  const { kind, value } = proofOf(named, field);
  return ways[kind](reading, value);
}

/** The same, remembered for some moments. What is secret in it is kept as a hash. */
export async function recollectLicensee(
  ctx: Coalescing,
  named: NamedLicensee | null | undefined,
  field: string,
): Promise<Scope> {
  if (named === null || named === undefined) return scopeOf(ctx.actor);
  const { kind, value } = proofOf(named, field);
  const { customerId = '', resellerId = '', licenseId = '' } = scopeOf(ctx.actor);
  const shown = createHash('sha256').update(value).digest('base64url');
  const name = ['named', customerId, resellerId, licenseId, kind, shown].join(' ');
  const { value: known } = await ctx.recollect(name, (reading) => ways[kind](reading, value));
  return known.scope;
}

function actorOf(caller: Actor, tenantId: TenantId, { licenseId, emergencyId, ...bound }: Scope): Actor {
  if (licenseId !== undefined) return applicationActor(tenantId, licenseId, emergencyId);
  const { permissions } = caller;
  return { kind: 'service', subject: 'licensee', tenantId, ...bound, permissions, expiresAt: null };
}

/** The same look at the tenant, at the part of it that is a licensee's. */
export function readingFor(reading: Reading, scope: Scope): Reading {
  return { ...reading, actor: actorOf(reading.actor, reading.tenantId, scope) };
}
