import type { KeyRing } from '../../core/crypto.js';
import type { Letter } from '../model/letters.js';
import { variablesBinding } from '../model/mail.js';
import type { Notification } from '../table/mail.js';

/** What a mail tells, as it was written down; undefined once that was erased. */
export function letterOf(
  keys: KeyRing,
  { tenantId, id, variables }: Pick<Notification, 'tenantId' | 'id' | 'variables'>,
): Letter | undefined {
  if (variables === null) return undefined;
  return JSON.parse(keys.decrypt(variables, variablesBinding(tenantId, id))) as Letter;
}
