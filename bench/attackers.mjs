/**
 * Attackers in a thread of their own, each sending one document after the other over a connection that it keeps: what
 * they take of a processor is not taken from the clock that measures. No two documents are the same text, so that none
 * is found in a cache.
 */
import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { url, bodies, attackers, authorization } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: attackers });
let sent = 0;
let going = true;

function post(body) {
  const headers = { 'content-type': 'application/json', authorization };
  return new Promise((resolve) => {
    const asking = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', resolve);
    });
    asking.once('error', resolve);
    asking.end(body);
  });
}

async function run(attacker) {
  for (let turn = attacker; going; turn += 1) {
    const body = bodies[turn % bodies.length];
    await post(body.replace('{"query":"', `{"query":"#${attacker}-${turn}\\n`));
    sent += 1;
  }
}

const all = Promise.all(Array.from({ length: attackers }, (_, attacker) => run(attacker)));
parentPort.once('message', async () => {
  going = false;
  await all;
  parentPort.postMessage(sent);
});
