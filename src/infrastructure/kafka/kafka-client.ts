import { Logger } from '@nestjs/common';
import {
  Kafka,
  logLevel,
  type KafkaConfig,
  type logCreator,
  type SASLOptions,
} from 'kafkajs';
import type { Config } from '../../config/config.js';
import { installKafkajsPatches } from './kafkajs/install-patches.js';
import { watchedSockets } from './kafkajs/socket-watchdog.js';

export type { Admin } from 'kafkajs';

/**
 * Creates a patched kafkajs client with the configured brokers, credentials and certificates.
 *
 * @param silenceMs a broker that leaves a request unanswered for this long is taken for hung.
 * @throws {Error} when another version of kafkajs is installed than the patches are made for.
 */
export function kafkaClient(kafka: Config['kafka'], silenceMs: number): Kafka {
  installKafkajsPatches();
  return new Kafka({
    clientId: kafka.clientId,
    brokers: [...kafka.brokers],
    ...security(kafka),
    socketFactory: watchedSockets(silenceMs),
    connectionTimeout: 2000,
    authenticationTimeout: silenceMs,
    requestTimeout: silenceMs + 1000, // only a second net: the socket watchdog ends a silent socket first
    // Short, because each caller retries in a loop of its own that stops at shutdown
    retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 500 },
    logLevel: logLevel.WARN,
    logCreator: nestLog,
  });
}

/** kafkajs reads `ssl` and `sasl` at each connection, so changed files take effect without a restart. */
function security({ sasl, tls }: Config['kafka']): Pick<KafkaConfig, 'sasl' | 'ssl'> {
  return {
    ...(tls ? { ssl: tls } : {}),
    ...(sasl ? { sasl: saslOptions(sasl) } : {}),
  };
}

function saslOptions(
  sasl: NonNullable<Config['kafka']['sasl']>,
): NonNullable<KafkaConfig['sasl']> {
  const { mechanism, username } = sasl;
  if (mechanism === 'oauthbearer') {
    const oauthBearerProvider = () => Promise.resolve({ value: sasl.token });
    return { mechanism, oauthBearerProvider };
  }
  const options = {
    mechanism,
    username,
    get password() {
      return sasl.password;
    },
  };
  return options as SASLOptions;
}

/**
 * Logs kafkajs's messages at debug. kafkajs logs each retriable failure as an error, while the
 * bridge retries and reports failures itself.
 */
const nestLog: logCreator = () => {
  const logger = new Logger('kafkajs');
  return ({ namespace, log: { message, error, broker } }) => {
    logger.debug({
      message,
      namespace,
      error: error as unknown,
      broker: broker as unknown,
    });
  };
};
