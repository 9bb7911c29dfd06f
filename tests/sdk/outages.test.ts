import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type LicenseGraph,
  type LicenseGraphOptions,
  licenseGraph,
  Unreachable,
} from '../../src/sdk/index.js';
import { answering, type BadServer, granting, silent, startBadServer } from '../support/badServers.js';

/** A machine that answers as a license server does, until it stops. */
let server: BadServer;
let errors: unknown[];
beforeEach(async () => {
  server = await startBadServer(granting);
  errors = [];
});
afterEach(() => server.stop());

/** No test waits for so long: who is left alone stays so. */
const MILLIS = 60_000;
const busy = answering('{"errors":[{"message":"busy","extensions":{"code":"SERVER_BUSY"}}]}', 503);

function connect(options: Partial<LicenseGraphOptions> = {}): LicenseGraph {
  return licenseGraph({
    url: server.url,
    apiKey: 'lgk_x',
    failMode: 'CLOSED',
    timeoutMillis: 30_000,
    circuit: { failures: 3, millis: MILLIS },
    onError: (error) => void errors.push(error),
    ...options,
  });
}

async function ask(graph: LicenseGraph, consume = 0): Promise<unknown> {
  return graph.requireFeature('SELF', 'calls', { consume }).then(
    ({ uncounted }) => uncounted ?? 'granted',
    ({ code }) => code,
  );
}

describe('a question', () => {
  test('goes out twice at most, and both times under one idempotency key', async () => {
    const keys: (string | null)[] = [];
    const noting: typeof fetch = (input, init) => {
      keys.push(new Headers(init?.headers).get('idempotency-key'));
      return fetch(input, init);
    };
    server.behave = busy;
    const graph = connect({ fetch: noting });

    const answers = [await ask(graph, 1), await ask(graph, 1)];

    expect(answers).toEqual(['ENTITLEMENTS_UNAVAILABLE', 'ENTITLEMENTS_UNAVAILABLE']);
    expect(keys).toHaveLength(4);
    expect([keys[0] === keys[1], keys[2] === keys[3], keys[1] === keys[2]]).toEqual([true, true, false]);
  });

  test('is answered by the second try when the first was not answered in time', async () => {
    const [first] = [silent];
    server.behave = (response, body) => {
      server.behave = granting;
      first(response, body);
    };

    expect(await ask(connect({ timeoutMillis: 1_000 }), 1)).toBe('granted');
    expect(server.seen.requests).toBe(2);
    expect(errors).toEqual([]);
  });

  test('of a whole operation is one call, and many go over one connection', async () => {
    const graph = connect();
    const uses = ['calls', 'gold', 'plain'].map((featureId) => ({ featureId, amount: 1 }));

    const decision = await graph.decide('SELF', uses);
    for (let asked = 0; asked < 30; asked += 1) await ask(graph, 1);

    expect(decision.verdicts.map(({ granted }) => granted)).toEqual([true, true, true]);
    expect(server.seen.requests).toBe(31);
    // The platform opens a second one when the first is about to be free.
    expect(server.seen.connections).toBeLessThanOrEqual(2);
  });

  test('that the server declines is no outage: nobody is left alone for it', async () => {
    server.behave = answering('{"errors":[{"message":"no","extensions":{"code":"API_KEY_REVOKED"}}]}', 401);
    const graph = connect({ failMode: 'OPEN' });

    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(graph, 1)));

    expect(new Set(answers)).toEqual(new Set(['ENTITLEMENTS_UNAVAILABLE']));
    expect([graph.circuit, server.seen.requests]).toEqual(['CLOSED', 10]);
  });
});

describe('a server that stops answering', () => {
  async function broken(graph: LicenseGraph): Promise<void> {
    server.behave = busy;
    for (let failed = 0; failed < 3; failed += 1) await ask(graph, 1);
  }

  test('is left alone after three failures in a row, and nobody waits for it', async () => {
    const graph = connect();

    await broken(graph);
    const asked = server.seen.requests;
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(graph, 1)));

    expect(graph.circuit).toBe('OPEN');
    expect(new Set(answers)).toEqual(new Set(['ENTITLEMENTS_UNAVAILABLE']));
    expect([asked, server.seen.requests]).toEqual([6, 6]);
    expect(errors.at(-1)).toBeInstanceOf(Unreachable);
  });

  test('is not left alone for failures with an answer between them', async () => {
    const graph = connect();
    for (let round = 0; round < 4; round += 1) {
      server.behave = busy;
      await ask(graph, 1);
      await ask(graph, 1);
      server.behave = granting;
      expect(await ask(graph, 1)).toBe('granted');
    }

    expect(graph.circuit).toBe('CLOSED');
  });

  test('is asked by a single question when its time is over; its answer lets all through again', async () => {
    const graph = connect({ circuit: { failures: 3, millis: 50 } });
    await broken(graph);
    await expect.poll(() => graph.circuit).toBe('HALF_OPEN');
    const before = server.seen.requests;
    let answer: () => void = () => undefined;
    server.behave = (response, body) => {
      answer = () => granting(response, body);
    };

    const probe = ask(graph, 1);
    await expect.poll(() => server.seen.requests).toBe(before + 1);
    const others = await Promise.all([ask(graph, 1), ask(graph, 1)]);
    server.behave = granting;
    answer();

    expect(others).toEqual(['ENTITLEMENTS_UNAVAILABLE', 'ENTITLEMENTS_UNAVAILABLE']);
    expect(await probe).toBe('granted');
    expect(graph.circuit).toBe('CLOSED');
    expect(await ask(graph, 1)).toBe('granted');
    expect(server.seen.requests).toBe(before + 2);
  });

  test('is left alone as long again if that question fails', async () => {
    const graph = connect({ circuit: { failures: 3, millis: 1_500 } });
    await broken(graph);
    await expect.poll(() => graph.circuit).toBe('HALF_OPEN');

    await ask(graph, 1);
    const asked = server.seen.requests;

    expect(graph.circuit).toBe('OPEN');
    await ask(graph, 1);
    expect(server.seen.requests).toBe(asked);
  });

  test('lets everything pass uncounted with OPEN, and each time is told with what was asked', async () => {
    const told: unknown[] = [];
    const graph = connect({
      failMode: 'OPEN',
      onUncounted: (uses, reason) => void told.push([uses, reason]),
    });

    await broken(graph);

    expect(await ask(graph, 7)).toBe('the license server was away');
    expect(told).toHaveLength(4);
    expect(told.at(-1)).toEqual([[{ featureId: 'calls', amount: 7 }], 'the license server was away']);
  });

  test('gets the units that it missed back when it answers again, each once', async () => {
    const returned: unknown[] = [];
    const drawing: BadServer['behave'] = (response, body) => {
      const { query, variables } = JSON.parse(body);
      if (query.includes('refundFeatures')) {
        returned.push(variables.input.lines);
        return answering('{"data":{"answer":{"refunds":[]}}}')(response, body);
      }
      const granted = {
        featureId: 'calls',
        granted: true,
        code: null,
        message: null,
        refusedFeatureId: null,
      };
      const verdict = { ...granted, lines: [returned.length + 1], limit: 9, used: 1, windowEndsAt: null };
      return answering(JSON.stringify({ data: { answer: { grantId: 'g', verdicts: [verdict] } } }))(
        response,
        body,
      );
    };
    server.behave = drawing;
    const graph = connect({ circuit: { failures: 100 } });
    const use = await graph.requireFeature('SELF', 'calls', { consume: 1 });

    server.behave = busy;
    await use.giveBack();
    const during = [...returned];
    server.behave = drawing;
    await ask(graph, 1);
    await expect.poll(() => returned.length).toBe(1);
    await use.giveBack();
    await ask(graph, 1);

    expect(during).toEqual([]);
    expect(returned).toEqual([[1]]);
    expect(errors).toHaveLength(1);
  });
});

test.each([
  ['no address', { url: '' }, 'url: has to be the address of a license server, https://…/graphql'],
  ['a path for an address', { url: '/graphql' }, 'url: has to be the address'],
  ['another protocol', { url: 'ftp://x/graphql' }, 'url: has to be the address'],
  ['no key', { apiKey: undefined }, 'apiKey: has to be an API key with the permission feature.consume'],
  ['a key with a line end', { apiKey: 'lgk_x\n' }, 'apiKey: has to be'],
  ['no failure mode', { failMode: undefined }, "failMode: has to be 'CLOSED' or 'OPEN'"],
  ['another way to decide', { decide: 'GUESS' }, "decide: has to be 'REMOTE' or 'LOCAL'"],
  ['no time', { timeoutMillis: 0 }, 'timeoutMillis: has to be more than 0'],
])('%s does not make a connection', (_what, options, message) => {
  expect(() => connect(options as Partial<LicenseGraphOptions>)).toThrow(message);
});

test.each([null, undefined, '', 'x'.repeat(256)])(
  '%s for a license key is nobody, and nobody is asked',
  async (licenseKey) => {
    const graph = connect();

    await expect(graph.requireFeature({ licenseKey }, 'calls', { consume: 1 })).rejects.toMatchObject({
      code: 'NO_ACTIVE_LICENSE',
      status: 403,
    });
    expect(server.seen.requests).toBe(0);
  },
);

test.each([-1, 0.5, Number.NaN, 2 ** 53])('%d units are no number of units', async (consume) => {
  await expect(connect().requireFeature('SELF', 'calls', { consume })).rejects.toThrow('consume: has to be');
  expect(server.seen.requests).toBe(0);
});
