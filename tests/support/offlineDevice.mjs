/**
 * A device without a connection, as a program of its own: all that it has are the files of its folder and the compiled
 * SDK. Any try to connect ends it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

net.Socket.prototype.connect = () => {
  process.exit(70);
};
const [sdk, folder, act, argument = ''] = process.argv.slice(2);
const offline = (name) => import(pathToFileURL(join(sdk, `${name}.js`)).href);
const read = (name) => readFileSync(join(folder, name), 'utf8');
const write = (name, text) => writeFileSync(join(folder, name), text);
const readIf = (name) => {
  try {
    return read(name);
  } catch {
    return undefined;
  }
};
const keys = JSON.parse(read('jwks.json'));

async function request() {
  const { createOfflineRequest } = await offline('index');
  const device = { licenseKey: argument, deviceFingerprint: read('fingerprint.txt') };
  const { text, pending } = await createOfflineRequest(device, keys);
  write('license-request.txt', text);
  write('pending.json', JSON.stringify(pending));
}

function asked() {
  const record = readIf('record.json');
  return {
    deviceFingerprint: read('fingerprint.txt'),
    now: new Date(Date.now() + Number(argument) * 1000),
    ...(record === undefined ? {} : { record: JSON.parse(record) }),
    ...(readIf('revocations.jwt') === undefined ? {} : { revocations: read('revocations.jwt') }),
  };
}

function tell({ code, valid, record }) {
  if (record !== undefined) write('record.json', JSON.stringify(record));
  process.stdout.write(JSON.stringify({ code, valid }));
}

const acts = {
  request,
  response: async () => {
    const { verifyOfflineResponse } = await offline('index');
    tell(
      await verifyOfflineResponse(
        read('license-response.txt'),
        JSON.parse(read('pending.json')),
        keys,
        asked(),
      ),
    );
  },
  file: async () => {
    const { verifyLicenseFile } = await offline('index');
    tell(await verifyLicenseFile(read('license.lic'), keys, asked()));
  },
  connect: async () => {
    await fetch('http://127.0.0.1:4000').catch(() => undefined);
  },
};
await acts[act]();
