/**
 * Callers in a process of their own, each on a connection that it keeps, and each asking again as soon as it is answered:
 * what they take of a processor is not taken from the server's thread.
 */
import { Agent, request } from 'node:http';

function post(agent, { url, authorization, body }) {
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    authorization,
  };
  return new Promise((resolve, reject) => {
    const asking = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    });
    asking.once('error', reject);
    asking.end(body);
  });
}

async function run(load) {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections, scheduling: 'fifo' });
  const answers = [];
  const begun = performance.now();
  const call = async () => {
    while (performance.now() - begun < load.millis && answers.length < load.most) {
      const asked = performance.now();
      const text = await post(agent, load);
      if (text !== load.expected) throw new Error(`an answer that was not expected: ${text.slice(0, 500)}`);
      answers.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: load.connections }, call));
  agent.destroy();
  return { answers, millis: performance.now() - begun };
}

process.on('message', (load) => {
  run(load).then(
    (done) => process.send({ done }),
    (error) => process.send({ failed: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
