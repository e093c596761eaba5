import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  Ctx,
  EventPattern,
  KafkaContext,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { until } from '../../../packages/testbed/src/until.js';
import { countById, readTopics, type LoggedRecord } from '../../support/topic-log.js';

const LIFE = 'gemini-bridge.jobs';

const seen: { value: unknown; headers: Record<string, unknown> }[] = [];

const seenAbout = (correlationId: string) =>
  seen.find(({ headers }) => headers['correlation-id'] === correlationId);

/** A subscriber that uses only @nestjs/microservices. */
@Controller()
class Subscriber {
  @EventPattern<string>('gemini.batch.succeeded')
  onSucceeded(@Payload() value: unknown, @Ctx() context: KafkaContext): void {
    seen.push({ value, headers: context.getMessage().headers ?? {} });
  }
}

@Module({ controllers: [Subscriber] })
class SubscriberModule {}

describe('a job submitted through the bridge', () => {
  let kafka: KafkaCluster;
  let gemini: GeminiEmulator;
  let secrets: TemporarySecrets;
  let bridge: BridgeProcess;
  let subscriber: INestMicroservice;

  beforeAll(async () => {
    kafka = await startKafka({ own: true });
    gemini = await GeminiEmulator.start();
    secrets = temporarySecrets();
    const [port = 0] = await freePorts(1);
    bridge = await startBridge({
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      KAFKA_BROKERS: kafka.brokers,
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      GEMINI_URL: gemini.url,
      GEMINI_API_KEY: gemini.apiKey,
      JWKS_URL: gemini.jwksUrl,
      CAPABILITY_KEYS_FILE: secrets.capabilityKeysFile,
      API_TOKENS_FILE: secrets.tokensFile,
      LOG_LEVEL: 'debug',
    });
    await bridge.ready();
    subscriber = await NestFactory.createMicroservice(SubscriberModule, {
      logger: false,
      transport: Transport.KAFKA,
      options: {
        client: { brokers: kafka.brokers.split(',') },
        consumer: { groupId: 'subscriber' },
        subscribe: { fromBeginning: true },
      },
    });
    await subscriber.listen();
  }, 120_000);

  afterAll(async () => {
    await subscriber?.close();
    await bridge?.stop();
    await gemini?.stop();
    await kafka?.stop();
    secrets?.[Symbol.dispose]();
  }, 60_000);

  function api(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${bridge.internalUrl}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${secrets.token}`,
        'content-type': 'application/json',
      },
    });
  }

  async function submit(
    correlationId: string,
  ): Promise<{ id: string; geminiName: string }> {
    const response = await api('/v1/batches', {
      method: 'POST',
      body: JSON.stringify({
        model: 'gemini-3.8-flash',
        requests: [{ key: 'a', request: { contents: [{ parts: [{ text: 'hello' }] }] } }],
        metadata: { tenant: 'acme', naïve: '✓' },
        correlationId,
      }),
    });
    const job = (await response.json()) as { id: string; geminiName: string };
    expect([response.status, response.headers.get('location')]).toEqual([
      202,
      `/v1/jobs/${job.id}`,
    ]);
    return job;
  }

  async function recordsAbout(correlationId: string): Promise<LoggedRecord[]> {
    const records = await readTopics(kafka.brokers);
    return records.filter(({ headers }) => headers['correlation-id'] === correlationId);
  }

  /** Records about a job without its lifecycle events, which are published independently of the deliveries. */
  async function deliveredAbout(correlationId: string): Promise<LoggedRecord[]> {
    const records = await recordsAbout(correlationId);
    return records.filter(({ topic }) => topic !== LIFE);
  }

  it('leads to a record with its correlation, whose signature the subscriber can verify', async () => {
    const job = await submit('order-1');
    gemini.finishJob(job.geminiName, 'succeeded');
    await gemini.drained();

    const [record, ...others] = await deliveredAbout('order-1');
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      topic: 'gemini.batch.succeeded',
      key: job.geminiName,
    });
    const headers = record?.headers ?? {};
    expect(headers).toMatchObject({
      ce_specversion: '1.0',
      ce_type: 'batch.succeeded',
      ce_subject: job.geminiName,
      ce_source: 'https://generativelanguage.googleapis.com',
      ce_dataschema: 'urn:gemini-kafka-bridge:event:batch.succeeded:v1',
      'content-type': 'application/json',
      'bridge-scheme': 'v1a',
      'bridge-scope': `jobs/${job.id}`,
      'bridge-job-id': job.id,
      'bridge-job-metadata': JSON.stringify({ tenant: 'acme', naïve: '✓' }),
    });
    expect(headers['ce_id']).toBe(headers['webhook-id']);
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(await isSignedByGoogle(record as LoggedRecord)).toBe(true);
    expect(await (await api(`/v1/jobs/${job.id}`)).json()).toMatchObject({
      id: job.id,
      state: 'succeeded',
      geminiName: job.geminiName,
      correlationId: 'order-1',
      metadata: { tenant: 'acme' },
      lastEvent: { type: 'batch.succeeded', webhookId: headers['webhook-id'] },
    });
  }, 60_000);

  async function isSignedByGoogle({ headers, value }: LoggedRecord): Promise<boolean> {
    const { keys } = (await (await fetch(gemini.jwksUrl)).json()) as { keys: object[] };
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${String(value)}`;
    const signature = Buffer.from(
      String(headers['webhook-signature']).slice(4),
      'base64',
    );
    return keys.some((jwk) => {
      const key = createPublicKey({ key: jwk as Record<string, unknown>, format: 'jwk' });
      return verify(null, Buffer.from(text), key, signature);
    });
  }

  it('has one record even if Gemini repeats the delivery', async () => {
    const job = await submit('order-2');
    gemini.options.twins = 3;
    const [webhookId] = gemini.finishJob(job.geminiName, 'failed');
    await gemini.drained();
    gemini.options.twins = 1;
    gemini.redeliver(webhookId as string);
    await gemini.drained();

    const statuses = gemini.deliveries
      .filter((attempt) => attempt.webhookId === webhookId)
      .map(({ status }) => status);
    expect(statuses).toEqual([200, 200, 200, 200]);
    const records = await deliveredAbout('order-2');
    expect(records.map(({ topic }) => topic)).toEqual(['gemini.batch.failed']);
  }, 60_000);

  it('does not accept an event of another job, which goes to the dead letter topic', async () => {
    const [mine, other] = [await submit('order-3'), await submit('order-4')];
    const uris = gemini.batches.get(mine.geminiName).webhookUris;
    gemini.emit('batch.succeeded', { id: other.geminiName }, { uris });
    await gemini.drained();

    const [record] = await deliveredAbout('order-3');
    expect(record?.topic).toBe('gemini-bridge.dead-letter');
    expect(record?.headers['bridge-reason']).toBe('other-job');
  }, 60_000);

  it('has an event that a subscriber with @nestjs/microservices receives', async () => {
    const job = await submit('order-5');
    gemini.finishJob(job.geminiName, 'succeeded');
    await gemini.drained();
    const event = await until('the event at the subscriber', () => seenAbout('order-5'), {
      state: () => seen,
    });
    expect(event.value).toMatchObject({
      type: 'batch.succeeded',
      data: { id: job.geminiName },
    });
  }, 60_000);

  it('has its events of unknown types on gemini.other, each exactly once', async () => {
    const job = await submit('order-6');
    const uris = gemini.batches.get(job.geminiName).webhookUris;
    gemini.emit('batch.paused', { id: job.geminiName }, { uris });
    await gemini.drained();
    const [record] = await deliveredAbout('order-6');
    expect(record).toMatchObject({ topic: 'gemini.other', key: job.geminiName });
    const counts = countById(await readTopics(kafka.brokers));
    expect(Array.from(counts.values()).filter((count) => count !== 1)).toEqual([]);
  }, 60_000);

  it('has no secret, token, body or metadata in the log', () => {
    const log = bridge.lines.join('\n');
    const capability = gemini.batches.all().flatMap(({ webhookUris }) => webhookUris);
    for (const secret of [
      secrets.token,
      secrets.capabilityKey,
      gemini.apiKey,
      'acme',
      'hello',
    ]) {
      expect(log).not.toContain(secret);
    }
    for (const uri of capability) expect(log).not.toContain(uri.split('/').pop());
  });

  it('is not submitted again if Gemini accepts it and the answer is lost', async () => {
    const before = gemini.batches.all().length;
    gemini.fault('batches.create', { kind: 'accept-then-status' });
    const response = await api('/v1/batches', {
      method: 'POST',
      body: JSON.stringify({ model: 'm', requests: [{ request: { contents: [{}] } }] }),
    });
    const problem = (await response.json()) as { id: string };
    expect(response.status).toBe(503);
    expect(problem).toMatchObject({ code: 'gemini-outcome-unknown' });
    // The bridge finds the job at Gemini by the bridge's id
    let settled: { geminiName?: string } = {};
    await until(
      'the job to be found at Gemini',
      async () => {
        settled = (await (await api(`/v1/jobs/${problem.id}`)).json()) as typeof settled;
        return settled.geminiName !== undefined;
      },
      { state: () => settled },
    );
    expect(settled).toMatchObject({ state: 'submitted', attempts: 1 });
    expect(gemini.batches.all().length).toBe(before + 1);
    expect(gemini.batches.all().at(-1)?.name).toBe(settled.geminiName);
  }, 60_000);

  it('has its lifecycle events in order on a topic of the bridge', async () => {
    const job = await submit('order-life');
    gemini.finishJob(job.geminiName, 'succeeded');
    let told: LoggedRecord[] = [];
    await until(
      'two lifecycle events',
      async () => {
        const records = await recordsAbout('order-life');
        told = records.filter(({ topic }) => topic === LIFE);
        return told.length >= 2;
      },
      { state: () => told },
    );
    expect(told.map(({ key, headers }) => [key, headers['ce_type']])).toEqual([
      [job.id, 'gemini.job.submitted'],
      [job.id, 'gemini.job.ended'],
    ]);
  }, 60_000);
});
