import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import type { KafkaCluster } from '../../packages/testbed/src/kafka.js';
import { parseKeyring } from '../../src/infrastructure/files/keyring.js';
import { issueCapability } from '../../src/signature/capability.js';
import { temporarySecrets, type TemporarySecrets } from '../support/secrets.js';
import { countById, readTopics } from '../support/topic-log.js';
import { eventBody } from '../support/gemini-sender.js';
import { startOwnKafka } from './own-kafka.js';

const ACK_BUDGET_MS = 3000;

/** Waits until the bridge is unready only because it has no keys. */
async function untilKeysAreMissed(bridge: BridgeProcess): Promise<void> {
  for (;;) {
    const answer = await fetch(`${bridge.internalUrl}/health/ready`);
    const names = Object.keys((await answer.json()) as object);
    if (names.toString() === 'status,keys') return;
    await delay(50);
  }
}

describe("Google's keys", () => {
  let kafka: KafkaCluster;
  let gemini: GeminiEmulator;
  let secrets: TemporarySecrets;

  beforeAll(async () => {
    kafka = await startOwnKafka();
    gemini = await GeminiEmulator.start();
    secrets = temporarySecrets();
  }, 120_000);

  afterAll(async () => {
    await gemini?.stop();
    await kafka?.stop();
    secrets?.[Symbol.dispose]();
  }, 60_000);

  async function start(): Promise<BridgeProcess> {
    const bridge = await startBridge({
      KAFKA_BROKERS: kafka.brokers,
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      JWKS_URL: gemini.jwksUrl,
      CAPABILITY_KEYS_FILE: secrets.capabilityKeysFile,
      ACK_BUDGET_MS: String(ACK_BUDGET_MS),
    });
    return bridge;
  }

  async function startReady(): Promise<BridgeProcess> {
    const bridge = await start();
    await bridge.ready();
    return bridge;
  }

  /** One dynamic delivery, signed with the emulator's keys. */
  async function deliver(bridge: BridgeProcess, id: string) {
    const keys = parseKeyring(`k1:${secrets.capabilityKey}`);
    const token = await issueCapability({ jobId: 'job', correlationId: 'c' }, keys);
    const timestamp = Math.floor(Date.now() / 1000);
    const body = eventBody(id);
    const sentAt = performance.now();
    const response = await fetch(`${bridge.url}/webhooks/gemini/jobs/${token}`, {
      method: 'POST',
      body,
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': gemini.keys.signV1a(id, timestamp, body),
      },
    });
    expect(performance.now() - sentAt).toBeLessThan(ACK_BUDGET_MS + 500);
    return { status: response.status, body: await response.json() };
  }

  it.each(['500', 'hang', 'empty', 'not-json'] as const)(
    'lead to 503 with few requests until they are read for the first time (%s)',
    async (mode) => {
      gemini.options.jwks = mode;
      await using bridge = await start();
      await untilKeysAreMissed(bridge);
      const asked = gemini.jwksRequests;
      const first = await Promise.all(
        Array.from({ length: 20 }, (_, i) => deliver(bridge, `cold_${mode}_${i}`)),
      );
      for (const answer of first) {
        expect(answer).toEqual({
          status: 503,
          body: { status: 'refused', reason: 'keys-unavailable' },
        });
      }
      // The deliveries cause one request, and the bridge makes one of its own every five seconds
      expect(gemini.jwksRequests - asked).toBeLessThanOrEqual(3);
      gemini.options.jwks = 'ok';
      await bridge.ready();
      expect((await deliver(bridge, `cold_${mode}_after`)).status).toBe(200);
    },
    60_000,
  );

  it('stay in use after they were read, while their endpoint fails, hangs or is empty', async () => {
    await using bridge = await startReady();
    expect((await deliver(bridge, 'warm_0')).status).toBe(200);
    for (const mode of ['500', 'hang', 'empty', 'not-json'] as const) {
      gemini.options.jwks = mode;
      expect((await deliver(bridge, `warm_${mode}`)).status).toBe(200);
    }
    gemini.options.jwks = 'ok';
    const counts = countById(await readTopics(kafka.brokers));
    for (const mode of ['0', '500', 'hang', 'empty', 'not-json']) {
      expect(counts.get(`warm_${mode}`)).toBe(1);
    }
  }, 60_000);

  it('verify no delivery that was signed with other keys, and unknown keys do not lead to many requests', async () => {
    gemini.options.jwks = 'rotated';
    await using bridge = await startReady();
    const asked = gemini.jwksRequests;
    for (let i = 0; i < 30; i++) {
      expect((await deliver(bridge, `strange_${i}`)).status).toBe(401);
    }
    expect(gemini.jwksRequests - asked).toBeLessThanOrEqual(1);
    gemini.options.jwks = 'ok';
    const counts = countById(await readTopics(kafka.brokers));
    expect(Array.from(counts.keys()).filter((id) => id.startsWith('strange'))).toEqual(
      [],
    );
  }, 60_000);
});
