import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isPublicAddress } from '../../src/core/publicAddress.js';
import {
  retryAfterSeconds,
  type SendOptions,
  sendWebhook,
  type WebhookMessage,
} from '../../src/notifications/gateway/sendWebhook.js';
import { certificate, certificateKey } from '../support/certificate.js';
import { at, START } from '../support/server.js';
import { answering, type Receiver, startReceiver, taking } from '../support/webhooks.js';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  receiver.got.length = 0;
  receiver.answer = taking;
  await Promise.all(closing.splice(0).map((close) => close()));
});
afterAll(() => receiver.stop());

const closing: (() => Promise<void>)[] = [];

/** Something that listens and knows no HTTP; it is closed behind the test. */
async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

const saying = (text: string) => listening(createServer((socket) => void socket.end(text)));

const anything: SendOptions = {
  resolve: async () => ['127.0.0.1'],
  isAllowed: () => true,
  limits: { connectMillis: 30_000, totalMillis: 30_000 },
};
/** For receivers that never answer. */
const hasty: SendOptions = { ...anything, limits: { connectMillis: 300, totalMillis: 300 } };

function message(url: string): WebhookMessage {
  return { url, messageId: 'msg_1', body: '{}', secrets: ['whsec_MDEyMzQ1Njc4OWFiY2RlZg=='], now: START };
}

describe('an answer', () => {
  test.each([
    [200, null],
    [204, null],
    [299, null],
    [301, 'REDIRECT'],
    [304, 'REDIRECT'],
    [308, 'REDIRECT'],
    [400, 'CLIENT_ERROR'],
    [404, 'CLIENT_ERROR'],
    [410, 'GONE'],
    [429, 'CLIENT_ERROR'],
    [500, 'SERVER_ERROR'],
    [503, 'SERVER_ERROR'],
    [599, 'SERVER_ERROR'],
  ])('of %s is %s', async (status, error) => {
    receiver.answer = answering(status, { location: `${receiver.url}/elsewhere` });

    expect(await sendWebhook(message(receiver.url), anything)).toMatchObject({ statusCode: status, error });
    expect(receiver.got).toHaveLength(1);
  });

  test('is kept to its first kilobyte, of an answer without an end too', async () => {
    receiver.answer = (_received, response) => {
      response.writeHead(200);
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), more);
      };
      more();
    };

    const { error, response } = await sendWebhook(message(receiver.url), anything);

    expect([error, response]).toEqual([null, 'x'.repeat(1_024)]);
  });

  test('that began is one, whatever happens to the rest of it', async () => {
    receiver.answer = (_received, response) => {
      response.writeHead(200).write('tak');
      setTimeout(() => response.destroy(), 20);
    };

    const { statusCode, error, response } = await sendWebhook(message(receiver.url), anything);

    expect([statusCode, error, response]).toEqual([200, null, 'tak']);
  });

  test('is kept as text that can be stored and shown', async () => {
    receiver.answer = answering(500, {}, 'a\0b\u0007c\n\u{d8}é');

    expect((await sendWebhook(message(receiver.url), anything)).response).toBe('a\u{fffd}b\u{fffd}c\nØé');
  });

  test.each([
    ['120', 120],
    ['0', 0],
    ['Sun, 01 Mar 2026 12:01:30 GMT', 90],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['-5', 0],
    ['1e9', 0],
    ['tomorrow', 0],
    ['9999999999', 0],
    [undefined, 0],
  ])('that says Retry-After: %s asks for %s seconds', (header, expected) => {
    expect(retryAfterSeconds(header, at('2026-03-01T12:00:00Z'))).toBe(expected);
  });
});

describe('a failure', () => {
  test.each<[string, string, () => Promise<string>]>([
    [
      'nobody listening',
      'REFUSED',
      async () => {
        const port = await saying('');
        await closing.pop()?.();
        return `http://127.0.0.1:${port}/`;
      },
    ],
    ['a connection that is closed', 'RESET', async () => `http://127.0.0.1:${await saying('')}/`],
    [
      'a connection that is reset',
      'RESET',
      async () =>
        `http://127.0.0.1:${await listening(createServer((socket) => void socket.resetAndDestroy()))}/`,
    ],
    [
      'what is no HTTP',
      'INVALID_RESPONSE',
      async () => `http://127.0.0.1:${await saying('SSH-2.0-OpenSSH\r\n')}/`,
    ],
    [
      'headers without an end',
      'INVALID_RESPONSE',
      async () => `http://127.0.0.1:${await saying(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`)}/`,
    ],
    [
      'no answer',
      'TIMEOUT',
      async () => `http://127.0.0.1:${await listening(createServer(() => undefined))}/`,
    ],
    [
      'an answer by drops',
      'TIMEOUT',
      async () => {
        const drip = createServer((socket) => {
          socket.write('HTTP/1.1 200 OK\r\nx: ');
          const timer = setInterval(() => socket.write('y'), 20);
          socket.on('close', () => clearInterval(timer));
        });
        return `http://127.0.0.1:${await listening(drip)}/`;
      },
    ],
    [
      'an answer that changes the protocol',
      'RESET',
      async () => {
        const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n';
        return `http://127.0.0.1:${await saying(upgrade)}/`;
      },
    ],
    [
      'plain text in the place of TLS',
      'TLS',
      async () => `https://127.0.0.1:${await saying('HTTP/1.1 200 OK\r\n\r\n')}/`,
    ],
    [
      'TLS that is never agreed on',
      'TIMEOUT',
      async () => `https://127.0.0.1:${await listening(createServer(() => undefined))}/`,
    ],
  ])('by %s is %s', async (_what, error, open) => {
    const answer = await sendWebhook(message(await open()), error === 'TIMEOUT' ? hasty : anything);

    expect(answer).toMatchObject({ statusCode: null, error });
  });

  test.each([
    ['ENOTFOUND', 'DNS'],
    ['ECONNREFUSED', 'DNS'],
    ['ETIMEOUT', 'DNS'],
  ])('of name servers (%s) is %s', async (code, error) => {
    const failing = async () => {
      throw Object.assign(new Error('no'), { code, syscall: 'queryA' });
    };

    const answer = await sendWebhook(message('https://hooks.example.com/'), {
      ...anything,
      resolve: failing,
    });

    expect(answer.error).toBe(error);
  });

  test('of name servers that never answer is one in time', async () => {
    const silent = (): Promise<string[]> => new Promise(() => undefined);

    const answer = await sendWebhook(message('https://hooks.example.com/'), { ...hasty, resolve: silent });

    expect(answer.error).toBe('TIMEOUT');
  });
});

describe('over https', () => {
  async function secure(): Promise<number> {
    const options = { cert: certificate, key: certificateKey };
    return listening(createSecureServer(options, (_request, response) => void response.end('taken')));
  }

  test('a receiver is believed whose certificate is vouched for, for its name', async () => {
    const port = await secure();
    const trusting = { ...anything, ca: certificate };

    const named = await sendWebhook(message(`https://hooks.example.com:${port}/`), trusting);
    const other = await sendWebhook(message(`https://other.example.com:${port}/`), trusting);
    const unknown = await sendWebhook(message(`https://hooks.example.com:${port}/`), anything);

    expect([named.error, other.error, unknown.error]).toEqual([null, 'TLS', 'TLS']);
  });
});

describe('private networks', () => {
  const publicOnly = { ...anything, isAllowed: isPublicAddress };

  test.each([
    ['127.0.0.1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['fe80::1'],
    ['fd00::1'],
    ['64:ff9b::7f00:1'],
  ])('are not connected to where a name leads to %s', async (address) => {
    const { port } = new URL(receiver.url);

    const answer = await sendWebhook(message(`http://hooks.example.com:${port}/`), {
      ...publicOnly,
      resolve: async () => [address],
    });

    expect(answer.error).toBe('ADDRESS_NOT_PUBLIC');
    expect(receiver.got).toEqual([]);
  });

  test.each([['127.0.0.1'], ['[::1]'], ['[::ffff:7f00:1]'], ['0x7f.1']])(
    'are not connected to where %s stands in the place of a name',
    async (host) => {
      const { port } = new URL(receiver.url);

      expect((await sendWebhook(message(`http://${host}:${port}/`), publicOnly)).error).toBe(
        'ADDRESS_NOT_PUBLIC',
      );
      expect(receiver.got).toEqual([]);
    },
  );

  test('are left out of the addresses of a name, and a name is asked for once: a later answer changes nothing', async () => {
    const { port } = new URL(receiver.url);
    const asked: string[] = [];
    const rebinding: SendOptions = {
      ...anything,
      isAllowed: (address) => address === '127.0.0.1',
      // The first answer is fit to be checked, every later one leads elsewhere.
      resolve: async (host) => {
        asked.push(host);
        return asked.length === 1 ? ['169.254.169.254', '127.0.0.1', '10.0.0.1'] : ['127.0.0.2'];
      },
    };

    const answer = await sendWebhook(message(`http://rebind.example.com:${port}/`), rebinding);

    expect([answer.error, asked, receiver.got.length]).toEqual([null, ['rebind.example.com'], 1]);
    expect(receiver.got[0]?.headers.host).toBe(`rebind.example.com:${port}`);
  });
});

test('a process that stops waits for no answer', async () => {
  const leaving = new AbortController();
  const port = await listening(createServer(() => leaving.abort()));
  const patient = {
    ...anything,
    limits: { connectMillis: 60_000, totalMillis: 60_000 },
    signal: leaving.signal,
  };

  const answer = await sendWebhook(message(`http://127.0.0.1:${port}/`), patient);

  expect(answer.error).not.toBeNull();
});
