/**
 * Subscribers in a process of their own, each on a socket that it keeps. What they were told, and when, is handed over once
 * all have been told as much as was wanted.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

let sockets = [];
let received = [];
let wanted = Number.POSITIVE_INFINITY;

const now = () => performance.timeOrigin + performance.now();

function heard(text) {
  const at = text.indexOf('"sequence":');
  if (at < 0) throw new Error(`a message that was not expected: ${text.slice(0, 300)}`);
  received.push([Number.parseInt(text.slice(at + 11), 10), now()]);
  if (received.length === wanted) process.send({ received });
}

function subscribe({ url, token, query }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws');
    socket.once('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { token } })));
    socket.on('message', (data) => {
      const text = data.toString();
      if (!text.includes('"connection_ack"')) return heard(text);
      // As the usual client names them.
      socket.send(JSON.stringify({ id: randomUUID(), type: 'subscribe', payload: { query } }));
      resolve(socket);
    });
  });
}

async function open(order) {
  for (let from = 0; from < order.count; from += 100) {
    const some = Array.from({ length: Math.min(100, order.count - from) }, () => subscribe(order));
    sockets.push(...(await Promise.all(some)));
  }
  process.send({ opened: sockets.length });
}

async function close() {
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of sockets) socket.terminate();
  await Promise.all(closed);
  sockets = [];
  process.send({ closed: closed.length });
}

process.on('message', (order) => {
  if (order.open) void open(order.open);
  else if (order.close) void close();
  else {
    received = [];
    wanted = order.want;
    process.send({ waiting: wanted });
  }
});
process.on('disconnect', () => process.exit());
