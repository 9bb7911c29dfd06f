/** What `licensegraph/client` exports: the license client for an application, on Node.js and in browsers. */
export {
  type Reason,
  type Verdict,
  type VerdictCode,
  verdictCodes,
} from '../../activations/model/verdict.js';
export { type RefusalCode, refusalCodes } from '../../core/refusal.js';
export type { Decision, Verdict as UseVerdict } from '../licensee.js';
export { InvalidArgument } from '../offline/arguments.js';
export type { OfflineFacts, OfflineRecord } from '../offline/judge.js';
export {
  type OfflineVerdict,
  verifyLicenseFile as verifyOffline,
  verifyOfflineResponse,
} from '../offline/licenseFile.js';
export { createOfflineRequest, type MadeRequest, type OfflineDevice } from '../offline/request.js';
export { openRevocationList, type RevocationList } from '../offline/revocationList.js';
export type { ActivateOptions, ActOptions, FeatureUse, LicenseFile, OfflineAsking } from './acts.js';
export { storedFingerprint } from './fingerprint.js';
export { FloatingLease, type FloatingLeaseOptions, type LeaseState } from './floatingLease.js';
export { type Beat, type HeartbeatOptions, Heartbeats } from './heartbeats.js';
export { LicenseClient } from './licenseClient.js';
export type { Device, DeviceLocation, LicenseClientOptions, OutagePolicy } from './options.js';
export {
  exhausted,
  type Forged,
  type NotReady,
  type Outage,
  type OutageReason,
  outageReasons,
  type Problem,
  type Refused,
  type Result,
} from './results.js';
export { memoryStore, type StorageLike, type Store, webStore } from './stores.js';
export { systemTime, type Time } from './time.js';
export type { TrustedKeys } from './trust.js';
export type { UsageReport } from './usage.js';
export type { Asking } from './validate.js';
export {
  type AnswerCode,
  type AnswerReason,
  type ClientCode,
  clientCodes,
  type LicenseVerdict,
} from './verdicts.js';
