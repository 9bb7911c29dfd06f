import type { JSONWebKeySet } from 'jose';
import { decisionIn } from '../answers.js';
import type { Decision } from '../licensee.js';
import type { OfflineFacts, OfflineRecord } from '../offline/judge.js';
import { type OfflineVerdict, verifyLicenseFile, verifyOfflineResponse } from '../offline/licenseFile.js';
import { createOfflineRequest, type MadeRequest } from '../offline/request.js';
import { isClockSetBack, sawTime, vendorTime } from './clockGuard.js';
import { type Kept, MOST_CHARACTERS } from './kept.js';
import * as ask from './operations.js';
import type { Parts } from './parts.js';
import { done, failed, notReady, outage, type Problem, type Result, unfit } from './results.js';
import type { Fields } from './transport.js';

/** An act that is sent again after an outage, as it was, goes under the same key: it is done once. */
export interface ActOptions {
  /** 1 to 255 printable ASCII characters; a random one if left out. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const newKey = (): string => crypto.randomUUID();

async function activationOf({ vault, hide }: Parts): Promise<{ token: string; id: string } | null> {
  const { activation } = await vault.read();
  if (activation !== null) hide(activation.token);
  return activation;
}

/** Sends a mutation under a key; by which token or key, its input or the header says. */
function act(
  { transport }: Parts,
  query: string,
  input: object,
  { idempotencyKey = newKey(), signal }: ActOptions,
  authorization?: string,
): Promise<Result<Fields>> {
  return transport.send({ query, variables: { input }, idempotencyKey, signal, authorization });
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.length > 0 ? value : undefined;

/** Keeps a token that was answered; what is held of an earlier one answers questions by that one alone. */
async function keepActivation(parts: Parts, answer: Fields): Promise<Result<{ activationId: string }>> {
  const token = text(answer.activationToken);
  const { id } = (answer.activation ?? {}) as Fields;
  const activationId = text(id);
  if (token === undefined || activationId === undefined) return failed(outage('ANSWER_UNREADABLE'));
  parts.hide(token);
  await parts.vault.update((kept) => ({ ...kept, activation: { token, id: activationId } }));
  return done({ activationId });
}

/** What may be told of this device beyond its fingerprint. */
export interface ActivateOptions extends ActOptions {
  /** A code of `generateEmergencyCode`. */
  readonly emergencyCode?: string | undefined;
}

export async function activate(
  parts: Parts,
  options: ActivateOptions,
): Promise<Result<{ activationId: string }>> {
  const { licenseKey, device, tenantId } = parts;
  const { fingerprint: deviceFingerprint, ...facts } = device;
  const { emergencyCode } = options;
  const input = { licenseKey, deviceFingerprint, tenantId, ...facts, emergencyCode };
  const answered = await act(parts, ask.ACTIVATE, input, options);
  return answered.ok ? keepActivation(parts, answered.value) : answered;
}

/** Twice is the same as once; whatever was held holds no longer. */
export async function deactivate(
  parts: Parts,
  { reason, ...options }: ActOptions & { readonly reason?: string | undefined },
): Promise<Result<null>> {
  const activation = await activationOf(parts);
  if (activation === null) return failed(notReady('NOT_ACTIVATED'));
  const input = { activationToken: activation.token, reason };
  const answered = await act(parts, ask.DEACTIVATE, input, options);
  if (!answered.ok && !isGone(answered.problem)) return answered;
  await parts.vault.update((kept) => ({ ...kept, activation: null, answers: [] }));
  return done(null);
}

/** The server knows no such activation: what was to be ended is over. */
function isGone(problem: Problem): boolean {
  return problem.kind === 'REFUSED' && problem.code === 'ACTIVATION_NOT_FOUND';
}

/** Gives a floating seat up, and keeps the activation. */
export async function releaseLease(parts: Parts, options: ActOptions): Promise<Result<null>> {
  const activation = await activationOf(parts);
  if (activation === null) return failed(notReady('NOT_ACTIVATED'));
  // Whatever the server hears of it: whoever gives a seat up holds it no longer.
  await parts.vault.update((kept) => ({ ...kept, loan: null }));
  const answered = await act(parts, ask.RELEASE, { activationToken: activation.token }, options);
  return answered.ok ? done(null) : answered;
}

/** Takes a floating seat along, and keeps until when: it is held by a start without a connection, too. */
export async function borrowLease(
  parts: Parts,
  hours: number,
  options: ActOptions,
): Promise<Result<{ until: Date }>> {
  const activation = await activationOf(parts);
  if (activation === null) return failed(notReady('NOT_ACTIVATED'));
  const input = { activationToken: activation.token, hours };
  const answered = await act(parts, ask.BORROW, input, options);
  if (!answered.ok) return answered;
  const { borrowedUntil } = (answered.value.activation ?? {}) as Fields;
  const until = Date.parse(String(borrowedUntil));
  if (Number.isNaN(until)) return failed(outage('ANSWER_UNREADABLE'));
  const loan = { activationId: activation.id, until };
  const isKept = await parts.vault.update((kept) => ({ ...kept, loan }));
  return isKept ? done({ until: new Date(until) }) : failed(notReady('STORE_FAILED'));
}

/** How long the seat that was taken along is left, by the vendor's time as far as it is known; 0 if it is not. */
export async function loanLeft({ vault, time }: Parts): Promise<number> {
  const now = time.now();
  const kept = await vault.read();
  const { loan, activation } = kept;
  if (loan === null || loan.activationId !== activation?.id) return 0;
  if (kept.isTampered || isClockSetBack(kept, now)) return 0;
  const left = loan.until - vendorTime(sawTime(kept, now), now);
  await vault.update((known) => sawTime(known, now));
  return Math.max(0, left);
}

/** As the activation, or as the license where the device has none; whose that license is, an activation alone has shown. */
async function authorizationOf(parts: Parts): Promise<Result<string>> {
  const activation = await activationOf(parts);
  if (activation !== null) return done(`Activation ${activation.token}`);
  return parts.tenantId === undefined
    ? done(`License ${parts.licenseKey}`)
    : failed(notReady('NOT_ACTIVATED'));
}

async function actAuthorized(parts: Parts, query: string, input: object, options: ActOptions) {
  const authorized = await authorizationOf(parts);
  return authorized.ok ? act(parts, query, input, options, authorized.value) : authorized;
}

/** A feature and how many units of it are drawn; 0 only asks whether it is granted. */
export interface FeatureUse {
  readonly featureId: string;
  readonly amount?: number | undefined;
}

/** Draws units of all of it or of nothing, once for a key. */
export async function consume(
  parts: Parts,
  uses: readonly FeatureUse[],
  options: ActOptions,
): Promise<Result<Decision>> {
  // GraphQL takes one entry for a list of one: it would be drawn, and nothing here could read what was.
  if (!Array.isArray(uses)) return failed(unfit('uses: has to be a list'));
  const answered = await actAuthorized(parts, ask.CONSUME, { uses }, options);
  if (!answered.ok) return answered;
  try {
    return done(
      decisionIn(
        answered.value,
        uses.map(({ featureId }) => featureId),
      ),
    );
  } catch {
    // It says so of an answer that is none.
    return failed(outage('ANSWER_UNREADABLE'));
  }
}

/** Gives units back that a grant drew; twice is the same as once. */
export async function refund(
  parts: Parts,
  grant: { readonly grantId: string; readonly lines?: readonly number[] | undefined },
  options: ActOptions,
): Promise<Result<null>> {
  const answered = await actAuthorized(parts, ask.REFUND, { ...grant }, options);
  return answered.ok ? done(null) : answered;
}

/** A license file, as it was answered. */
export interface LicenseFile {
  readonly licenseFile: string;
  readonly expiresAt: Date;
}

export async function checkout(
  parts: Parts,
  options: ActOptions & { readonly validDays?: number | undefined; readonly encrypted?: boolean | undefined },
): Promise<Result<LicenseFile>> {
  const { fingerprint, user, hardwareId, macAddress, domain, location } = parts.device;
  const { validDays, encrypted } = options;
  const activation = await activationOf(parts);
  const shown =
    activation === null ? { licenseKey: parts.licenseKey } : { activationToken: activation.token };
  const facts = { deviceFingerprint: fingerprint, user, hardwareId, macAddress, domain };
  const input = { ...shown, ...facts, country: location?.country, validDays, encrypted };
  const answered = await act(parts, ask.CHECKOUT, input, options);
  if (!answered.ok) return answered;
  const licenseFile = text(answered.value.licenseFile);
  const expiresAt = new Date(String(answered.value.expiresAt));
  if (licenseFile === undefined || Number.isNaN(expiresAt.getTime()))
    return failed(outage('ANSWER_UNREADABLE'));
  return done({ licenseFile, expiresAt });
}

/** Makes a request without a connection, and keeps what tells its response from any other. */
export async function createRequest(parts: Parts, keys: JSONWebKeySet): Promise<Result<MadeRequest>> {
  const { licenseKey, device, time, vault } = parts;
  const { fingerprint: deviceFingerprint, location, ...facts } = device;
  const { country, timezone } = location ?? {};
  try {
    const about = { licenseKey, deviceFingerprint, ...facts, country, timezone };
    const made = await createOfflineRequest(about, keys, new Date(time.now()));
    const pending = { requestCode: made.requestCode, nonce: made.pending.nonce };
    const isKept = await vault.update((kept) => ({ ...kept, pending }));
    return isKept ? done(made) : failed(notReady('STORE_FAILED'));
  } catch {
    // Keys that hold none to encrypt to, or none that is one.
    return failed(notReady('NO_PUBLIC_KEYS'));
  }
}

/** What the device itself knows, for a document that is judged without a connection. */
function factsOf({ device, tenantId, time, licenseKey }: Parts, record: OfflineFacts['record']) {
  const { fingerprint, user, productId, version, hardwareId, macAddress, domain, location } = device;
  const facts = { user, tenantId, productId, hardwareId, macAddress, domain, country: location?.country };
  const named = version === undefined ? {} : { version: { name: version } };
  return {
    licenseKey,
    deviceFingerprint: fingerprint,
    now: new Date(time.now()),
    ...facts,
    ...named,
    record,
  };
}

export type OfflineAsking = Pick<OfflineFacts, 'features' | 'revocations' | 'version'>;

/** Both members only grow, whichever of two looks is written last. */
function grown(known: Kept['offline'], next: OfflineRecord): OfflineRecord {
  if (known === null) return next;
  const seenAt = Date.parse(known.seenAt) > Date.parse(next.seenAt) ? known.seenAt : next.seenAt;
  return { seenAt, epoch: Math.max(known.epoch, next.epoch) };
}

/** Notes the time for verdicts that are held and for loans, too: a clock that is set back shows less to all of them. */
async function recorded(parts: Parts, verdict: OfflineVerdict): Promise<OfflineVerdict> {
  const { record } = verdict;
  if (record !== undefined) {
    const now = parts.time.now();
    await parts.vault.update((kept) => ({ ...sawTime(kept, now), offline: grown(kept.offline, record) }));
  }
  return verdict;
}

/** What was seen of time and of revocation lists: by files, by signed answers, and by this device's clock since. */
function recordOf({ offline, signedAt, seenAt, offset }: Kept): OfflineFacts['record'] {
  const seen = Math.max(signedAt, seenAt - offset, Date.parse(offline?.seenAt ?? '') || 0);
  return seen === 0 ? undefined : { seenAt: new Date(seen).toISOString(), epoch: offline?.epoch ?? 0 };
}

/** Where the record of time was edited, nobody knows how late it is. */
function unrecorded(): OfflineVerdict {
  const message = 'What this device keeps of the time was edited.';
  const reason = { code: 'CLOCK_SET_BACK', message, remedy: 'Connect to the license server.' } as const;
  const nothing = { license: null, activationId: null, expiresAt: null, record: undefined };
  return { valid: false, code: reason.code, reasons: [reason], ...nothing };
}

/** What is no evidence on a document is refused as SIGNATURE_INVALID, and not kept; what is has the epoch of the record. */
async function keepList({ vault }: Parts, list: string, { code, record }: OfflineVerdict): Promise<void> {
  const { epoch = 0 } = record ?? {};
  if (code === 'SIGNATURE_INVALID' || list.length > MOST_CHARACTERS) return;
  await vault.update((kept) =>
    epoch < (kept.revocations?.epoch ?? 0) ? kept : { ...kept, revocations: { list, epoch } },
  );
}

/**
 * By the list that came along, else by the latest one that was shown: whoever takes it away again gains nothing by it.
 * A document that was signed after that list is not judged by it.
 */
async function judgedByList(
  parts: Parts,
  { revocations: known }: Kept,
  facts: OfflineFacts,
  judge: (facts: OfflineFacts) => Promise<OfflineVerdict>,
): Promise<OfflineVerdict> {
  const verdict = await recorded(parts, await judge(facts));
  const { revocations: shown } = facts;
  if (typeof shown === 'string') await keepList(parts, shown, verdict);
  if (typeof shown === 'string' || !verdict.valid || known === null) return verdict;
  const listed = await judge({ ...facts, record: undefined, revocations: known.list });
  return listed.code === 'SIGNATURE_INVALID' ? verdict : { ...listed, record: verdict.record };
}

/** Judges a file by the keys that are known and the record that is kept, without a connection. */
export async function judgeFile(
  parts: Parts,
  file: string,
  keys: JSONWebKeySet,
  asking: OfflineAsking,
): Promise<OfflineVerdict> {
  const kept = await parts.vault.read();
  if (kept.isTampered) return unrecorded();
  const facts = { ...factsOf(parts, recordOf(kept)), ...asking };
  return judgedByList(parts, kept, facts, (known) => verifyLicenseFile(file, keys, known));
}

/** Judges the response to the request of this device, without a connection. */
export async function judgeResponse(
  parts: Parts,
  response: string,
  keys: JSONWebKeySet,
  asking: OfflineAsking,
): Promise<Result<OfflineVerdict>> {
  const kept = await parts.vault.read();
  const { pending } = kept;
  if (kept.isTampered) return done(unrecorded());
  if (pending === null) return failed(notReady('NO_REQUEST_PENDING'));
  const facts = { ...factsOf(parts, recordOf(kept)), ...asking };
  const judge = (known: OfflineFacts) => verifyOfflineResponse(response, pending, keys, known);
  return done(await judgedByList(parts, kept, facts, judge));
}

/** Registers a response once there is a connection: from then on the device is one like others. */
export async function register(
  parts: Parts,
  responseCode: string,
  options: ActOptions,
): Promise<Result<{ activationId: string }>> {
  const { pending } = await parts.vault.read();
  if (pending === null) return failed(notReady('NO_REQUEST_PENDING'));
  const { requestCode } = pending;
  const answered = await act(parts, ask.REGISTER, { requestCode, responseCode }, options);
  if (!answered.ok) return answered;
  const registered = await keepActivation(parts, answered.value);
  if (registered.ok) await parts.vault.update((kept) => ({ ...kept, pending: null }));
  return registered;
}
