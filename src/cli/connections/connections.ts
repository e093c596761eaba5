import type { Config } from '../../config/config.js';
import type { ConnectionCheck } from './connection-check.js';
import { geminiConnection } from './gemini-connection.js';
import { kafkaConnection } from './kafka-connection.js';
import { googleKeysConnection, issuerConnection } from './key-set-connections.js';
import { redisConnection } from './redis-connection.js';
import { secretsConnection } from './secrets-connection.js';

/** The servers that this configuration needs. */
export function connectionsOf(config: Config): ConnectionCheck[] {
  const { redis, gemini, signature, vault, access } = config;
  return [
    kafkaConnection(config),
    ...(redis ? [redisConnection(redis)] : []),
    ...(gemini.apiKey === undefined ? [] : [geminiConnection(config)]),
    ...(signature.capabilityKeysFile === undefined ? [] : [googleKeysConnection(config)]),
    ...(vault.keysFile === undefined ? [] : [secretsConnection(config)]),
    ...(access.oidc ? [issuerConnection(access.oidc.issuer)] : []),
  ];
}
