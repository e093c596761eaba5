import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule } from '../../src/app.module.js';
import { loadConfig } from '../../src/config/load-config.js';
import { JsonLogger } from '../../src/infrastructure/logging/json.logger.js';
import { KafkaCluster } from '../../src/infrastructure/kafka/kafka-cluster.js';
import { EventPublisher } from '../../src/publishing/event-publisher.js';
import { listen } from '../../src/receiver/http/listen.js';
import { TwoPortAdapter } from '../../src/receiver/http/two-port.adapter.js';
import { parseKeyring } from '../../src/infrastructure/files/keyring.js';
import { issueCapability } from '../../src/signature/capability.js';
import { LogCapture } from './log-capture.js';
import { RecordingPublisher } from './recording.publisher.js';
import { SECRET } from './sender.js';
import { temporaryFile } from './temporary-file.js';

const CAPABILITY_KEY = `k1:${Buffer.alloc(32, 'capability').toString('base64url')}`;

/** Address on which no server listens. */
const NOWHERE = '127.0.0.1:1';

export interface TestApp extends AsyncDisposable {
  /** Base URL of the public port, without a slash at the end. */
  readonly url: string;
  readonly internalUrl: string;
  readonly port: number;
  readonly internalPort: number;
  readonly publisher: RecordingPublisher;
  readonly adapter: TwoPortAdapter;
  readonly log: LogCapture;
  get<T>(token: Type<T> | (abstract new (...parameters: never[]) => T)): T;
  /** Path of the capability URL of a job. */
  jobPath(jobId?: string, correlationId?: string): Promise<string>;
}

/** A double in the place of a provider: an object, or a class that Nest constructs. */
export type Double = readonly [
  provider: abstract new (...parameters: never[]) => object,
  double: object,
];

/** Starts the real application on free ports. Kafka is replaced, and what the doubles name. */
export async function startApp(
  env: Record<string, string> = {},
  ...doubles: readonly Double[]
): Promise<TestApp> {
  const keyFile = temporaryFile(CAPABILITY_KEY);
  const config = loadConfig({
    PORT: '0',
    INTERNAL_PORT: '0',
    HOST: '127.0.0.1',
    KAFKA_BROKERS: NOWHERE,
    DEDUPE_STORE: 'memory', // test/integration/kafka tests the store that reads topics
    WEBHOOK_SECRETS: SECRET,
    CAPABILITY_KEYS_FILE: keyFile.path,
    JWKS_URL: `http://${NOWHERE}/jwks`,
    GEMINI_URL: `http://${NOWHERE}`,
    PUBLIC_URL: 'https://bridge.example',
    LOG_LEVEL: 'debug',
    ...(isGuarded(env) ? {} : { API_AUTH: 'none' }),
    ...env,
  });
  const log = new LogCapture();
  const publisher = new RecordingPublisher();
  const building = Test.createTestingModule({ imports: [AppModule.register(config)] })
    .overrideProvider(EventPublisher)
    .useValue(publisher)
    .overrideProvider(KafkaCluster)
    .useValue({});
  for (const [provider, double] of doubles) {
    const override = building.overrideProvider(provider);
    if (typeof double === 'function') override.useClass(double);
    else override.useValue(double);
  }
  const module = await building.compile();
  const adapter = new TwoPortAdapter(config.ackBudgetMs);
  const app = module.createNestApplication(adapter, {
    bodyParser: false,
    logger: new JsonLogger(config.logLevel),
  });
  const close = async (): Promise<void> => {
    await app.close();
    log[Symbol.dispose]();
    keyFile[Symbol.dispose]();
  };
  const { port, internalPort } = await listen(app, config).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  const keys = parseKeyring(CAPABILITY_KEY);
  return {
    url: `http://127.0.0.1:${port}`,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    port,
    internalPort,
    publisher,
    adapter,
    log,
    get: (token) => app.get(token),
    jobPath: async (jobId = 'job-1', correlationId = 'correlation-1') =>
      `/webhooks/gemini/jobs/${await issueCapability({ jobId, correlationId }, keys)}`,
    [Symbol.asyncDispose]: close,
  };
}

function isGuarded(env: Record<string, string>): boolean {
  return 'API_TOKENS_FILE' in env || 'API_OIDC_ISSUER' in env;
}
