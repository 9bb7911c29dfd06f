import { describe, expect, test } from 'vitest';
import type { UserActor } from '../../src/core/actor.js';
import type { CustomerId, TenantId } from '../../src/core/id.js';
import type { Licensee } from '../../src/entitlements/model/decide.js';
import { Licensees, type Question } from '../../src/server/operation/licensees.js';
import { START } from '../support/server.js';

const licensee: Licensee = { drawable: [], granted: new Set(), licensed: true, until: null };

function question(tenant: string, customer: string, features = ['a']): Question {
  const tenantId = tenant as TenantId;
  const actor: UserActor = {
    kind: 'user',
    subject: 'tester',
    tenantId,
    customerId: customer as CustomerId,
    permissions: new Set(),
    expiresAt: null,
  };
  return { actor, tenantId, now: START, needs: features.map((feature) => ({ feature, amount: 0 })) };
}

describe('what callers are granted', () => {
  test('is let go when it may not be used any more, of every tenant', async () => {
    let elapsed = 10_000;
    const licensees = new Licensees(() => elapsed);
    const ask = (tenant: string, customer: string) =>
      licensees.of(question(tenant, customer), async () => licensee);
    for (const tenant of ['one', 'two'])
      for (let customer = 0; customer < 50; customer += 1) await ask(tenant, String(customer));
    const before = licensees.size;

    elapsed += 2_000;
    const { isFresh } = await ask('one', '0');

    expect([before, isFresh, licensees.size]).toEqual([100, true, 1]);
  });

  test('is read once for the same features, in whatever order they are asked', async () => {
    const licensees = new Licensees();
    let loads = 0;
    const load = async (): Promise<Licensee> => {
      loads += 1;
      return licensee;
    };

    for (const features of [
      ['a', 'b', 'c'],
      ['c', 'a', 'b'],
      ['b', 'b', 'c', 'a'],
    ])
      await licensees.of(question('one', '1', features), load);

    expect([loads, licensees.size]).toEqual([1, 1]);
  });
});
