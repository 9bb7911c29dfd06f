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

/** A failed statement names its parameters behind its text; a log keeps the text alone. */
const withoutParameters = (text: string): string => text.replace(/\nparams: [\s\S]*?(?=\n {4}at |$)/, '');

function serializeError(error: Error): object {
  const { message, stack, ...rest } = stdSerializers.err(error);
  const cause = error.cause instanceof Error ? { cause: withoutParameters(error.cause.message) } : {};
  const { type, code } = rest;
  return { type, code, message: withoutParameters(message), stack: withoutParameters(stack), ...cause };
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
