import { applicationActor, applicationUnknown } from '../../access/model.js';
import { anonymous } from '../../access/permissions.js';
import { findInDirectory } from '../../access/queries.js';
import type { DirectoryKind } from '../../access/table.js';
import { isBlacklisted } from '../../activations/queries/devices.js';
import { activationShown } from '../../activations/queries/tokens.js';
import { retireEarlierTokens } from '../../activations/service/tokens.js';
import type { Activation } from '../../activations/table.js';
import type { ApplicationActor } from '../../core/actor.js';
import type { LicenseId } from '../../core/id.js';
import { parseLicenseKey } from '../../licenses/model.js';
import { type Machinery, Operation } from '../operation/operation.js';
import type { Arrival } from './authenticate.js';

/** What an application in the field shows ahead of its operation: `Authorization: License …` or `Activation …`. */
export interface Proof extends Arrival {
  readonly kind: Extract<DirectoryKind, 'LICENSE_KEY' | 'ACTIVATION_TOKEN'>;
  readonly secret: string;
}

async function enter(look: Operation, { kind, secret }: Proof): Promise<ApplicationActor | undefined> {
  const reading = await look.reading();
  const found = await findInDirectory(reading.db, kind, reading.keys.hashes(kind, secret));
  if (found === undefined) return undefined;
  const actor = applicationActor(found.tenantId, found.subjectId as LicenseId);
  reading.enter(actor.tenantId, actor);
  return actor;
}

async function byKey(look: Operation, proof: Proof): Promise<ApplicationActor | undefined> {
  const secret = parseLicenseKey(proof.secret);
  return secret === undefined ? undefined : enter(look, { ...proof, secret });
}

/** The directory knows a token until it is replaced; whether it still serves, its activation says. */
async function byToken(look: Operation, proof: Proof): Promise<ApplicationActor | undefined> {
  const actor = await enter(look, proof);
  if (actor === undefined) return undefined;
  const reading = await look.reading();
  const shown = await activationShown(reading, actor.licenseId, proof.secret);
  if (shown === undefined) return undefined;
  // Of a device that was shut out no token opens anything, on any server; what lives is on no blacklist.
  const { status, deviceFingerprint } = shown.activation;
  if (status !== 'ACTIVE' && (await isBlacklisted(reading, [deviceFingerprint]))) return undefined;
  // The first use of a token ends those before it, wherever it is shown.
  if (shown.endsOthers) look.afterAnswer((work) => retireEarlierTokens(work, actor.licenseId, proof.secret));
  return inEmergency(actor, shown.activation);
}

/** To the token of what an emergency code gave, and to no other of the license, the end of grace is none. */
function inEmergency(actor: ApplicationActor, { id, activationType }: Activation): ApplicationActor {
  return activationType === 'EMERGENCY' ? applicationActor(actor.tenantId, actor.licenseId, id) : actor;
}

async function proven(machinery: Machinery, proof: Proof): Promise<ApplicationActor> {
  const { kind, requestId, address } = proof;
  const look = new Operation(machinery, { actor: anonymous, requestId, address });
  const actor = await (kind === 'LICENSE_KEY' ? byKey : byToken)(look, proof).finally(() => look.finish());
  if (actor === undefined) {
    machinery.guesses.note(address, undefined);
    throw applicationUnknown();
  }
  return actor;
}

/**
 * An application in the field that says who it is ahead of its operation. What its license is worth is not asked here:
 * a revoked one's application is told so by what it asks. A proof counts as a try of its address before it is looked at,
 * so that an address past its limit learns nothing of it; one that leads somewhere is given its try back.
 */
export async function authenticateApplication(machinery: Machinery, proof: Proof): Promise<ApplicationActor> {
  const { limits } = machinery;
  if (proof.isKnown === true) return proven(machinery, proof);
  await limits.countAddress(proof.address, 1);
  const actor = await proven(machinery, proof);
  await limits.countAddress(proof.address, -1);
  return actor;
}
