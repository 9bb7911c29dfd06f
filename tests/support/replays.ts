import { expect } from 'vitest';
import { tablesOf } from './acts.js';
import type { Answer, Claims, TestServer } from './server.js';

/** The header under which a mutation is done once. */
export function keyed(key: string): { 'idempotency-key': string } {
  return { 'idempotency-key': key };
}

/** The same mutation sent twice, one after the other. */
export async function sendTwice(
  server: TestServer,
  query: string,
  variables: object,
  as: Claims | undefined,
  key: string,
): Promise<readonly [Answer, Answer]> {
  const first = await server.graphql(query, variables, as, keyed(key));
  return [first, await server.graphql(query, variables, as, keyed(key))];
}

export interface StoredAnswer {
  readonly actor: string;
  readonly key: string;
  readonly responseName: string;
}

/** What is stored under a tenant's keys, in order. */
export async function storedAnswers(server: TestServer, tenantId: string): Promise<StoredAnswer[]> {
  const rows = await server.sql`select actor, key, response_name from idempotency_keys
    where tenant_id = ${tenantId} order by actor, key, response_name`;
  return rows.map((row) => ({ actor: row.actor, key: row.key, responseName: row.response_name }));
}

/** Sends what has to be refused with this code, and holds that it wrote nothing, no answer either. */
export async function refusedUnderKey(
  server: TestServer,
  tenantId: string,
  code: string,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const written = async () => [await tablesOf(server, tenantId), await storedAnswers(server, tenantId)];
  const before = await written();
  const answer = await send();
  expect(answer.errors.map((error) => error.extensions.code)).toEqual([code]);
  expect(await written()).toEqual(before);
  return answer;
}
