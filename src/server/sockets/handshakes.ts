import type { WebSocket } from '@fastify/websocket';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * What a socket was opened by: a request, and an answer that is never sent. Both stayed with the connection, and through a
 * listener for errors with the socket, as long as that is open: 4 of the 17 kB of a subscriber who waits.
 */
export class Handshakes {
  readonly #replies = new WeakMap<FastifyRequest, FastifyReply>();

  note(request: FastifyRequest, reply: FastifyReply): void {
    this.#replies.set(request, reply);
  }

  /** Whoever takes the socket over listens for its errors from here on. */
  forget(socket: WebSocket, request: FastifyRequest): void {
    socket.removeAllListeners('error');
    this.#replies.get(request)?.raw.detachSocket(request.raw.socket);
  }
}
