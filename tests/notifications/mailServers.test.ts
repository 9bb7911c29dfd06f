import { describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { issueLicense } from '../support/fixtures.js';
import { only } from '../support/mailWorld.js';
import { post, server, setUpMail, world } from '../support/notifying.js';

setUpMail();

describe('a mail server', () => {
  async function issued(): Promise<string> {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    return email;
  }

  const standing = async () => {
    const [row] = await world.rows();
    return [row?.status, row?.attempts, row?.reason];
  };

  test('that refuses for good is asked once', async () => {
    post.behaviour = () => 550;
    const email = await issued();

    await world.worker.tell(world.shop.admin);
    server.pass(DAY_MILLIS);
    await world.worker.deliver();

    expect(await standing()).toEqual(['FAILED', 1, '550 this server says 550']);
    expect(post.to(email)).toEqual([]);
  });

  test.each(['RCPT', 'DATA'] as const)(
    'that puts off at %s is asked again, with the same Message-ID',
    async (at) => {
      post.behaviour = (stage) => (stage === at ? 451 : 250);
      const email = await issued();

      await world.worker.tell(world.shop.admin);
      expect(await standing()).toEqual(['PENDING', 1, '451 this server says 451']);
      await world.worker.deliver();
      expect(await standing()).toEqual(['PENDING', 1, '451 this server says 451']);
      server.pass(60_000);
      await world.worker.deliver();
      expect(await standing()).toEqual(['PENDING', 2, '451 this server says 451']);
      post.behaviour = () => 250;
      server.pass(5 * 60_000);
      await world.worker.deliver();

      const [row] = await world.rows();
      expect(await standing()).toEqual(['SENT', 3, null]);
      expect(only(post.to(email)).mail.messageId).toBe(row?.message_id);
    },
  );

  test('that puts off ten times is asked no more', async () => {
    post.behaviour = () => 451;
    await issued();
    await world.worker.tell(world.shop.admin);

    for (let day = 0; day < 12; day += 1) {
      server.pass(DAY_MILLIS);
      await world.worker.deliver();
    }

    expect(await standing()).toEqual(['FAILED', 10, '451 this server says 451']);
  });

  test('that is down is told to tenants in a word, and gets the mail when it is up', async () => {
    await post.stop();
    const email = await issued();
    await world.worker.tell(world.shop.admin);
    expect(await standing()).toEqual(['PENDING', 1, 'The mail server could not be reached.']);

    await post.start();
    server.pass(60_000);
    await world.worker.deliver();

    expect(await standing()).toEqual(['SENT', 2, null]);
    only(post.to(email));
  });

  test('that is down is not asked about every mail that waits', async () => {
    await world.addressed();
    await world.waiting(25);
    await post.stop();

    await world.worker.deliver();

    const tried = (await world.rows()).filter(({ attempts }) => attempts > 0);
    await post.start();
    expect(tried).toHaveLength(10);
  });
});

describe('workers', () => {
  test('of two that look at once each mail is sent by one', async () => {
    const email = await world.addressed();
    await world.waiting(30);
    const other = world.newWorker({ LG_SMTP_URL: post.url });

    await Promise.all([world.worker.deliver(), other.deliver(), world.worker.deliver(), other.deliver()]);

    const ids = post.to(email).map(({ mail }) => mail.messageId);
    expect(ids).toHaveLength(30);
    expect(new Set(ids).size).toBe(30);
  });

  test('one that dies between sending and writing it down has the mail sent again as the same one', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    const { context } = world.worker;
    const broken = {
      ...context,
      pool: { ...context.pool, db: failing(world.worker.context.pool.db) },
    };
    await expect(world.worker.tellWith(world.shop.admin, broken)).rejects.toThrow('the worker is gone');
    expect((await world.rows()).map(({ status, attempts }) => [status, attempts])).toEqual([['PENDING', 1]]);

    await world.worker.deliver();
    only(post.to(email));
    server.pass(5 * 60_000);
    await world.worker.deliver();

    const [first, second] = post.to(email);
    expect(post.to(email)).toHaveLength(2);
    expect(second?.mail.messageId).toBe(first?.mail.messageId);
    expect(second?.mail.date).toBe(first?.mail.date);
    expect(second?.mail.text).toBe(first?.mail.text);
    expect((await world.rows()).map(({ status, attempts }) => [status, attempts])).toEqual([['SENT', 2]]);
  });

  test('one that dies at its tenth attempt leaves a mail that is given up, not one that is sent for ever', async () => {
    const email = await world.addressed();
    await issueLicense(server, world.shop);
    post.behaviour = () => 451;
    await world.worker.tell(world.shop.admin);
    await server.sql`update notifications set attempts = 10 where tenant_id = ${world.shop.admin.tenant_id}`;
    post.behaviour = () => 250;
    server.pass(DAY_MILLIS);

    await world.worker.deliver();

    expect(post.to(email)).toEqual([]);
    expect((await world.rows()).map(({ status, reason }) => [status, reason])).toEqual([
      ['FAILED', 'The last attempt was interrupted.'],
    ]);
  });

  test('a mail that cannot be read is put off, and keeps no other from being sent', async () => {
    const email = await world.addressed();
    await world.waiting(3);
    const [broken] = await world.rows();
    await server.sql`update notifications set variables = 'k1.AAAA' where id = ${broken?.id}`;

    await world.worker.deliver();

    expect(world.post.to(email)).toHaveLength(2);
    const [row] = await world.rows();
    expect([row?.status, row?.attempts, row?.reason]).toEqual(['PENDING', 1, 'It could not be written.']);
  });
});

/** A database to which nothing can be written any more: what a world.worker has left that was killed. */
function failing<Database extends object>(db: Database): Database {
  return new Proxy(db, {
    get: (target, name, self) => {
      if (name === 'update')
        return () => {
          throw new Error('the worker is gone');
        };
      return Reflect.get(target, name, self);
    },
  });
}
