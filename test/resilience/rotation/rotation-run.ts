import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { startBridge, type BridgeProcess } from '../../../packages/testbed/src/bridge.js';
import type { DeliveryAttempt } from '../../../packages/gemini-emulator/src/deliveries/delivery.js';
import { GeminiEmulator } from '../../../packages/gemini-emulator/src/emulator.js';
import { startKafka, type KafkaCluster } from '../../../packages/testbed/src/kafka.js';
import { freePorts } from '../../../packages/testbed/src/process/free-ports.js';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { startRedis, type RedisServer } from '../../../packages/testbed/src/redis.js';
import { temporarySecrets, type TemporarySecrets } from '../../support/secrets.js';
import { parseSecret } from '../../../src/signing-secrets/webhook-secret.js';
import { readTopics } from '../../support/topic-log.js';
import { EventStream } from '../../support/event-stream.js';
import { Random } from '../campaign/random.js';
import { Balancer } from '../../support/balancer.js';

/** Time after a revocation in which a replica may still accept the secret. */
const REVOKED_WITHIN_MS = 5000;
const PAUSE_MS = 1500;
const SETTLED_WITHIN_MS = 60_000;
const DRAINED_WITHIN_MS = 120_000;

export interface RotationRunOptions {
  readonly seed: number;
  readonly rotations: number;
  /** Number of rotations during which the replica is killed, shortly before or after Gemini's answer. */
  readonly kills: number;
  readonly perSecond: number;
}

export interface RotationVerdict {
  readonly deliveries: number;
  readonly attempts: number;
  readonly rotations: number;
  readonly immediate: number;
  readonly kills: number;
  /** Number of 401 answers to deliveries signed with a revoked secret. */
  readonly revoked: number;
  /** Number of 503 answers because a secret was not sealed yet. */
  readonly unsettled: number;
  readonly seconds: number;
  /** A sentence for each broken promise. */
  readonly findings: readonly string[];
}

interface Issued {
  readonly secret: string;
  readonly issuedAt: number;
  revokedAt: number;
}

/** Sends deliveries through a balancer to two replicas, while secrets are rotated and replicas are killed. */
export async function runRotations(
  options: RotationRunOptions,
): Promise<RotationVerdict> {
  const kafka = await startKafka({ own: true });
  const redis = await startRedis({ own: true });
  const gemini = await GeminiEmulator.start({
    seed: options.seed,
    disableAfterFailures: 0,
    remembered: 1_000_000,
    concurrency: 200,
    retry: { firstDelaySeconds: 0.5, factor: 2, maxDelaySeconds: 4 },
  });
  await using balancer = await Balancer.start();
  using secrets = temporarySecrets();
  const run = new RotationRun(options, kafka, redis, gemini, balancer, secrets);
  try {
    return await run.run();
  } finally {
    await run.stop();
    await gemini.stop();
    await redis.stop();
    await kafka.stop();
  }
}

class RotationRun {
  private readonly random: Random;
  private readonly replicas: BridgeProcess[] = [];
  private readonly issued: Issued[] = [];
  private readonly findings: string[] = [];
  private readonly printed: (readonly string[])[] = [];
  private readonly startMs = performance.now();
  private ports: readonly number[] = [];
  private webhookId = '';
  private stream: EventStream | undefined;
  private kills = 0;
  private immediate = 0;
  private killAtRotation: (() => void) | undefined;

  constructor(
    private readonly options: RotationRunOptions,
    private readonly kafka: KafkaCluster,
    private readonly redis: RedisServer,
    private readonly gemini: GeminiEmulator,
    private readonly balancer: Balancer,
    private readonly secrets: TemporarySecrets,
  ) {
    this.random = new Random(options.seed).fork('rotations');
  }

  async run(): Promise<RotationVerdict> {
    this.ports = await freePorts(4);
    for (const n of [0, 1]) this.replicas[n] = await this.start(n);
    await Promise.all(this.replicas.map((replica) => replica.ready(60_000)));
    this.balancer.targets = [0, 1].map((n) => `http://127.0.0.1:${this.ports[n]}`);
    await this.register();
    this.stream = new EventStream(this.gemini, this.options.perSecond);
    const killed = new Set<number>();
    while (killed.size < this.options.kills) {
      killed.add(this.random.int(0, this.options.rotations - 1));
    }
    for (let n = 0; n < this.options.rotations; n++) {
      await this.rotate(n, killed.has(n));
      await sleep(PAUSE_MS);
    }
    await this.stream.stop();
    await this.gemini.drained(DRAINED_WITHIN_MS);
    return this.verdict();
  }

  async stop(): Promise<void> {
    await this.stream?.stop();
    await Promise.all(this.replicas.map((replica) => replica.stop()));
  }

  private async start(n: number): Promise<BridgeProcess> {
    const bridge = await startBridge({
      LOG_LEVEL: 'debug',
      NODE_ENV: 'production',
      PORT: String(this.ports[n]),
      INTERNAL_PORT: String(this.ports[2 + n]),
      PUBLIC_URL: this.balancer.url,
      KAFKA_BROKERS: this.kafka.brokers,
      REDIS_URL: this.redis.url,
      TOPIC_REPLICATION: '1',
      TOPIC_MIN_ISR: '1',
      GEMINI_URL: this.gemini.url,
      GEMINI_API_KEY: this.gemini.apiKey,
      JWKS_URL: this.gemini.jwksUrl,
      CAPABILITY_KEYS_FILE: this.secrets.capabilityKeysFile,
      VAULT_KEYS_FILE: this.secrets.vaultKeysFile,
      API_TOKENS_FILE: this.secrets.tokensFile,
      API_RATE_PER_MINUTE: '0',
    });
    this.printed.push(bridge.lines);
    return bridge;
  }

  private async register(): Promise<void> {
    const uri = `${this.balancer.url}/webhooks/gemini`;
    const answer = await this.call('POST', '/v1/webhooks', 0, { name: 'main', uri });
    this.webhookId = ((await answer.json()) as { id: string }).id;
    const { secrets } = this.gemini.webhooks.get(this.webhookId);
    this.note(secrets.live()[0] as string);
    const rotate = secrets.rotate.bind(secrets);
    secrets.rotate = (behavior) => {
      const secret = rotate(behavior);
      const live = new Set(secrets.live());
      for (const each of this.issued) {
        if (!live.has(each.secret)) each.revokedAt = Math.min(each.revokedAt, Date.now());
      }
      this.note(secret);
      this.killAtRotation?.();
      this.killAtRotation = undefined;
      return secret;
    };
  }

  private note(secret: string): void {
    this.issued.push({ secret, issuedAt: Date.now(), revokedAt: Infinity });
  }

  private async rotate(n: number, kill: boolean): Promise<void> {
    const isImmediate = n % 2 === 1;
    if (isImmediate) this.immediate++;
    const revocationBehavior = isImmediate
      ? 'revoke_previous_secrets_immediately'
      : 'revoke_previous_secrets_after_h24';
    const replica = this.random.int(0, 1);
    const afterMs = this.random.int(0, 12);
    if (kill && this.kills % 2 === 1) {
      // Random, so that kills fall before and after Gemini's answer, and before the secret is sealed
      setTimeout(() => this.replicas[replica]?.kill('SIGKILL'), this.random.int(0, 25));
    } else if (kill) {
      this.killAtRotation = () => {
        setTimeout(() => this.replicas[replica]?.kill('SIGKILL'), afterMs);
      };
    }
    const path = `/v1/webhooks/${this.webhookId}/rotate`;
    const body = { revocationBehavior, force: true };
    const answer = await this.call('POST', path, replica, body).catch(() => undefined);
    this.say(
      `rotation ${n + 1} (${isImmediate ? 'immediate' : '24 h'}${kill ? ', killed' : ''}): ${answer?.status ?? 'no answer'}`,
    );
    if (!kill && answer?.status !== 200) {
      this.findings.push(
        `rotation ${n + 1} was answered ${answer?.status} ${await answer?.text()}`,
      );
    }
    if (isImmediate) await this.expectRevoked(n);
    if (!kill) return;
    this.kills++;
    await this.replicas[replica]?.exited;
    this.replicas[replica] = await this.start(replica);
    await this.replicas[replica].ready(60_000);
    await this.untilSettled(1 - replica);
  }

  /** Checks that every replica refuses a delivery signed with the secret that was revoked last. */
  private async expectRevoked(n: number): Promise<void> {
    const last = this.issued.findLast(({ revokedAt }) => revokedAt !== Infinity);
    if (!last) return;
    await sleep(Math.max(0, last.revokedAt + REVOKED_WITHIN_MS - Date.now()));
    const id = `revoked-${n}`;
    const at = new Date();
    const body = JSON.stringify({
      type: 'batch.succeeded',
      version: 'v1',
      data: { id: 'batches/x' },
    });
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(last.secret).sign(id, at, body),
    };
    for (const target of this.balancer.targets) {
      const url = `${target}/webhooks/gemini`;
      const answer = await fetch(url, { method: 'POST', headers, body }).catch(
        () => undefined,
      );
      if (answer?.ok)
        this.findings.push(`rotation ${n + 1}: a revoked secret was accepted`);
    }
  }

  private async untilSettled(replica: number): Promise<void> {
    const deadline = performance.now() + SETTLED_WITHIN_MS;
    for (;;) {
      const text = await fetch(`http://127.0.0.1:${this.ports[2 + replica]}/metrics`)
        .then((answer) => answer.text())
        .catch(() => '');
      if (/^gemini_bridge_vault_unsettled 0$/m.test(text)) return;
      if (performance.now() > deadline) {
        this.findings.push(`an issuance was still pending after ${SETTLED_WITHIN_MS} ms`);
        return;
      }
      await sleep(250);
    }
  }

  private call(
    method: string,
    path: string,
    replica: number,
    body: object,
  ): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.ports[2 + replica]}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.secrets.token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
  }

  private async verdict(): Promise<RotationVerdict> {
    const emitted = this.stream?.emitted ?? 0;
    const attempts = this.gemini.deliveries;
    const refused = attempts.filter(({ status }) => status === 401);
    for (const attempt of refused) {
      if (this.isLive(attempt)) {
        this.findings.push(
          `${attempt.webhookId} was answered 401 (${attempt.answer}) at ${attempt.at}, although its secret was live`,
        );
      }
    }
    const strange = attempts.filter(({ status }) => status === 400);
    for (const { webhookId, answer } of strange) {
      this.findings.push(`${webhookId} was answered 400 ${answer}`);
    }
    await this.expectSilence();
    const records = await readTopics(this.kafka.brokers);
    const counts = new Map<string, number>();
    for (const { headers } of records) {
      const id = headers['webhook-id'] ?? '';
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const { headers } of records) this.expectLive(headers);
    const accepted = new Set(
      attempts.filter(({ status }) => status === 200).map(({ webhookId }) => webhookId),
    );
    for (const id of accepted) {
      const count = counts.get(id) ?? 0;
      if (count !== 1) this.findings.push(`${id} is on Kafka ${count} times`);
    }
    if (accepted.size !== emitted) {
      this.findings.push(`${emitted - accepted.size} events were never accepted`);
    }
    return {
      deliveries: emitted,
      attempts: attempts.length,
      rotations: this.options.rotations,
      immediate: this.immediate,
      kills: this.kills,
      revoked: refused.length,
      unsettled: attempts.filter(({ answer }) => answer?.includes('secrets-unsettled'))
        .length,
      seconds: Math.round((performance.now() - this.startMs) / 1000),
      findings: this.findings,
    };
  }

  /** Checks that a record was not signed with a secret that was revoked more than 5 s earlier. */
  private expectLive(headers: Readonly<Record<string, string>>): void {
    const receivedAt = Date.parse(headers['bridge-received-at'] ?? '');
    const used = this.issued.find(
      ({ secret }) => keyIdOf(secret) === headers['bridge-key-id'],
    );
    if (!used) this.findings.push(`${headers['webhook-id']} has an unknown key id`);
    else if (receivedAt > used.revokedAt + REVOKED_WITHIN_MS) {
      this.findings.push(
        `${headers['webhook-id']} was accepted long after its secret was revoked`,
      );
    }
  }

  /** Checks that no log, metric, readiness answer or OpenAPI document of the replicas contains a secret. */
  private async expectSilence(): Promise<void> {
    const shown = this.printed.flat();
    for (const port of this.ports.slice(2)) {
      const paths = ['/metrics', '/health/ready', '/docs/openapi.json'];
      for (const path of paths) {
        shown.push(await (await fetch(`http://127.0.0.1:${port}${path}`)).text());
      }
    }
    const { token, capabilityKey, vaultKey } = this.secrets;
    const secrets = this.issued.map(({ secret }) => secret.slice('whsec_'.length));
    for (const secret of [
      ...secrets,
      token,
      capabilityKey,
      vaultKey,
      this.gemini.apiKey,
    ]) {
      const found = shown.find((text) => text.includes(secret));
      if (found !== undefined) this.findings.push(`a secret is shown: ${found}`);
    }
  }

  /** True if one of the secrets that signed the attempt was live until its answer. */
  private isLive({ at, tookMs, headers, body }: DeliveryAttempt): boolean {
    const answeredAt = Date.parse(at) + tookMs;
    const id = headers['Webhook-Id'] ?? '';
    const signedAt = new Date(Number(headers['Webhook-Timestamp']) * 1000);
    const given = headers['Webhook-Signature']?.split(' ') ?? [];
    return this.issued.some(
      ({ secret, revokedAt }) =>
        revokedAt > answeredAt &&
        given.includes(new Webhook(secret).sign(id, signedAt, body)),
    );
  }

  private say(what: string): void {
    const seconds = Math.round((performance.now() - this.startMs) / 1000);
    toStderr(`rotations, seed ${this.options.seed}: ${seconds} s, ${what}`);
  }
}

function keyIdOf(secret: string): string {
  return parseSecret(secret).keyId;
}
