import { warningLine } from '../config/problem.js';
import { ConfigError } from '../config/problem.js';
import { portFindings } from '../startup/listener-checks.js';
import { validateEnvironment } from '../startup/validate-environment.js';
import type { Report } from './terminal.js';

/**
 * Checks what the start checks, and whether the ports can be opened.
 *
 * @throws {ConfigError} with every problem.
 */
export async function checkConfig(env: NodeJS.ProcessEnv): Promise<Report> {
  const { config, warnings: ofNames } = await validateEnvironment(env);
  const ports = await portFindings(config.server);
  const warnings = [...ofNames, ...ports.warnings];
  if (ports.problems.length > 0) throw new ConfigError(ports.problems, warnings);
  const { server, kafka, topics, gemini, vault, webhooks } = config;
  const json = {
    ok: true,
    ports: { public: server.port, internal: server.internalPort },
    brokers: kafka.brokers,
    topicPrefix: topics.prefix,
    submitsJobs: gemini.apiKey !== undefined,
    keepsSecrets: vault.keysFile !== undefined,
    webhooks: { mode: webhooks.mode, names: webhooks.declared.map(({ name }) => name) },
    warnings,
  };
  return {
    json,
    lines: ['the bridge would start with this environment', ...warnings.map(warningLine)],
  };
}
