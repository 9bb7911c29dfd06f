import { mutation } from './acts.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

export interface MadeKey {
  readonly id: string;
  readonly secret: string;
}

/** Makes an API key through the graph; one that reads licenses unless something else is asked for. */
export async function createApiKey(
  server: TestServer,
  as: Claims | string,
  input: object = {},
): Promise<MadeKey> {
  const wanted = { name: 'Nightly export', permissions: ['license.read', 'viewer.read'], ...input };
  const data = await server.ok(mutation('createApiKey', 'secret apiKey { id }'), { input: wanted }, as);
  return { id: String(data.createApiKey?.apiKey?.id), secret: String(data.createApiKey?.secret) };
}

export function revokeApiKey(server: TestServer, as: Claims | string, apiKeyId: string): Promise<Answer> {
  return server.graphql(mutation('revokeApiKey', 'apiKey { id status }'), { input: { apiKeyId } }, as);
}

/** What a caller sees of the keys, by their ids. */
export async function keysSeenBy(
  server: TestServer,
  as: Claims | string,
  filter: object = {},
  selection = 'id',
): Promise<Json[]> {
  const query = `query ($filter: ApiKeyFilter) { apiKeys(first: 100, filter: $filter) { nodes { ${selection} } } }`;
  const data = await server.ok(query, { filter }, as);
  const nodes: unknown = data.apiKeys?.nodes;
  if (!Array.isArray(nodes)) throw new Error('no list was answered');
  return nodes;
}

/** Somebody who may do this, and make keys. */
export const holding = ({ tenant_id }: Claims, held: readonly string[], bound: object = {}): Claims => ({
  tenant_id,
  permissions: ['api_key.read', 'api_key.create', 'api_key.revoke', ...held],
  ...bound,
});
