import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Language, languages } from '../../access/model/settings.js';
import type { Permission } from '../../access/permissions.js';
import { type Config, isDevelopment } from '../../core/config.js';
import { isUuid } from '../../core/id.js';
import { Refusal, unauthenticated } from '../../core/refusal.js';
import type { Reading } from '../../core/work.js';
import { type MailKind, mailKinds } from '../../notifications/model/mail.js';
import { notificationsById } from '../../notifications/queries/mail.js';
import { readLetter } from '../../notifications/service/readLetter.js';
import type { Machinery } from '../operation/machinery.js';
import type { Operation } from '../operation/operation.js';
import { inboxPage, inboxScript } from './inboxPage.js';

export interface MailPageOptions {
  readonly config: Config;
  readonly machinery: Pick<Machinery, 'clock'>;
  context(request: FastifyRequest): Promise<Operation>;
}

/** A mail runs nothing, asks nobody but for its pictures, and is no page of ours. */
const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; sandbox";

/** The list of them has links, which a sandbox would not follow. */
const LIST_POLICY = "default-src 'none'";

/** One script, known by its content. A mail in a frame within has this policy too, and a sandbox beside. */
const INBOX_POLICY = [
  "default-src 'none'",
  `script-src 'sha256-${createHash('sha256').update(inboxScript).digest('base64')}'`,
  "style-src 'unsafe-inline'",
  'img-src https: data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function sendHtml(reply: FastifyReply, policy: string, html: string): FastifyReply {
  return reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(html);
}

function requirePermission({ actor }: Operation, permission: Permission): void {
  if (actor.permissions.has(permission)) return;
  if (actor.kind === 'anonymous') throw unauthenticated('Send a bearer token.');
  throw new Refusal('FORBIDDEN', `It needs the permission ${permission}.`, { permission });
}

async function readMail(reading: Reading, id: string): Promise<string | undefined> {
  const mail = (await notificationsById(reading, [id])).get(id);
  return mail === undefined ? undefined : (await readLetter(reading, mail))?.html;
}

/** One mail, written anew, for who may read mail: with its license key masked, as the graph shows it. */
function addMail(app: FastifyInstance, { context }: MailPageOptions): void {
  app.get<{ Params: { id: string } }>('/mail/:id', async (request, reply) => {
    const { id } = request.params;
    const operation = await context(request);
    requirePermission(operation, 'notification.read');
    const html = isUuid(id) ? await operation.ask((reading) => readMail(reading, id)) : undefined;
    return html === undefined ? reply.callNotFound() : sendHtml(reply, MAIL_POLICY, html);
  });
}

interface PreviewQuery {
  readonly kind?: string;
  readonly language?: string;
  readonly format?: string;
}

const kindOf = (word: string | undefined): MailKind | undefined => mailKinds.find((kind) => kind === word);
const languageOf = (word: string | undefined): Language | undefined =>
  languages.find((language) => language === word);

function previewList(): string {
  const links = mailKinds.map((kind) => {
    const each = languages.map((language) => {
      const address = `/dev/mail?kind=${kind}&amp;language=${language}`;
      return `<a href="${address}">${language}</a> (<a href="${address}&amp;format=text">text</a>)`;
    });
    return `<li>${kind}: ${each.join(', ')}</li>`;
  });
  return `<!DOCTYPE html><html lang="en"><title>Mail</title><h1>Mail</h1><ul>${links.join('')}</ul></html>`;
}

/** Every mail with made-up facts, for who changes a template or its words. */
function addPreview(app: FastifyInstance, { machinery }: MailPageOptions): void {
  app.get<{ Querystring: PreviewQuery }>('/dev/mail', async (request, reply) => {
    const { query } = request;
    const [kind, language] = [kindOf(query.kind), languageOf(query.language ?? 'en')];
    if (kind === undefined || language === undefined) return sendHtml(reply, LIST_POLICY, previewList());
    const { renderLetter } = await import('../../notifications/templates/render.js');
    const { sampleLetter } = await import('../../notifications/templates/samples.js');
    const letter = renderLetter(sampleLetter(kind, machinery.clock()), { language, timeZone: 'UTC' });
    return query.format === 'text'
      ? reply.type('text/plain; charset=utf-8').send(`${letter.subject}\n\n${letter.text}`)
      : sendHtml(reply, MAIL_POLICY, letter.html);
  });
}

/** Pages about mail: one mail for who may read it, the inbox of a deployment that sends none, and templates in development. */
export function addMailPages(app: FastifyInstance, options: MailPageOptions): void {
  const { config } = options;
  addMail(app, options);
  if (isDevelopment(config)) addPreview(app, options);
  if (isDevelopment(config) || config.LG_SMTP_URL === undefined) {
    app.get('/mail', async (_request, reply) => sendHtml(reply, INBOX_POLICY, inboxPage));
  }
}
