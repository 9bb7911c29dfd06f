import { type DestinationStream, pino, stdSerializers } from 'pino';

export type Log = pino.Logger;

/** Members that never reach a log line, wherever an object that carries them is logged. */
const SECRET_MEMBERS = [
  'authorization',
  'cookie',
  'token',
  'password',
  'secret',
  'licenseKey',
  'activationToken',
  'deviceFingerprint',
  'hardwareId',
  'macAddress',
  'emergencyCode',
  'requestCode',
  'responseCode',
  'variables',
];

/** The frames of a stack, without the message above them. */
function framesOf({ stack = '', message }: Error): string {
  const at = stack.indexOf(message);
  return at < 0 ? '' : stack.slice(at + message.length);
}

/**
 * A failed statement carries its parameters, in its message and in its stack. What is logged is its text, and what
 * the database said of it.
 */
function serializeError(error: Error): object {
  const { type, code } = stdSerializers.err(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  if ('query' in error && cause !== undefined) {
    return { type, code, message: cause.message, statement: error.query, stack: framesOf(cause) };
  }
  return { type, code, message: error.message, stack: framesOf(error), cause: cause?.message };
}

export function createLog(level: string, destination?: DestinationStream): Log {
  const paths = SECRET_MEMBERS.flatMap((member) => [
    member,
    `*.${member}`,
    `*.*.${member}`,
    `*.*.*.${member}`,
  ]);
  const redact = { paths, censor: '(secret)' };
  const options = { level, redact, base: null, serializers: { err: serializeError } };
  return destination === undefined ? pino(options) : pino(options, destination);
}
