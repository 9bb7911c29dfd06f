import { deactivateAll } from '../activations/service/deactivateActivation.js';
import type { Followers } from '../core/work.js';

/** What has to happen with an event of an earlier domain, in the same transaction. */
export const followers: Followers = {
  'license.revoked': [deactivateAll],
  'license.transferred': [deactivateAll],
};
