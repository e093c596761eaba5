import { join } from 'node:path';
import { startKafka } from '../kafka.js';
import type { Log } from '../process/log.js';
import type { KafkaCluster } from './cluster.js';
import type { ScramUser } from './java-cluster.js';
import type { Properties } from './properties.js';

const TLS_FOLDER = join(import.meta.dirname, 'tls');
const MODULES = 'org.apache.kafka.common.security';

/** The user of PLAIN and of both SCRAM mechanisms. */
const USER: ScramUser = { username: 'bridge', password: 'not-a-secret' };

export interface SecureKafka extends KafkaCluster {
  /** `host:port` of the SASL_SSL listener: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER. */
  readonly saslBrokers: string;
  /** `host:port` of the SSL listener that requires a client certificate. */
  readonly mutualTlsBrokers: string;
  readonly user: ScramUser;
  /** PEM files. No system trusts this CA, so a client must be given it. */
  readonly caPath: string;
  readonly clientCertificatePath: string;
  readonly clientKeyPath: string;
}

/** Starts a broker with listeners that authenticate their clients. `brokers` is the open listener, for the test itself. */
export async function startSecureKafka(
  options: { log?: Log } = {},
): Promise<SecureKafka> {
  const cluster = await startKafka({
    ...options,
    own: true,
    listeners: { SASL: 'SASL_SSL', MUTUAL: 'SSL' },
    scramUsers: [USER],
    properties: { ...tls(), ...sasl() },
  });
  const listeners = cluster.nodes[0]?.listeners ?? {};
  return {
    ...cluster,
    saslBrokers: listeners['SASL'] ?? '',
    mutualTlsBrokers: listeners['MUTUAL'] ?? '',
    user: USER,
    caPath: join(TLS_FOLDER, 'ca.pem'),
    clientCertificatePath: join(TLS_FOLDER, 'client.pem'),
    clientKeyPath: join(TLS_FOLDER, 'client.key.pem'),
  };
}

/**
 * A token that the broker of `startSecureKafka` accepts. It is unsigned (`alg: none`): the tests check that a client
 * presents its token, not who issued it.
 */
export function unsignedToken(subject: string, lifetimeSeconds = 3600): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = { sub: subject, iat: nowSeconds, exp: nowSeconds + lifetimeSeconds };
  return `${base64url({ alg: 'none' })}.${base64url(claims)}.`;
}

function tls(): Properties {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': join(TLS_FOLDER, 'server.pem'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': join(TLS_FOLDER, 'ca.pem'),
    'listener.name.mutual.ssl.client.auth': 'required',
  };
}

function sasl(): Properties {
  const listener = 'listener.name.sasl';
  const scram = login('scram.ScramLoginModule');
  return {
    [`${listener}.sasl.enabled.mechanisms`]:
      'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`${listener}.plain.sasl.jaas.config`]: login(
      'plain.PlainLoginModule',
      ` user_${USER.username}="${USER.password}"`,
    ),
    [`${listener}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: scram,
    // Without a callback handler Kafka accepts unsigned tokens
    [`${listener}.oauthbearer.sasl.jaas.config`]: login(
      'oauthbearer.OAuthBearerLoginModule',
      ' unsecuredLoginStringClaim_sub="broker"',
    ),
  };
}

function login(module: string, options = ''): string {
  return `${MODULES}.${module} required${options};`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
