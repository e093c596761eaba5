import { Logger } from '@nestjs/common';
import {
  Kafka,
  logLevel,
  type KafkaConfig,
  type logCreator,
  type SASLOptions,
} from 'kafkajs';
import type { Config } from '../../config/config.js';
import { watchedSockets } from './kafkajs/socket-watchdog.js';

/** A client with the deployment's brokers, credentials and certificates. */
export function kafkaClient({ kafka }: Config, silenceMs: number): Kafka {
  return new Kafka({
    clientId: kafka.clientId,
    brokers: [...kafka.brokers],
    ...security(kafka),
    socketFactory: watchedSockets(silenceMs),
    connectionTimeout: 2000,
    authenticationTimeout: silenceMs,
    requestTimeout: silenceMs + 1000, // a second net; the sockets are watched
    // Short: whoever calls has a loop of its own, which can see that we are closing
    retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 500 },
    logLevel: logLevel.WARN,
    logCreator: nestLog,
  });
}

/** kafkajs asks `ssl` and `sasl` again at each connection: what is in files may have changed. */
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
 * kafkajs calls each retriable failure an error; we retry and report ourselves, so its
 * lines are for whoever asked for `LOG_LEVEL=debug`.
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
