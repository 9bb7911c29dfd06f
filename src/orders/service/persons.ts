import { makersOf } from '../../access/queries/apiKeys.js';
import { tenantOf } from '../../access/queries.js';
import type { Work } from '../../core/work.js';
import { secondPersonNeeded } from '../model.js';
import type { Order } from '../table.js';
import { orderingSubject } from './changeOrder.js';

/** Who acts: whoever made the API key that he comes with is the same person. */
export async function personsOf(work: Work): Promise<readonly string[]> {
  const { actor } = work;
  const key = actor.kind === 'user' || actor.kind === 'service' ? actor.apiKeyId : undefined;
  return [orderingSubject(work), ...(key === undefined ? [] : await makersOf(work, key))];
}

/** Whether the tenant wants two people for an order. */
export async function wantsSecondPerson(work: Work): Promise<boolean> {
  return (await tenantOf(work)).settings.fourEyes ?? false;
}

/** An order that was made while two people were wanted keeps to that, whatever is set by now. */
export async function requireSecondPerson(work: Work, order: Order): Promise<void> {
  if (!(order.needsSecondPerson || (await wantsSecondPerson(work)))) return;
  const persons = await personsOf(work);
  if (persons.some((person) => order.orderedByPersons.includes(person))) throw secondPersonNeeded();
}
