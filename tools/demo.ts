import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryAttempt } from '../packages/gemini-emulator/src/deliveries/delivery.js';
import { signV1 } from '../packages/gemini-emulator/src/deliveries/signing.js';
import { signingSecret } from '../packages/gemini-emulator/src/ids.js';
import { secondsSince } from '../packages/testbed/src/process/log.js';
import { startDevStack, type DevStack } from '../packages/testbed/index.js';
import { get, post, type Answer } from './demo/answer.js';
import { shortened, DemoReport } from './demo/demo-report.js';
import {
  countRecords,
  subscribe,
  type ConsumedRecord,
} from '../packages/testbed/src/dev-stack/topics.js';

/** A record appears within milliseconds; a new consumer group on a new broker takes seconds. */
const RECORD_LIMIT_MS = 20_000;
const SHOWN_LOG_LINES = 10;

const BATCH = {
  model: 'gemini-2.5-flash',
  requests: [
    { key: 'q1', request: { contents: [{ parts: [{ text: 'Why is the sky blue?' }] }] } },
    { key: 'q2', request: { contents: [{ parts: [{ text: 'And at dusk?' }] }] } },
  ],
  correlationId: 'order-4711',
  metadata: { tenant: 'blue' },
};

interface Job {
  readonly id: string;
  /** The name at Gemini, `batches/…`. */
  readonly geminiName: string;
}

const report = new DemoReport();
let interrupted = false;

/** Shows a job, its record on Kafka, the answer to a duplicate and the answers to forgeries. */
async function main(): Promise<void> {
  const startMs = performance.now();
  report.print(
    'gemini-kafka-bridge: from a Gemini job to a record on Kafka.\n' +
      'Everything runs on this machine, and nothing stays on it.',
  );
  report.step('Kafka, an emulated Gemini and the bridge start');
  const stack = await startDevStack({ log: (line) => report.say(line) });
  endOnSignal(stack);
  try {
    await runSteps(stack);
  } catch (error) {
    if (!interrupted) showLog(stack);
    throw error;
  } finally {
    await stack.stop();
  }
  const { code } = await stack.bridge.exited;
  report.print('');
  report.check(code === 0, 'all processes have ended, the bridge with exit code 0', {
    code,
  });
  report.print(`\nDone in ${secondsSince(startMs)}.`);
  report.print('Next: `npm run dev` starts the same for your own experiments.');
}

async function runSteps(stack: DevStack): Promise<void> {
  const records: ConsumedRecord[] = [];
  const topics = ['batch.succeeded', 'interaction.completed'].map(
    (type) => `${stack.topicPrefix}.${type}`,
  );
  const subscription = await subscribe(stack.brokers, topics, (record) => {
    records.push(record);
  });
  stack.onStop(() => subscription.stop());
  const job = await submitBatch(stack);
  const delivered = await finishBatch(stack, job);
  await readRecord(stack, records, job, delivered);
  await readResult(stack, job);
  await deliverAgain(stack, delivered);
  await forge(stack, delivered);
  await deliverStatic(stack, records);
}

async function submitBatch({ bridge, gemini, apiToken }: DevStack): Promise<Job> {
  report.step('A service in the cluster submits a batch to the bridge');
  report.say('POST /v1/batches   authorization: Bearer …');
  report.say(JSON.stringify({ ...BATCH, requests: ['…', '…'] }));
  const answer = await post(`${bridge.internalUrl}/v1/batches`, BATCH, {
    authorization: `Bearer ${apiToken}`,
  });
  showAnswer(answer);
  report.check(answer.status === 202, 'Gemini has accepted the batch', answer.body);
  const { id, geminiName } = answer.body as unknown as Job;
  const [url = ''] = gemini.batches.get(geminiName).webhookUris;
  report.check(
    url.startsWith(`${bridge.url}/webhooks/gemini/jobs/`),
    'and has the webhook URL of this job alone:',
    url,
  );
  report.say(`  ${shortened(url, 70)}`);
  return { id, geminiName };
}

async function finishBatch(
  { gemini }: DevStack,
  { geminiName }: Job,
): Promise<DeliveryAttempt> {
  report.step('The batch finishes, and Gemini delivers the webhook');
  const [webhookId] = gemini.finishJob(geminiName, 'succeeded');
  const delivered = await gemini.waitForDelivery(
    (attempt) => attempt.webhookId === webhookId,
  );
  showDelivery(delivered);
  report.check(
    isAnswer(delivered, 'published'),
    '200: all in-sync replicas have the record',
    delivered.answer,
  );
  return delivered;
}

async function readRecord(
  { bridge, apiToken, topicPrefix }: DevStack,
  records: readonly ConsumedRecord[],
  job: Job,
  { webhookId, body }: DeliveryAttempt,
): Promise<void> {
  report.step('A plain Kafka consumer reads it');
  const record = await recordOf(records, webhookId);
  showRecord(record);
  const { headers } = record;
  report.check(
    record.topic === `${topicPrefix}.batch.succeeded`,
    'the topic is the one of the event type',
    record.topic,
  );
  report.check(record.key === job.geminiName, 'the key is the job', record.key);
  report.check(
    record.value === body,
    'the value is the body that Gemini sent, byte for byte',
  );
  report.check(
    headers['correlation-id'] === BATCH.correlationId &&
      headers['bridge-job-metadata'] === JSON.stringify(BATCH.metadata),
    "the headers have the submitter's correlation id and metadata",
    headers,
  );
  const { body: known } = await get(`${bridge.internalUrl}/v1/jobs/${job.id}`, {
    authorization: `Bearer ${apiToken}`,
  });
  report.check(
    known['state'] === 'succeeded',
    `GET /v1/jobs/${job.id} answers with the state succeeded`,
    known,
  );
}

async function readResult({ bridge, apiToken }: DevStack, { id }: Job): Promise<void> {
  report.step('The service reads the result');
  report.say(`GET /v1/jobs/${id}/result`);
  const answer = await get(`${bridge.internalUrl}/v1/jobs/${id}/result`, {
    authorization: `Bearer ${apiToken}`,
  });
  report.say(shortened(JSON.stringify(answer.body), 200));
  const responses = responsesIn(answer.body);
  report.check(
    responses.map(({ metadata }) => metadata.key).join() === 'q1,q2',
    'each question has its response',
    answer.body,
  );
}

interface KeyedResponse {
  readonly metadata: { readonly key: string };
}

/** The responses of a batch whose requests were not in a file. */
function responsesIn(body: object): readonly KeyedResponse[] {
  const { response } = body as {
    response?: { inlinedResponses: { inlinedResponses: readonly KeyedResponse[] } };
  };
  return response?.inlinedResponses.inlinedResponses ?? [];
}

async function deliverAgain(stack: DevStack, first: DeliveryAttempt): Promise<void> {
  report.step('Gemini delivers the same webhook again');
  stack.gemini.redeliver(first.webhookId);
  const again = await stack.gemini.waitForDelivery(
    ({ webhookId, attempt }) => webhookId === first.webhookId && attempt === 2,
  );
  showDelivery(again);
  report.check(
    isAnswer(again, 'duplicate'),
    'the bridge knows it as a duplicate',
    again.answer,
  );
  const topic = `${stack.topicPrefix}.batch.succeeded`;
  const count = await countRecords(stack.brokers, stack.topicPrefix);
  report.check(count === 1, `${topic} still holds 1 record`, count);
}

async function forge(stack: DevStack, genuine: DeliveryAttempt): Promise<void> {
  report.step('An attacker forges webhooks');
  const { bridge, gemini, brokers, topicPrefix } = stack;
  const altered = genuine.body.replace('batch.succeeded', 'batch.failed');
  await refused('a changed body with the old signature', 'signature-mismatch', () =>
    post(genuine.url, altered, proofOf(genuine)),
  );
  const headers = (sign: (id: string, at: number, body: string) => string) => {
    const [id, at] = [`msg_${randomUUID()}`, Math.floor(Date.now() / 1000)];
    return {
      'webhook-id': id,
      'webhook-timestamp': String(at),
      'webhook-signature': sign(id, at, genuine.body),
    };
  };
  const unknownSecret = signingSecret();
  await refused('signed with an unknown secret', 'signature-mismatch', () =>
    post(
      `${bridge.url}/webhooks/gemini`,
      genuine.body,
      headers((id, at, body) => signV1([unknownSecret], id, at, body)),
    ),
  );
  await refused('signed by Gemini, for an invented job', 'capability-invalid', () =>
    post(
      `${bridge.url}/webhooks/gemini/jobs/eyJhbGciOiJIUzI1NiJ9.e30.AAAA`,
      genuine.body,
      headers((id, at, body) => gemini.keys.signV1a(id, at, body)),
    ),
  );
  const count = await countRecords(brokers, topicPrefix);
  report.check(count === 1, 'no forgery is on Kafka', count);
}

async function deliverStatic(
  { gemini, topicPrefix }: DevStack,
  records: readonly ConsumedRecord[],
): Promise<void> {
  report.step('A static webhook, registered for the whole project');
  const [webhookId = ''] = gemini.emit('interaction.completed', {
    id: 'interactions/v1_demo',
  });
  const delivered = await gemini.waitForDelivery(
    (attempt) => attempt.webhookId === webhookId,
  );
  showDelivery(delivered);
  const { topic, key, headers } = await recordOf(records, webhookId);
  report.check(
    isAnswer(delivered, 'published') && topic === `${topicPrefix}.interaction.completed`,
    `${topic} has it, with the key ${key}`,
    { topic, answer: delivered.answer },
  );
  report.check(
    headers['bridge-scheme'] === 'v1' && headers['bridge-scope'] === 'static',
    'it was signed with the shared secret (v1); the batch was signed with a private key of Google (v1a)',
    headers,
  );
}

async function recordOf(
  records: readonly ConsumedRecord[],
  webhookId: string,
): Promise<ConsumedRecord> {
  const deadlineMs = performance.now() + RECORD_LIMIT_MS;
  for (;;) {
    const found = records.find(({ headers }) => headers['webhook-id'] === webhookId);
    if (found) return found;
    if (performance.now() > deadlineMs) {
      throw new Error(`the consumer saw no record of ${webhookId}`);
    }
    await sleep(20);
  }
}

async function refused(
  what: string,
  reason: string,
  send: () => Promise<Answer>,
): Promise<void> {
  const { status, body } = await send();
  report.check(
    status === 401 && body['reason'] === reason,
    `${what.padEnd(38)} 401 ${reason}`,
    { status, body },
  );
}

function isAnswer({ status, answer }: DeliveryAttempt, word: string): boolean {
  return status === 200 && answer === JSON.stringify({ status: word });
}

function showAnswer({ status, headers, body }: Answer): void {
  const location = headers.get('location');
  report.say(`→ ${status}${location === null ? '' : `   location: ${location}`}`);
  report.say(`  ${JSON.stringify(body)}`);
}

function showDelivery(attempt: DeliveryAttempt): void {
  const { status, error, answer } = attempt;
  report.say(`POST ${shortened(new URL(attempt.url).pathname)}`);
  const proof = Object.entries(proofOf(attempt));
  for (const [name, value] of proof) report.say(`  ${name}: ${shortened(value)}`);
  report.say(`→ ${status ?? error} ${answer ?? ''}`);
}

function proofOf({ headers }: DeliveryAttempt): Record<string, string> {
  const all = new Headers({ ...headers });
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return Object.fromEntries(names.map((name) => [name, all.get(name) ?? '']));
}

function showRecord({
  topic,
  partition,
  offset,
  key,
  headers,
  value,
}: ConsumedRecord): void {
  report.say(`${topic}, partition ${partition}, offset ${offset}`);
  report.pairs({ key });
  const shown = Object.entries(headers).map(
    ([name, text]) => [name, shortened(text, 60)] as const,
  );
  report.pairs(Object.fromEntries(shown), '  ');
  report.pairs({ value });
}

function showLog({ bridge }: DevStack): void {
  report.print('\nThe last lines of the bridge:');
  report.say(bridge.lines.slice(-SHOWN_LOG_LINES).join('\n'));
}

/** Ctrl-C ends the stack in order, so its topics are removed from brokers from outside. */
function endOnSignal(stack: DevStack): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted = true;
      report.print(`\n${signal}: ending what was started …`);
      void stack.stop().finally(() => process.exit(1));
    });
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  const message = error instanceof Error ? error.message : String(error);
  if (!interrupted) process.stderr.write(`\nThe demo failed. ${message}\n`);
}
