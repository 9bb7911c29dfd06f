import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { MailWorld } from './mailWorld.js';
import { START, startTestServer, type TestServer } from './server.js';
import { MailServer } from './smtp.js';
import { ALLOWING, openSending, type Receiver, type Sending, startReceiver, taking } from './webhooks.js';

/** What tests of mail and webhooks stand on, from the hooks that `setUpMail` or `setUpWebhooks` registers. */
export let server: TestServer;
/** A mail server that takes what it is sent. */
export let post: MailServer;
/** A shop of its own for each test, told of over that mail server. */
export let world: MailWorld;
export let sending: Sending;
export let receiver: Receiver;

export function setUpMail(): void {
  beforeAll(async () => {
    server = await startTestServer();
    post = await MailServer.open();
  });
  beforeEach(async () => {
    server.now = START;
    world = await MailWorld.open(server, post);
  });
  afterEach(() => world.end());
  afterAll(async () => {
    await post?.stop();
    await server?.stop();
  });
}

/** A server whose webhooks may lead to this machine, a sender, and a receiver that takes whatever comes. */
export function setUpWebhooks(): void {
  beforeAll(async () => {
    server = await startTestServer({ events: true, environment: ALLOWING });
    sending = openSending(server);
    receiver = await startReceiver();
  });
  afterEach(() => {
    receiver.got.length = 0;
    receiver.answer = taking;
  });
  afterAll(async () => {
    await sending?.stop();
    await receiver?.stop();
    await server?.stop();
  });
}
