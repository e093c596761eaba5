import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { ConfigError } from './config/problem.js';
import { JsonLogger } from './infrastructure/logging/json.logger.js';
import { KafkaCluster } from './infrastructure/kafka/kafka-cluster.js';
import { ShutdownState } from './infrastructure/process/shutdown-state.js';
import { listen } from './receiver/http/listen.js';
import { TwoPortAdapter } from './receiver/http/two-port.adapter.js';
import { namingListener } from './startup/listener-checks.js';
import { validateEnvironment } from './startup/validate-environment.js';

/** Starts the bridge and ends it on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const { config, warnings } = await validateEnvironment(process.env);
  const logger = new JsonLogger(config.logLevel);
  const adapter = new TwoPortAdapter(config.ackBudgetMs);
  const app = await NestFactory.create(AppModule.register(config), adapter, {
    bodyParser: false,
    logger,
    bufferLogs: true, // the line with the ports comes first
    autoFlushLogs: false,
    abortOnError: false,
  });

  const shutdown = app.get(ShutdownState);
  const shutDown = (code: number): void => {
    if (shutdown.isDraining) return;
    shutdown.isDraining = true;
    setTimeout(() => process.exit(1), config.shutdownTimeoutMs);
    void app.close().then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      logger.log({ message: 'shutting down', signal });
      shutDown(0);
    });
  }
  app.get(KafkaCluster).onRefusal(({ message }) => {
    logger.error({ message: 'refusing to start', reason: message });
    shutDown(1);
  });

  const ports = await namingListener(config.server, () => listen(app, config));
  logger.log({ message: 'listening', ...ports });
  for (const warning of warnings) logger.warn({ message: 'setting ignored', ...warning });
  app.flushLogs();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
