import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import type { ScramUser } from '../src/kafka/java-cluster.js';
import {
  startSecureKafka,
  unsignedToken,
  type SecureKafka,
} from '../src/kafka/secure.js';

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

describe('the broker that authenticates its clients', () => {
  let cluster: SecureKafka;
  let ca: string[];

  beforeAll(async () => {
    cluster = await startSecureKafka({ log: () => undefined });
    ca = [readFileSync(cluster.caPath, 'utf8')];
  }, 120_000);
  afterAll(() => cluster.stop());

  const password = (mechanism: Mechanism, wrong = '') =>
    passwordBy(mechanism, { ...cluster.user, password: cluster.user.password + wrong });
  const overSasl = (sasl: SASLOptions) =>
    brokersSeen({ brokers: [cluster.saslBrokers], ssl: { ca }, sasl });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'accepts the right password by %s, and refuses another',
    async (mechanism) => {
      expect(await overSasl(password(mechanism))).toBe(1);
      await expect(overSasl(password(mechanism, '!'))).rejects.toThrow(
        /authentication failed/i,
      );
    },
  );

  it('accepts a bearer token until it expires', async () => {
    expect(await overSasl(token(unsignedToken('bridge')))).toBe(1);
    await expect(overSasl(token(unsignedToken('bridge', -60)))).rejects.toThrow();
  });

  it('accepts a client with its certificate, and refuses one without', async () => {
    const brokers = [cluster.mutualTlsBrokers];
    const cert = readFileSync(cluster.clientCertificatePath, 'utf8');
    const key = readFileSync(cluster.clientKeyPath, 'utf8');
    expect(await brokersSeen({ brokers, ssl: { ca, cert, key } })).toBe(1);
    await expect(brokersSeen({ brokers, ssl: { ca } })).rejects.toThrow(/alert/);
  });

  it('is not trusted by a client that was not given the CA', async () => {
    const start = brokersSeen({
      brokers: [cluster.saslBrokers],
      ssl: true,
      sasl: password('plain'),
    });
    await expect(start).rejects.toThrow(/certificate/);
  });
});

async function brokersSeen(config: KafkaConfig): Promise<number> {
  const admin = new Kafka({
    ...config,
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length;
  } finally {
    await admin.disconnect();
  }
}

function token(value: string): SASLOptions {
  return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) };
}

/** kafkajs has a type for each mechanism, so each has its own expression. */
function passwordBy(mechanism: Mechanism, user: ScramUser): SASLOptions {
  if (mechanism === 'plain') return { mechanism, ...user };
  return mechanism === 'scram-sha-256' ? { mechanism, ...user } : { mechanism, ...user };
}
