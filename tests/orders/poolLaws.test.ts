import { afterAll, beforeAll, expect, test } from 'vitest';
import { listIn, mutation } from '../support/acts.js';
import { allocate, type Channel, createPool, openChannel } from '../support/pools.js';
import { fc } from '../support/seed.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let channel: Channel;
beforeAll(async () => {
  server = await startTestServer();
  channel = await openChannel(server);
});
afterAll(() => server.stop());

type Step = ['allocate', number] | ['revoke', number] | ['resize', number] | ['keeps', boolean];

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('allocate' as const), fc.integer({ min: 1, max: 5 })) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('revoke' as const), fc.nat(30)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('resize' as const), fc.integer({ min: 0, max: 15 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('keeps' as const), fc.boolean()) },
);

const change = (act: string, input: object) =>
  server.graphql(mutation(act, '__typename'), { input }, channel.admin);

/** What the pool says of itself, and what its allocations and licenses say of it. */
async function stateOf(poolId: string) {
  const [row] = await server.sql`select pool.size, pool.allocated,
      count(taken.license_id) filter (where taken.returned_at is null)::int as standing,
      count(taken.license_id) filter (where taken.returned_at is not null and license.status <> 'REVOKED')::int as alive
    from license_pools pool left join pool_allocations taken on taken.pool_id = pool.id
      left join licenses license on license.id = taken.license_id
    where pool.id = ${poolId} group by pool.size, pool.allocated`;
  return { size: row?.size, allocated: row?.allocated, standing: row?.standing, alive: row?.alive };
}

test('however licenses are taken, revoked and pools resized at once, what is allocated is what was not returned, and never over the size', async () => {
  const everyRefusal = new Set<string | undefined>();

  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      async (rounds) => {
        const poolId = await createPool(server, channel, { size: 10 });
        const taken: string[] = [];
        const run = async ([kind, value]: Step): Promise<void> => {
          if (kind === 'allocate') {
            const answer = await allocate(server, channel, poolId, { quantity: value });
            everyRefusal.add(answer.code);
            const made = listIn<{ license: { id: string } }>(answer.data?.allocateFromPool?.licenses ?? []);
            taken.push(...made.map(({ license }) => license.id));
          } else if (kind === 'revoke') {
            const licenseId = taken[value % Math.max(1, taken.length)];
            if (licenseId !== undefined)
              everyRefusal.add((await change('revokeLicense', { licenseId, reason: 'x' })).code);
          } else if (kind === 'resize')
            everyRefusal.add((await change('updateLicensePool', { poolId, size: value })).code);
          else everyRefusal.add((await change('updateLicensePool', { poolId, returnsOnRevoke: value })).code);
        };

        for (const round of rounds) {
          await Promise.all(round.map(run));
          const { size, allocated, standing, alive } = await stateOf(poolId);
          expect({ standing, alive }).toEqual({ standing: allocated, alive: 0 });
          expect(allocated).toBeLessThanOrEqual(size);
          expect(await server.count('pool_allocations', `pool_id = '${poolId}'`)).toBe(taken.length);
        }
      },
    ),
    { numRuns: 12 },
  );

  const known = [undefined, 'LICENSE_POOL_EXHAUSTED', 'INVALID_TRANSITION', 'INVALID_INPUT'];
  expect([...everyRefusal].filter((code) => !known.includes(code))).toEqual([]);
});
