import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge } from '../../../packages/testbed/src/bridge.js';
import {
  startSecureKafka,
  unsignedToken,
  type SecureKafka,
} from '../../../packages/testbed/src/kafka/secure.js';
import { GeminiSender, SECRET } from '../../support/gemini-sender.js';
import { countById, readTopics } from '../../support/topic-log.js';
import { untilLogged } from '../../support/until-logged.js';

describe('a broker that requires authentication', () => {
  let kafka: SecureKafka;
  let folder: string;

  beforeAll(async () => {
    kafka = await startSecureKafka();
    folder = mkdtempSync(join(tmpdir(), 'gemini-kafka-bridge-test-'));
  }, 120_000);

  afterAll(async () => {
    await kafka?.stop();
    rmSync(folder, { recursive: true });
  }, 60_000);

  const common = () => ({
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    WEBHOOK_SECRETS: SECRET,
    KAFKA_TLS_CA_FILE: kafka.caPath,
  });

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  const ways: [string, () => Record<string, string>][] = [
    ...['plain', 'scram-sha-256', 'scram-sha-512'].map(
      (mechanism): [string, () => Record<string, string>] => [
        mechanism,
        () => ({
          KAFKA_BROKERS: kafka.saslBrokers,
          KAFKA_SASL_MECHANISM: mechanism,
          KAFKA_SASL_USERNAME: kafka.user.username,
          KAFKA_SASL_PASSWORD_FILE: file('password', `${kafka.user.password}\n`),
        }),
      ],
    ),
    [
      'oauthbearer',
      () => ({
        KAFKA_BROKERS: kafka.saslBrokers,
        KAFKA_SASL_MECHANISM: 'oauthbearer',
        KAFKA_SASL_TOKEN_FILE: file('token', unsignedToken('bridge')),
      }),
    ],
    [
      'mutual-tls',
      () => ({
        KAFKA_BROKERS: kafka.mutualTlsBrokers,
        KAFKA_TLS_CERT_FILE: kafka.clientCertificatePath,
        KAFKA_TLS_KEY_FILE: kafka.clientKeyPath,
      }),
    ],
  ];

  it.each(ways)(
    'accepts events with %s',
    async (way, env) => {
      await using bridge = await startBridge({ ...common(), ...env() });
      await bridge.ready();
      const id = `secure_${way}`;
      await new GeminiSender(() => bridge.url).untilAccepted(id);
      expect(countById(await readTopics(kafka.brokers)).get(id)).toBe(1);
      expect(bridge.lines.join('\n')).not.toContain(kafka.user.password);
    },
    60_000,
  );

  it.each<[string, () => Record<string, string>, () => [string, string]]>([
    [
      'a password',
      () => ({
        KAFKA_BROKERS: kafka.saslBrokers,
        KAFKA_SASL_MECHANISM: 'scram-sha-256',
        KAFKA_SASL_USERNAME: kafka.user.username,
        KAFKA_SASL_PASSWORD_FILE: file('rotated', 'an-old-password'),
      }),
      () => ['rotated', kafka.user.password],
    ],
    [
      'the CA',
      () => ({
        KAFKA_BROKERS: kafka.mutualTlsBrokers,
        KAFKA_TLS_CA_FILE: file(
          'rotated-ca',
          readFileSync(kafka.clientCertificatePath, 'utf8'),
        ),
        KAFKA_TLS_CERT_FILE: kafka.clientCertificatePath,
        KAFKA_TLS_KEY_FILE: kafka.clientKeyPath,
      }),
      () => ['rotated-ca', readFileSync(kafka.caPath, 'utf8')],
    ],
  ])(
    'accepts the bridge after %s was replaced while the bridge runs',
    async (what, env, replacement) => {
      await using bridge = await startBridge({ ...common(), ...env() });
      await untilLogged(bridge, 'Kafka is not available');
      file(...replacement());
      await bridge.ready();
      const id = `rotated_${what.replaceAll(' ', '_')}`;
      await new GeminiSender(() => bridge.url).untilAccepted(id);
      expect(countById(await readTopics(kafka.brokers)).get(id)).toBe(1);
    },
    60_000,
  );

  it('refuses a wrong password, and the bridge is unready with that cause', async () => {
    await using bridge = await startBridge({
      ...common(),
      KAFKA_BROKERS: kafka.saslBrokers,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: kafka.user.username,
      KAFKA_SASL_PASSWORD: 'wrong-password',
    });
    expect(await new GeminiSender(() => bridge.url).once('secure_wrong')).toMatchObject({
      status: 503,
    });
    await untilLogged(bridge, 'Kafka is not available');
    const ready = await fetch(`${bridge.internalUrl}/health/ready`);
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringMatching(/authentication/i),
    ]);
    expect(bridge.lines.join('\n')).not.toContain('wrong-password');
  }, 60_000);
});
