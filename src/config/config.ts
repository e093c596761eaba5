import type { Scope } from './api-scopes.js';

/** The settings, grouped by consumer, with units in the names. `loadConfig` makes it of the environment. */
export interface Config {
  readonly server: ServerConfig;
  /** Base of the URLs that Gemini is given, without a trailing slash. */
  readonly publicUrl: string | undefined;
  /** Maximum time from a delivery's arrival to its answer. */
  readonly ackBudgetMs: number;
  readonly shutdownTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly tracing: 'off' | 'http/protobuf' | 'http/json';
  readonly kafka: KafkaConfig;
  readonly topics: TopicsConfig;
  readonly redis: RedisAccess | undefined;
  readonly dedupe: DedupeConfig;
  readonly signature: SignatureConfig;
  readonly token: TokenConfig;
  readonly vault: VaultConfig;
  readonly gemini: GeminiConfig;
  readonly webhooks: WebhooksConfig;
  readonly jobs: JobsConfig;
  readonly access: AccessConfig;
}

/** The two listeners. */
export interface ServerConfig {
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly internalPort: number;
  /** Undefined: all addresses. */
  readonly host: string | undefined;
}

export interface KafkaConfig {
  /** `host:port` of each broker. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Records that may wait for Kafka in this process. */
  readonly queueMax: number;
  readonly sasl: SaslCredentials | undefined;
  /** Undefined: connections without TLS. */
  readonly tls: TlsCredentials | undefined;
}

/** Each read of `password` and `token` has what their file says now. */
export interface SaslCredentials {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer';
  readonly username: string;
  readonly password: string;
  readonly token: string;
}

/** PEM texts. Each read has what the file says now. */
export interface TlsCredentials {
  /** Undefined: the authorities of Node.js. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** The topics that the bridge creates or expects. */
export interface TopicsConfig {
  readonly prefix: string;
  readonly mode: 'create' | 'check';
  readonly partitions: number;
  readonly replication: number;
  readonly minIsr: number;
  readonly retentionHours: number;
}

/** Address and credentials of Redis. Each read of `password` and `ca` has what their file says now. */
export interface RedisAccess {
  readonly url: string;
  /** `gemini-bridge` when absent. */
  readonly keyPrefix?: string;
  /** Undefined: the password in the URL, if there is one. */
  readonly password?: string | undefined;
  /** PEM. Undefined: the authorities of Node.js. */
  readonly ca?: string | undefined;
}

/** The memory of published ids. */
export interface DedupeConfig {
  readonly store: 'log' | 'redis' | 'memory';
  readonly ttlMs: number;
  /** How long a claim holds without renewal: the wait after the death of a replica. */
  readonly leaseMs: number;
  readonly onError: 'publish' | 'refuse';
  /** Ids that one process keeps. */
  readonly memoryMax: number;
}

/** Secrets and keys that verify deliveries. */
export interface SignatureConfig {
  /** `whsec_…,whsec_…` */
  readonly secrets: string | undefined;
  readonly secretsFile: string | undefined;
  readonly capabilityKeysFile: string | undefined;
  readonly jwksUrl: string;
  /** How long Google's keys stay valid while they cannot be read. */
  readonly jwksStaleMs: number;
}

/** Claims that the JWT of a delivery must have. */
export interface TokenConfig {
  /** Undefined refuses all of them; `unchecked` accepts any audience. */
  readonly audience: string | undefined;
  /** Undefined: any. */
  readonly issuer: string | undefined;
  readonly maxAgeSeconds: number;
  readonly bodyHashClaim: string;
  readonly unboundBody: 'confirm' | 'refuse';
}

/** The store of the encrypted secrets of managed webhooks. Without a file and a Secret it is in Redis. */
export interface VaultConfig {
  /** Undefined: the bridge keeps no secrets. */
  readonly keysFile: string | undefined;
  readonly file: string | undefined;
  readonly kubernetesSecret: string | undefined;
  /** API server of the cluster, as Kubernetes tells every pod; undefined outside a pod. */
  readonly kubernetesApi: string | undefined;
}

export interface GeminiConfig {
  /** Without a trailing slash. */
  readonly url: string;
  /** Each read has what its file says now. Undefined: the bridge only receives. */
  readonly apiKey: string | undefined;
}

/** The static webhooks that the bridge registers and repairs. */
export interface WebhooksConfig {
  readonly declared: readonly DeclaredWebhookConfig[];
  readonly mode: 'ensure' | 'report' | 'off';
  readonly intervalMs: number;
  /** Distinguishes this installation's webhooks from others in the project. */
  readonly owner: string;
  readonly reviveMax: number;
  /** 0: never. */
  readonly rotateEveryMs: number;
}

export interface DeclaredWebhookConfig {
  readonly name: string;
  readonly events: readonly string[];
  readonly uri: string;
}

export interface JobsConfig {
  readonly retentionMs: number;
  readonly lookAfterMs: number;
  readonly settleMs: number;
  readonly giveUpMs: number;
  /** Calls to Gemini by all replicas together. */
  readonly callsPerMinute: number;
}

/** Access control of the internal API. */
export interface AccessConfig {
  readonly tokensFile: string | undefined;
  readonly oidc: OidcConfig | undefined;
  /** True: without authentication. */
  readonly open: boolean;
  /** Calls of each caller; 0: no limit. */
  readonly ratePerMinute: number;
}

export interface OidcConfig {
  readonly issuer: string;
  readonly audience: string;
  /** Scopes of a token that has no scope claim and one of the subjects. */
  readonly scopes: readonly Scope[];
  /** A `*` at the end stands for any rest. */
  readonly subjects: readonly string[];
  /** How long the issuer's keys stay valid while they cannot be read. */
  readonly keysStaleMs: number;
}
