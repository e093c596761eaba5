import { loadConfig } from '../config/config.js';
import type { Report } from './terminal.js';

/** @throws {ConfigError} naming every variable that is wrong. */
export function checkConfig(env: NodeJS.ProcessEnv): Report {
  const { server, kafka, topics, gemini, vault, webhooks } = loadConfig(env);
  const json = {
    ok: true,
    ports: { public: server.port, internal: server.internalPort },
    brokers: kafka.brokers,
    topicPrefix: topics.prefix,
    submitsJobs: gemini.apiKey !== undefined,
    keepsSecrets: vault.keysFile !== undefined,
    webhooks: { mode: webhooks.mode, names: webhooks.declared.map(({ name }) => name) },
  };
  return { json, lines: ['the bridge would start with this environment'] };
}
