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

  test('is read again for all who are refused by it together, and no more often than once in 50 ms', async () => {
    const licensees = new Licensees();
    const named = { tenantId: 'one' as TenantId, name: 'n' };
    const begun: number[] = [];
    const load = async (): Promise<Licensee> => {
      begun.push(performance.now());
      return licensee;
    };

    await licensees.renew(named, load);
    const asked = performance.now();
    await Promise.all(Array.from({ length: 1000 }, () => licensees.renew(named, load)));

    expect(begun).toHaveLength(2);
    // Timers may come a millisecond early.
    expect(Number(begun[1]) - Number(begun[0])).toBeGreaterThanOrEqual(48);
    expect(Number(begun[1])).toBeGreaterThanOrEqual(asked);
  });

  test('is not told to whoever asks while it is read: that read began before', async () => {
    const licensees = new Licensees();
    const named = { tenantId: 'one' as TenantId, name: 'n' };
    let sold = false;
    const load = async (): Promise<Licensee> => {
      const found = { ...licensee, licensed: sold };
      await new Promise((resolve) => setImmediate(resolve));
      return found;
    };

    const first = licensees.renew(named, load);
    sold = true;
    const second = await licensees.renew(named, load);

    expect([(await first).licensed, second.licensed]).toEqual([false, true]);
  });

  test('is read by the others for themselves when the one whose turn it was has gone', async () => {
    const licensees = new Licensees();
    const named = { tenantId: 'one' as TenantId, name: 'n' };
    await licensees.renew(named, async () => licensee);

    const gone = licensees.renew(named, () => Promise.reject(new Error('hung up')));
    const other = licensees.renew(named, async () => licensee);

    await expect(gone).rejects.toThrow('hung up');
    expect(await other).toBe(licensee);
  });
});
