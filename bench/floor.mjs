// The cheapest server that keeps the promise "200 means on Kafka". It verifies a delivery, publishes it, waits for the
// acknowledgement and answers 200. It has no Nest, no dedupe, no limits and two record headers. The benchmark reports
// the bridge's cost as a multiple of this server's cost.
// Environment: KAFKA_BROKERS, WEBHOOK_SECRETS (the first one is used), PORT (0 for a free port).
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Kafka, Partitioners, logLevel } from 'kafkajs';

const TOPIC = 'gemini.batch.succeeded';
const PUBLISHED = Buffer.from('{"status":"published"}');
const REFUSED = Buffer.from('{"status":"refused"}');

const secret = Buffer.from(
  process.env.WEBHOOK_SECRETS.split(',')[0].slice('whsec_'.length),
  'base64',
);
const kafka = new Kafka({
  clientId: 'bench-floor',
  brokers: process.env.KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
});
const producer = kafka.producer({
  idempotent: true,
  createPartitioner: Partitioners.DefaultPartitioner,
});

let waiting = [];
let sending = false;

/** Adds a delivery to the next batch. A batch is sent after the previous one is acknowledged. */
function publish(message, answer) {
  waiting.push({ message, answer });
  if (sending) return;
  sending = true;
  setImmediate(sendWaiting);
}

async function sendWaiting() {
  const batch = waiting;
  waiting = [];
  const status = await send(batch.map(({ message }) => message));
  for (const { answer } of batch) answer(status);
  sending = waiting.length > 0;
  if (sending) setImmediate(sendWaiting);
}

async function send(messages) {
  try {
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic: TOPIC, messages }] });
    return 200;
  } catch (error) {
    console.error(error);
    return 503;
  }
}

function isSigned(headers, body) {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
  const expected = createHmac('sha256', secret).update(signed).update(body).digest();
  const given = Buffer.from(
    `${headers['webhook-signature']}`.slice('v1,'.length),
    'base64',
  );
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function receive(headers, body, answer) {
  if (!isSigned(headers, body)) {
    answer(401);
    return;
  }
  const event = JSON.parse(body);
  const record = {
    key: event.data.id,
    value: body,
    headers: { 'webhook-id': headers['webhook-id'], ce_type: event.type },
  };
  publish(record, answer);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    receive(request.headers, body, (status) => {
      const text = status === 200 ? PUBLISHED : REFUSED;
      response.writeHead(status, {
        'content-type': 'application/json',
        'content-length': text.length,
      });
      response.end(text);
    });
  });
});

await producer.connect();
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
process.once('SIGTERM', () => process.exit(0));
