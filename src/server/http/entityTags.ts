import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A body with the tag by which whoever has it knows that it is the same. */
export interface Published {
  readonly body: string;
  readonly etag: string;
}

export function published(body: string): Published {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` };
}

/** Answers a body, or that whoever asks has it already (RFC 9110, section 13.1.2). */
export function sendPublished(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: Published,
  { mediaType, keptSeconds }: { readonly mediaType: string; readonly keptSeconds: number },
): FastifyReply {
  reply.headers({ 'cache-control': `public, max-age=${keptSeconds}`, etag });
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known?.includes(etag) === true || known?.includes('*') === true) return reply.code(304).send();
  return reply.type(mediaType).send(body);
}
