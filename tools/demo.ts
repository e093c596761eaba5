import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryAttempt } from '../packages/gemini-emulator/src/deliveries/delivery.js';
import { signV1 } from '../packages/gemini-emulator/src/deliveries/signing.js';
import { signingSecret } from '../packages/gemini-emulator/src/ids.js';
import { secondsSince } from '../packages/testbed/src/process/log.js';
import { startWorld, type World } from '../packages/testbed/src/dev-stack.js';
import { get, post, type Answer } from './demo/answer.js';
import { shortened, Story } from './demo/demo-report.js';
import {
  countRecords,
  subscribe,
  type SeenRecord,
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
  /** As Gemini calls it, `batches/…`. */
  readonly geminiName: string;
}

const story = new Story();
let interrupted = false;

/** From a job to its record on Kafka, what a repeat gets and what a forgery gets: the whole bridge in half a minute. */
async function main(): Promise<void> {
  const startMs = performance.now();
  story.print(
    'gemini-kafka-bridge: from a Gemini job to a record on Kafka.\n' +
      'All of it runs on this machine, and nothing of it stays.',
  );
  story.step('A Kafka, a Gemini (emulated) and the bridge');
  const world = await startWorld({ log: (line) => story.say(line) });
  endOnSignal(world);
  try {
    await tell(world);
  } catch (error) {
    if (!interrupted) showLog(world);
    throw error;
  } finally {
    await world.stop();
  }
  const { code } = await world.bridge.exited;
  story.print('');
  story.check(code === 0, 'all that was started has ended, the bridge with exit code 0', {
    code,
  });
  story.print(`\nDone in ${secondsSince(startMs)}.`);
  story.print('Next: `npm run dev` keeps such a world, for your own hands.');
}

async function tell(world: World): Promise<void> {
  const records: SeenRecord[] = [];
  const topics = ['batch.succeeded', 'interaction.completed'].map(
    (type) => `${world.topicPrefix}.${type}`,
  );
  const subscription = await subscribe(world.brokers, topics, (record) => {
    records.push(record);
  });
  world.onStop(() => subscription.stop());
  const job = await submitBatch(world);
  const delivered = await finishBatch(world, job);
  await readRecord(world, records, job, delivered);
  await readResult(world, job);
  await deliverAgain(world, delivered);
  await forge(world, delivered);
  await deliverStatic(world, records);
}

async function submitBatch({ bridge, gemini, apiToken }: World): Promise<Job> {
  story.step('A service in the cluster submits a batch to the bridge');
  story.say('POST /v1/batches   authorization: Bearer …');
  story.say(JSON.stringify({ ...BATCH, requests: ['…', '…'] }));
  const answer = await post(`${bridge.internalUrl}/v1/batches`, BATCH, {
    authorization: `Bearer ${apiToken}`,
  });
  showAnswer(answer);
  story.check(answer.status === 202, 'Gemini has taken the batch', answer.body);
  const { id, geminiName } = answer.body as unknown as Job;
  const [url = ''] = gemini.batches.get(geminiName).webhookUris;
  story.check(
    url.startsWith(`${bridge.url}/webhooks/gemini/jobs/`),
    'and was given a webhook URL that is for this job alone:',
    url,
  );
  story.say(`  ${shortened(url, 70)}`);
  return { id, geminiName };
}

async function finishBatch(
  { gemini }: World,
  { geminiName }: Job,
): Promise<DeliveryAttempt> {
  story.step('The batch finishes, and Gemini delivers the webhook');
  const [webhookId] = gemini.finishJob(geminiName, 'succeeded');
  const delivered = await gemini.waitForDelivery(
    (attempt) => attempt.webhookId === webhookId,
  );
  showDelivery(delivered);
  story.check(
    isAnswer(delivered, 'published'),
    '200 means: all in-sync replicas have the record',
    delivered.answer,
  );
  return delivered;
}

async function readRecord(
  { bridge, apiToken, topicPrefix }: World,
  records: readonly SeenRecord[],
  job: Job,
  { webhookId, body }: DeliveryAttempt,
): Promise<void> {
  story.step('A plain Kafka consumer reads it');
  const record = await recordOf(records, webhookId);
  showRecord(record);
  const { headers } = record;
  story.check(
    record.topic === `${topicPrefix}.batch.succeeded`,
    'the topic is that of the event type',
    record.topic,
  );
  story.check(record.key === job.geminiName, 'the key is the job', record.key);
  story.check(record.value === body, 'the value is what Gemini sent, byte for byte');
  story.check(
    headers['correlation-id'] === BATCH.correlationId &&
      headers['bridge-job-metadata'] === JSON.stringify(BATCH.metadata),
    "the submitter's correlation id and metadata are there",
    headers,
  );
  const { body: known } = await get(`${bridge.internalUrl}/v1/jobs/${job.id}`, {
    authorization: `Bearer ${apiToken}`,
  });
  story.check(
    known['state'] === 'succeeded',
    `GET /v1/jobs/${job.id} says: succeeded`,
    known,
  );
}

async function readResult({ bridge, apiToken }: World, { id }: Job): Promise<void> {
  story.step('The service reads what came of it');
  story.say(`GET /v1/jobs/${id}/result`);
  const answer = await get(`${bridge.internalUrl}/v1/jobs/${id}/result`, {
    authorization: `Bearer ${apiToken}`,
  });
  story.say(shortened(JSON.stringify(answer.body), 200));
  const responses = responsesIn(answer.body);
  story.check(
    responses.map(({ metadata }) => metadata.key).join() === 'q1,q2',
    'each question has its response',
    answer.body,
  );
}

interface KeyedResponse {
  readonly metadata: { readonly key: string };
}

/** Of requests that were not in a file. */
function responsesIn(body: object): readonly KeyedResponse[] {
  const { response } = body as {
    response?: { inlinedResponses: { inlinedResponses: readonly KeyedResponse[] } };
  };
  return response?.inlinedResponses.inlinedResponses ?? [];
}

async function deliverAgain(world: World, first: DeliveryAttempt): Promise<void> {
  story.step('The same webhook comes again, as Gemini may send it');
  world.gemini.redeliver(first.webhookId);
  const again = await world.gemini.waitForDelivery(
    ({ webhookId, attempt }) => webhookId === first.webhookId && attempt === 2,
  );
  showDelivery(again);
  story.check(isAnswer(again, 'duplicate'), 'it is known', again.answer);
  const topic = `${world.topicPrefix}.batch.succeeded`;
  const count = await countRecords(world.brokers, world.topicPrefix);
  story.check(count === 1, `${topic} still holds 1 record`, count);
}

async function forge(world: World, genuine: DeliveryAttempt): Promise<void> {
  story.step('Somebody forges webhooks');
  const { bridge, gemini, brokers, topicPrefix } = world;
  const altered = genuine.body.replace('batch.succeeded', 'batch.failed');
  await refused('another body under the signature', 'signature-mismatch', () =>
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
  const strangersSecret = signingSecret();
  await refused("signed with a stranger's secret", 'signature-mismatch', () =>
    post(
      `${bridge.url}/webhooks/gemini`,
      genuine.body,
      headers((id, at, body) => signV1([strangersSecret], id, at, body)),
    ),
  );
  await refused('signed by Gemini, for a made-up job', 'capability-invalid', () =>
    post(
      `${bridge.url}/webhooks/gemini/jobs/eyJhbGciOiJIUzI1NiJ9.e30.AAAA`,
      genuine.body,
      headers((id, at, body) => gemini.keys.signV1a(id, at, body)),
    ),
  );
  const count = await countRecords(brokers, topicPrefix);
  story.check(count === 1, 'none of it is on Kafka', count);
}

async function deliverStatic(
  { gemini, topicPrefix }: World,
  records: readonly SeenRecord[],
): Promise<void> {
  story.step('A webhook that is registered for the whole project');
  const [webhookId = ''] = gemini.emit('interaction.completed', {
    id: 'interactions/v1_demo',
  });
  const delivered = await gemini.waitForDelivery(
    (attempt) => attempt.webhookId === webhookId,
  );
  showDelivery(delivered);
  const { topic, key, headers } = await recordOf(records, webhookId);
  story.check(
    isAnswer(delivered, 'published') && topic === `${topicPrefix}.interaction.completed`,
    `${topic} has it, with the key ${key}`,
    { topic, answer: delivered.answer },
  );
  story.check(
    headers['bridge-scheme'] === 'v1' && headers['bridge-scope'] === 'static',
    'proved by the shared secret (v1); the batch was proved by a public key (v1a)',
    headers,
  );
}

async function recordOf(
  records: readonly SeenRecord[],
  webhookId: string,
): Promise<SeenRecord> {
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
  story.check(
    status === 401 && body['reason'] === reason,
    `${what.padEnd(36)} 401 ${reason}`,
    { status, body },
  );
}

function isAnswer({ status, answer }: DeliveryAttempt, word: string): boolean {
  return status === 200 && answer === JSON.stringify({ status: word });
}

function showAnswer({ status, headers, body }: Answer): void {
  const location = headers.get('location');
  story.say(`→ ${status}${location === null ? '' : `   location: ${location}`}`);
  story.say(`  ${JSON.stringify(body)}`);
}

function showDelivery(attempt: DeliveryAttempt): void {
  const { status, error, answer } = attempt;
  story.say(`POST ${shortened(new URL(attempt.url).pathname)}`);
  const proof = Object.entries(proofOf(attempt));
  for (const [name, value] of proof) story.say(`  ${name}: ${shortened(value)}`);
  story.say(`→ ${status ?? error} ${answer ?? ''}`);
}

function proofOf({ headers }: DeliveryAttempt): Record<string, string> {
  const all = new Headers({ ...headers });
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return Object.fromEntries(names.map((name) => [name, all.get(name) ?? '']));
}

function showRecord({ topic, partition, offset, key, headers, value }: SeenRecord): void {
  story.say(`${topic}, partition ${partition}, offset ${offset}`);
  story.pairs({ key });
  const shown = Object.entries(headers).map(
    ([name, text]) => [name, shortened(text, 60)] as const,
  );
  story.pairs(Object.fromEntries(shown), '  ');
  story.pairs({ value });
}

function showLog({ bridge }: World): void {
  story.print('\nThe last lines of the bridge:');
  story.say(bridge.lines.slice(-SHOWN_LOG_LINES).join('\n'));
}

/** Ctrl-C: in order, so that brokers from outside are left as they were. */
function endOnSignal(world: World): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted = true;
      story.print(`\n${signal}: ending what was started …`);
      void world.stop().finally(() => process.exit(1));
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
