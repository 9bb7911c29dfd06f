import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  BODY_LIMIT_BYTES,
  doorPath,
  type InboundProcessor,
  inboundProcessors,
} from '../../billing/model/inbound.js';
import type { Machinery } from '../operation/machinery.js';

type AddressOf = (request: FastifyRequest) => string | undefined;

function addDoor(
  scope: FastifyInstance,
  { inbound, drain }: Machinery,
  processor: InboundProcessor,
  addressOf: AddressOf,
): void {
  const take = async (request: FastifyRequest, reply: FastifyReply, endpointId?: string) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const { headers, id: requestId } = request;
    const address = addressOf(request);
    await drain.track(inbound.take({ processor, endpointId, headers, body, address, requestId }));
    return reply.send({ received: true });
  };
  if (inbound.isOpen(processor)) scope.post(doorPath(processor), (request, reply) => take(request, reply));
  scope.post<{ Params: { endpointId: string } }>(doorPath(processor, ':endpointId'), (request, reply) =>
    take(request, reply, request.params.endpointId),
  );
}

/** Where payment processors send their webhooks: of a body nothing is read here but its bytes, which are signed. */
export async function addInboundWebhooks(
  app: FastifyInstance,
  machinery: Machinery,
  addressOf: AddressOf,
): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const options = { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES } as const;
    scope.addContentTypeParser('application/json', options, (_request, body, done) => done(null, body));
    for (const processor of inboundProcessors) addDoor(scope, machinery, processor, addressOf);
  });
}
