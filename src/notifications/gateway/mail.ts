import type { Transporter } from 'nodemailer';
import type SMTPPool from 'nodemailer/lib/smtp-pool';
import type { Instant } from '../../core/clock.js';
import type { Config } from '../../core/config.js';
import { plainLine } from '../model/letters.js';
import type { Delivery } from '../model/mail.js';

export interface MailAddress {
  readonly name: string;
  readonly address: string;
}

/** One message to one recipient. */
export interface Message {
  readonly from: MailAddress;
  readonly replyTo: string | undefined;
  readonly to: string;
  readonly messageId: string;
  readonly date: Instant;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** A mail server. */
export interface MailGateway {
  /** Answers in any case, within `answerMillis` of its limits. */
  send(message: Message): Promise<Delivery>;
  close(): void;
}

const CONNECTIONS = 3;
/** For how long a mail server is waited for. */
export const MAIL_LIMITS = {
  /** Until it is connected to, and until it has greeted. */
  connectMillis: 10_000,
  silenceMillis: 30_000,
  /** For everything together: a server that answers a byte now and then holds nobody up. */
  answerMillis: 90_000,
} as const;
export type MailLimits = Readonly<Record<keyof typeof MAIL_LIMITS, number>>;

/** What nodemailer tells of a failure. */
interface SmtpError {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
}

/** The codes under which nodemailer tells what a server said to sender, recipient or content. */
const ABOUT_THE_MAIL = new Set(['EENVELOPE', 'EMESSAGE']);

/**
 * What a server says of a mail is for whoever reads about that mail; what it says of us, or that nothing of it is heard, is the
 * operator's matter, and is told to tenants in a word.
 */
function deliveryOf({ code = '', responseCode = 0, response }: SmtpError): Delivery {
  if (!ABOUT_THE_MAIL.has(code)) return { outcome: 'UNREACHABLE' };
  const reason = plainLine(response ?? 'The mail server did not take it.');
  return { outcome: responseCode >= 500 ? 'REFUSED' : 'LATER', reason };
}

/** A message as the wire has it: one recipient, whatever its address looks like, and nothing read from disk or network. */
export function wireMessage(message: Message) {
  const { from, replyTo, to, messageId, date, subject, html, text } = message;
  return {
    from,
    to: { name: '', address: to },
    envelope: { from: from.address, to: [to] },
    ...(replyTo === undefined ? {} : { replyTo: { name: '', address: replyTo } }),
    messageId,
    date: new Date(date),
    subject,
    html,
    text,
    // Nobody's absence is told to a machine (RFC 3834, 5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function optionsOf(config: Config, url: string, limits: MailLimits): SMTPPool.Options {
  return {
    url,
    pool: true,
    maxConnections: CONNECTIONS,
    connectionTimeout: limits.connectMillis,
    greetingTimeout: limits.connectMillis,
    socketTimeout: limits.silenceMillis,
    requireTLS: requiresTls(config) && url.startsWith('smtp:'),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function requiresTls(config: Config): boolean {
  return config.LG_SMTP_TLS === undefined
    ? config.NODE_ENV === 'production'
    : config.LG_SMTP_TLS === 'required';
}

function failure(error: unknown): SmtpError {
  return typeof error === 'object' && error !== null ? error : {};
}

/** A mail server. Its library is loaded with the first mail, and its connections are kept for the next ones. */
export function openMailGateway(
  config: Config,
  url: string,
  complain: (error: unknown) => void = () => undefined,
  limits: MailLimits = MAIL_LIMITS,
): MailGateway {
  let opened: Promise<Transporter> | undefined;
  const open = async (): Promise<Transporter> => {
    const { createTransport } = await import('nodemailer');
    return createTransport(optionsOf(config, url, limits));
  };
  const sent = async (message: Message): Promise<Delivery> => {
    opened ??= open();
    const transport = await opened;
    await transport.sendMail(wireMessage(message));
    return { outcome: 'TAKEN' };
  };
  return {
    send: async (message) => {
      const timer = new AbortController();
      try {
        return await Promise.race([sent(message), silence(limits.answerMillis, timer.signal)]);
      } catch (error) {
        complain(error);
        return deliveryOf(failure(error));
      } finally {
        timer.abort();
      }
    },
    close: () => void opened?.then((transport) => transport.close()).catch(() => undefined),
  };
}

/** Fails after a while, unless somebody was quicker. */
function silence(millis: number, signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('the mail server took too long')), millis);
    signal.addEventListener('abort', () => clearTimeout(limit), { once: true });
  });
}
