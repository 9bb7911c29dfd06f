import { readConfig } from '../../src/core/config.js';
import { keyRing } from '../../src/core/crypto.js';
import type { EventType } from '../../src/core/event.js';
import { Held } from '../../src/core/held.js';
import type { EventId, TenantId } from '../../src/core/id.js';
import type { JobContext } from '../../src/core/job.js';
import { createLog } from '../../src/core/log.js';
import { deliverDueMail, forgetMail, mailedFacts, tellByMail } from '../../src/notifications/jobs/mail.js';
import { systemCaller } from '../../src/server/database/seed.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { openMachinery } from '../../src/server/start.js';
import type { Claims, TestServer } from './server.js';

/** A worker on a test server's database that does what concerns mail, when a test says so. */
export class MailWorker {
  readonly context: JobContext;
  readonly logged: string[] = [];
  readonly #machinery;

  constructor(
    private readonly server: TestServer,
    environment: NodeJS.ProcessEnv,
  ) {
    const config = readConfig({ NODE_ENV: 'test', LG_MAIL_FROM: 'mail@licenses.example', ...environment });
    const log = createLog('info', { write: (line: string) => void this.logged.push(line) });
    const clock = () => server.now;
    const { url, keys } = server;
    this.#machinery = openMachinery({ config, keys, url, log, clock }, 'lg_worker');
    const { pool, signing } = this.#machinery;
    this.context = {
      pool,
      sign: signing.sign,
      clock,
      keys: keyRing(keys),
      config,
      log,
      held: new Held(),
      signal: new AbortController().signal,
      progress: async () => undefined,
      act: async (tenantId, run) => {
        const { work, session } = await openWork(this.#machinery, systemCaller(tenantId));
        try {
          const result = await run(work);
          await session.commit();
          return result;
        } catch (error) {
          await session.rollback();
          throw error;
        }
      },
    };
  }

  /** Tells every fact of a tenant that mail tells, as the queue does at least once. */
  tell(as: Claims): Promise<void> {
    return this.tellWith(as, this.context);
  }

  /** The same on something else than it stands on. */
  async tellWith({ tenant_id }: Claims, context: JobContext): Promise<void> {
    const facts = await this.server.sql`select id, event_type from license_event_logs
      where tenant_id = ${tenant_id} and event_type = any(${[...mailedFacts]}::text[]) order by id`;
    for (const { id, event_type } of facts) {
      await tellByMail.run(context, {
        tenantId: tenant_id as TenantId,
        sequence: 1,
        eventId: String(id) as EventId,
        type: String(event_type) as EventType,
      });
    }
  }

  /** What the schedule does every minute. */
  async deliver() {
    return deliverDueMail.run(this.context, { dueAt: this.server.now, since: this.server.now });
  }

  async forget() {
    return forgetMail.run(this.context, { dueAt: this.server.now, since: this.server.now });
  }

  /** A fact that a later domain tells. */
  async emit(
    { tenant_id }: Claims,
    event: Parameters<Parameters<Parameters<JobContext['act']>[1]>[0]['emit']>[0],
  ) {
    await this.context.act(tenant_id as TenantId, (work) => work.emit(event));
  }

  async end(): Promise<void> {
    this.context.held.close();
    await this.#machinery.pool.end();
  }
}
