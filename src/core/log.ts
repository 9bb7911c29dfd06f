import { type DestinationStream, pino } from 'pino';

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

export function createLog(level: string, destination?: DestinationStream): Log {
  const paths = SECRET_MEMBERS.flatMap((member) => [
    member,
    `*.${member}`,
    `*.*.${member}`,
    `*.*.*.${member}`,
  ]);
  const options = { level, redact: { paths, censor: '(secret)' }, base: null };
  return destination === undefined ? pino(options) : pino(options, destination);
}
