import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** A message as it arrived. */
export interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly raw: string;
  readonly mail: Email;
}

/** How a server answers to a recipient, or to the content of a mail; 250 takes it. */
export type Behaviour = (stage: 'RCPT' | 'DATA', recipient: string) => number;

function smtpError(code: number): Error {
  return Object.assign(new Error(`this server says ${code}`), { responseCode: code });
}

/** A real mail server on a port that the system gives. */
export class MailServer {
  readonly arrived: Arrived[] = [];
  behaviour: Behaviour = () => 250;
  #server: SMTPServer | undefined;
  #port = 0;

  static async open(port = 0): Promise<MailServer> {
    const server = new MailServer();
    await server.start(port);
    return server;
  }

  get url(): string {
    return `smtp://sender:s%40cret-of-smtp@127.0.0.1:${this.#port}`;
  }

  async start(port = this.#port): Promise<void> {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      closeTimeout: 500,
      onAuth: ({ username }, _session, done) => done(null, { user: username }),
      onRcptTo: ({ address }, _session, done) => done(this.#refusal('RCPT', address)),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const to = session.envelope.rcptTo.map(({ address }) => address);
          const refusal = this.#refusal('DATA', to[0] ?? '');
          if (refusal !== null) return done(refusal);
          const { mailFrom } = session.envelope;
          const from = mailFrom === false ? '' : mailFrom.address;
          void this.#take(Buffer.concat(chunks).toString('utf8'), { from, to, user: session.user }).then(() =>
            done(null),
          );
        });
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#port = (server.server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(resolve));
  }

  /** The mails that one recipient got. */
  to(recipient: string): Arrived[] {
    return this.arrived.filter(({ to }) => to.includes(recipient));
  }

  #refusal(stage: 'RCPT' | 'DATA', recipient: string): Error | null {
    const code = this.behaviour(stage, recipient);
    return code === 250 ? null : smtpError(code);
  }

  async #take(raw: string, envelope: Pick<Arrived, 'from' | 'to' | 'user'>): Promise<void> {
    this.arrived.push({ ...envelope, raw, mail: await PostalMime.parse(raw) });
  }
}

/** What accepts connections and never says a word. */
export class SilentServer {
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
    });
  }

  static async open(): Promise<SilentServer> {
    const server = createServer();
    const silent = new SilentServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return silent;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}
