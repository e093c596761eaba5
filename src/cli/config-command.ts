import type { Config } from '../config/config.js';
import { ConfigError, warningLine, type ConfigWarning } from '../config/problem.js';
import { portFindings } from '../startup/listener-checks.js';
import { validateEnvironment } from '../startup/validate-environment.js';
import { runChecks, type ConnectionResult } from './connections/connection-check.js';
import { connectionsOf } from './connections/connections.js';
import type { Report, Terminal } from './terminal.js';

export interface CheckOptions {
  /** Also ask the servers that the bridge needs. */
  readonly connect?: boolean;
  /** Seconds, for each server. */
  readonly timeout: number;
}

/**
 * Checks what the start checks, and whether the ports can be opened.
 *
 * @throws {ConfigError} with every problem.
 */
export async function checkConfig(
  { env, err }: Terminal,
  { connect = false, timeout }: CheckOptions,
): Promise<Report> {
  const { config, warnings: ofNames } = await validateEnvironment(env);
  const ports = await portFindings(config.server);
  const warnings = [...ofNames, ...ports.warnings];
  if (ports.problems.length > 0) throw new ConfigError(ports.problems, warnings);
  if (!connect) return reportOf(config, warnings, []);
  const results = await runChecks(connectionsOf(config), {
    limitMs: timeout * 1000,
    progress: (line) => err(`${line}\n`),
  });
  return reportOf(config, warnings, results);
}

function reportOf(
  config: Config,
  warnings: readonly ConfigWarning[],
  connections: readonly ConnectionResult[],
): Report {
  const { server, kafka, topics, gemini, vault, webhooks } = config;
  const ok = connections.every((connection) => connection.ok);
  const json = {
    ok,
    ports: { public: server.port, internal: server.internalPort },
    brokers: kafka.brokers,
    topicPrefix: topics.prefix,
    submitsJobs: gemini.apiKey !== undefined,
    keepsSecrets: vault.keysFile !== undefined,
    webhooks: { mode: webhooks.mode, names: webhooks.declared.map(({ name }) => name) },
    warnings,
    connections,
  };
  const lines = [
    'the bridge would start with this environment',
    ...warnings.map(warningLine),
    ...connections.map(connectionLine),
  ];
  return { json, lines, ok };
}

function connectionLine({ target, ok, detail }: ConnectionResult): string {
  return `${target}: ${ok ? 'ok' : 'failed'}: ${detail}`;
}
