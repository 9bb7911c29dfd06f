import { mutation } from './acts.js';
import { openShop, type Shop } from './fixtures.js';
import type { Answer, Claims, Json, TestServer } from './server.js';
import { createReseller } from './world.js';

/** A shop with a reseller, a customer of that reseller, and the reseller's own claims. */
export interface Channel extends Shop {
  readonly resellerId: string;
  readonly reseller: Claims;
}

export async function openChannel(server: TestServer, template: object = {}): Promise<Channel> {
  const shop = await openShop(server, template);
  const resellerId = await createReseller(server, shop.admin);
  await server.sql`update customers set reseller_id = ${resellerId} where id = ${shop.customerId}`;
  const reseller: Claims = {
    tenant_id: shop.admin.tenant_id,
    sub: 'rita',
    roles: ['reseller'],
    reseller_id: resellerId,
  };
  return { ...shop, resellerId, reseller };
}

export async function createPool(server: TestServer, channel: Channel, input: object = {}): Promise<string> {
  const { resellerId, templateId } = channel;
  const data = await server.ok(
    mutation('createLicensePool', 'pool { id }'),
    { input: { name: 'Spring', resellerId, templateId, size: 50, ...input } },
    channel.admin,
  );
  return String(data.createLicensePool?.pool?.id);
}

/** One allocation, as the reseller unless somebody else is named. */
export function allocate(
  server: TestServer,
  channel: Channel,
  poolId: string,
  input: object = {},
  as: Claims = channel.reseller,
): Promise<Answer> {
  return server.graphql(
    mutation(
      'allocateFromPool',
      'pool { allocated available } licenses { licenseKey license { id issuedTo status } }',
    ),
    { input: { poolId, customerId: channel.customerId, ...input } },
    as,
  );
}

export async function poolNow(server: TestServer, as: Claims, id: string): Promise<Json> {
  const data = await server.ok(
    'query ($id: ID!) { licensePool(id: $id) { size allocated available returnsOnRevoke expiresAt } }',
    { id },
    as,
  );
  if (data.licensePool === undefined) throw new Error('no pool was answered');
  return data.licensePool;
}
