/** What `licensegraph/sdk/offline` exports: requests and license files on a device without a connection; runs in browsers. */
export { InvalidArgument } from './arguments.js';
export type { OfflineFacts, OfflineRecord } from './judge.js';
export type { DocumentActivation, DocumentLicense } from './licenseDocument.js';
export { type OfflineVerdict, verifyLicenseFile, verifyOfflineResponse } from './licenseFile.js';
export {
  createOfflineRequest,
  type MadeRequest,
  type OfflineDevice,
  type PendingRequest,
} from './request.js';
export { CLOCK_TOLERANCE_SECONDS } from './signature.js';
