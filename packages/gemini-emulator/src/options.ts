import type { PlannedFault } from './control/faults.js';

/** How deliveries to `webhook_config.uris` (dynamic deliveries) are signed. */
export type DynamicSignature = 'v1a' | 'jwt' | 'both';

/** How the JWKS endpoint answers. */
export type JwksMode =
  | 'ok'
  | '500'
  | 'hang'
  | 'empty'
  /** Keys that sign no delivery, as a receiver gets them that asks before or after a rotation. */
  | 'rotated'
  | 'not-json'
  /** `ok`, after `jwksDelayMs`. */
  | 'slow';

/** How a job can end. Each kind of job supports some of them. */
export const OUTCOMES = [
  'succeeded',
  'failed',
  'expired',
  'cancelled',
  /** Not an end: the interaction waits for its caller. */
  'requires_action',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Claims of the deliveries that Google documents (JWT). No real token was ever published, so all of them are assumptions. */
export interface JwtOptions {
  /** Assumption: `iss`. Empty: no claim. */
  issuer: string;
  /** Assumption: `aud`. Undefined: the destination's URL, as one vendor says. Empty: no claim. */
  audience: string | undefined;
  /** Assumption: `sub`. Empty: no claim. */
  subject: string;
  /** Assumption: `exp - iat` in seconds. 0: no `exp`. */
  lifetimeSeconds: number;
  /** Assumption: `jti` is the webhook-id (the same in every attempt), new in every attempt, or absent. */
  jti: 'webhook-id' | 'random' | 'none';
  /** Assumption: the claims hold the event. The guide calls the decoded claims `event`. */
  eventInClaims: boolean;
  /** Assumption: the claim that holds the event. Undefined: `type`, `version`, `timestamp`, `data` are claims. */
  eventClaim: string | undefined;
  /** Assumption: a claim binds the body by the hex of its SHA-256. No document says so. */
  bodyHash: boolean;
  /** Assumption: the name of that claim. */
  bodyHashClaim: string;
}

/** Retries of a delivery, in emulated seconds. All assumption: Google documents "exponential backoff for 24 hours" only. */
export interface RetryOptions {
  firstDelaySeconds: number;
  factor: number;
  maxDelaySeconds: number;
  horizonSeconds: number;
}

/** True where answers about a job repeat its `webhookConfig`. */
export interface EchoOptions {
  /** Assumption: false. No recorded operation of a batch has one. */
  batch: boolean;
  /** Assumption: true. The recorded answer to a creation has one; later answers are taken to be alike. */
  interaction: boolean;
  /** Assumption: true, as the only member of the operation's `metadata`. Recorded operations have no `metadata` at all. */
  video: boolean;
}

/** Options of the emulator. They may be changed while it runs, except those that `OPTION_TABLE` marks `atStart`. */
export interface EmulatorOptions {
  port: number;
  host: string;
  apiKey: string;
  /** Emulated seconds in a real second, for retries, the 24 h of a rotated secret and `autoFinishMs`. */
  timeScale: number;

  /** `v1a` was observed, `jwt` is documented. Assumption: `both` is one header with entries separated by a space. */
  dynamic: DynamicSignature;
  /** Assumption: Google's keys (and tokens) carry a `kid`. */
  kid: boolean;
  jwt: JwtOptions;
  jwks: JwksMode;
  jwksDelayMs: number;

  /** Assumption: the place where a delivery repeats the `user_metadata` of its job. `claims`: only in the token. */
  userMetadata:
    | 'data.user_metadata'
    | 'user_metadata'
    | 'data.webhook_config.user_metadata'
    | 'claims'
    | 'none';
  /** Assumption: how `data.id` names a batch: `batches/abc`, `batch_abc` or `abc`. */
  dataId: 'batches/' | 'batch_' | 'bare';
  /** Assumption: how `data.id` names an interaction: `v1_abc`, as the rest of the API does, or `interactions/v1_abc`. */
  interactionDataId: 'bare' | 'interactions/';
  /** Assumption: how `data.id` names a video: `models/veo/operations/abc` (like its operation), `operations/abc` or `abc`. */
  videoDataId: 'models/' | 'operations/' | 'bare';
  /** Field names of the guide's newest text, or of its text at launch. */
  spelling: 'newest' | 'launch';
  /** The API sends `batch.succeeded`; the guide's samples at launch had `batch.completed`. */
  successType: 'batch.succeeded' | 'batch.completed';
  /** Assumption: `output_file_uri` is a file name, as in recorded batches. The guide shows `gs://…`. */
  outputUri: 'files/' | 'gs://';
  /** Assumption: `type` of a ping's event. */
  pingType: string;
  /** The guide lists `cancelled` events, the API does not. False: none is sent, and a subscription to one is refused. */
  cancelledEvents: boolean;
  /** Assumption: all URIs of an event see the same webhook-id (`event`), or each its own (`destination`). */
  webhookIdPer: 'event' | 'destination';

  retry: RetryOptions;
  /** Real milliseconds until an attempt counts as failed. Assumption: Google documents "within a few seconds". */
  attemptTimeoutMs: number;
  /**
   * `fresh`: each attempt has a timestamp of its own. `stale`: repeats have the first attempt's, which is as old as the
   * emulated time since then. Assumption: fresh.
   */
  timestamps: 'fresh' | 'stale';
  /** Seconds added to every timestamp in a header, to imitate a receiver with a wrong clock. */
  timestampOffsetSeconds: number;
  /** Probability that a delivery is sent once more after its 2xx. */
  duplicate: number;
  /** Probability that the sender loses a job's event, so that it is never delivered. */
  loseEvents: number;
  /** How many copies of each attempt are sent at the same time. The attempt is accepted if all copies are. */
  twins: number;
  /** First attempts wait until there are this many, at most 1 emulated second; then they are sent newest first. 0: off. */
  reorder: number;
  /** Assumption: a static webhook is disabled after this many failed attempts in a row, and loses pending deliveries. 0: never. */
  disableAfterFailures: number;
  /** Assumption: attempts that run at the same time. */
  concurrency: number;
  /** False: deliveries go to 127.0.0.0/8 and ::1 only. */
  allowRemote: boolean;

  /** Emulated milliseconds until a submitted job ends by itself. Undefined: never. */
  autoFinishMs: number | undefined;
  /** A random part of this is added to `autoFinishMs`, so that jobs do not end in the order of their submission. */
  autoFinishSpreadMs: number;
  /** A job whose kind does not support this outcome fails. */
  autoFinishOutcome: Outcome;
  /** `strict`: only fields in `update_mask` change. The live API ignores the mask. */
  updateMask: 'ignored' | 'strict';
  /** Serve what the guide shows and the API does not have: `/rotate_secret`, its upper-case enum, `:batchCreate`. */
  guideCompat: boolean;
  echo: EchoOptions;
  /** Faults that are planned at the start; see `GeminiEmulator.fault`. */
  faults: readonly PlannedFault[];
  /** Seed of all random choices. The same seed gives the same choices. */
  seed: number;
  /** Number of attempts and finished deliveries that are kept; older ones are dropped. */
  remembered: number;
}

export function defaultOptions(): EmulatorOptions {
  return {
    port: 0,
    host: '127.0.0.1',
    apiKey: 'test-key',
    timeScale: 1,
    dynamic: 'v1a',
    kid: true,
    jwt: {
      issuer: 'https://generativelanguage.googleapis.com',
      audience: undefined,
      subject: '',
      lifetimeSeconds: 300,
      jti: 'webhook-id',
      eventInClaims: true,
      eventClaim: undefined,
      bodyHash: false,
      bodyHashClaim: 'body_sha256',
    },
    jwks: 'ok',
    jwksDelayMs: 2000,
    userMetadata: 'data.user_metadata',
    dataId: 'batches/',
    interactionDataId: 'bare',
    videoDataId: 'models/',
    spelling: 'newest',
    successType: 'batch.succeeded',
    outputUri: 'files/',
    pingType: 'webhook.ping',
    cancelledEvents: false,
    webhookIdPer: 'event',
    retry: {
      firstDelaySeconds: 5,
      factor: 2,
      maxDelaySeconds: 3600,
      horizonSeconds: 86400,
    },
    attemptTimeoutMs: 10_000,
    timestamps: 'fresh',
    timestampOffsetSeconds: 0,
    duplicate: 0,
    loseEvents: 0,
    twins: 1,
    reorder: 0,
    disableAfterFailures: 100,
    concurrency: 64,
    allowRemote: false,
    autoFinishMs: undefined,
    autoFinishSpreadMs: 0,
    autoFinishOutcome: 'succeeded',
    updateMask: 'ignored',
    guideCompat: false,
    echo: { batch: false, interaction: true, video: true },
    faults: [],
    seed: 1,
    remembered: 100_000,
  };
}

/** Options of `GeminiEmulator.start`. Those that are left out have their defaults. */
export type StartOptions = Partial<Omit<EmulatorOptions, 'jwt' | 'retry' | 'echo'>> & {
  jwt?: Partial<JwtOptions>;
  echo?: Partial<EchoOptions>;
  retry?: Partial<RetryOptions>;
};

export function completeOptions(given: StartOptions): EmulatorOptions {
  const defaults = defaultOptions();
  return {
    ...defaults,
    ...given,
    jwt: { ...defaults.jwt, ...given.jwt },
    retry: { ...defaults.retry, ...given.retry },
    echo: { ...defaults.echo, ...given.echo },
  };
}
