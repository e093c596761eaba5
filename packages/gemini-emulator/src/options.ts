import type { PlannedFault } from './control/faults.js';

/** How deliveries to `webhook_config.uris` are signed. */
export type DynamicSignature = 'v1a' | 'jwt' | 'both';

/** How the JWKS address answers. */
export type JwksMode =
  | 'ok'
  | '500'
  | 'hang'
  | 'empty'
  /** Other keys than those that sign, as for a receiver that asks too early or too late. */
  | 'rotated'
  | 'not-json'
  /** `ok`, after `jwksDelayMs`. */
  | 'slow';

/** How a job can end; not every kind of job can end in all of these ways. */
export const OUTCOMES = [
  'succeeded',
  'failed',
  'expired',
  'cancelled',
  /** No end: an interaction waits for its caller. */
  'requires_action',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Claims of documented (JWT) deliveries. Nobody has published a real token: all of this is assumption. */
export interface JwtOptions {
  /** Assumption: `iss`. Empty: left out. */
  issuer: string;
  /** Assumption: `aud`. Undefined: the destination's URL, as one vendor says. Empty: left out. */
  audience: string | undefined;
  /** Assumption: `sub`. Empty: left out. */
  subject: string;
  /** Assumption: `exp - iat` in seconds. 0: no `exp`. */
  lifetimeSeconds: number;
  /** Assumption: `jti` is the webhook-id (the same in every attempt), fresh in every attempt, or left out. */
  jti: 'webhook-id' | 'random' | 'none';
  /** Assumption: the claims hold the event (the guide calls the decoded claims `event`). */
  eventInClaims: boolean;
  /** Assumption: the claim that holds the event. Undefined: `type`, `version`, `timestamp`, `data` are claims. */
  eventClaim: string | undefined;
  /** Assumption: a claim binds the body (hex of its SHA-256). Nothing documented says so. */
  bodyHash: boolean;
  /** Assumption: the name of that claim. */
  bodyHashClaim: string;
}

/** Assumption, all of it: documented is only "exponential backoff for 24 hours". Emulated seconds. */
export interface RetryOptions {
  firstDelaySeconds: number;
  factor: number;
  maxDelaySeconds: number;
  horizonSeconds: number;
}

/** Whether answers about a job repeat its `webhookConfig`. */
export interface EchoOptions {
  /** Assumption: the operations of batches do not; no recorded one does. */
  batch: boolean;
  /** Assumption: later answers about an interaction do as that to its creation, which was seen to. */
  interaction: boolean;
  /** Assumption: operations of videos do, in metadata that has nothing else. Without it there is none, as in recorded ones. */
  video: boolean;
}

/** What the emulator does. Switches may be changed while it runs; `port`, `host`, `timeScale`, `kid` and `seed` may not. */
export interface EmulatorOptions {
  port: number;
  host: string;
  apiKey: string;
  /** Emulated seconds in a real second: retries, the 24 h of a rotated secret, `autoFinishMs`. */
  timeScale: number;

  /** `v1a` as observed, `jwt` as documented. Assumption for `both`: one header, the entries separated by a space. */
  dynamic: DynamicSignature;
  /** Assumption: Google's keys (and tokens) carry a `kid`. */
  kid: boolean;
  jwt: JwtOptions;
  jwks: JwksMode;
  jwksDelayMs: number;

  /** Assumption: where a delivery repeats the `user_metadata` of its job. `claims`: in the token only. */
  userMetadata:
    | 'data.user_metadata'
    | 'user_metadata'
    | 'data.webhook_config.user_metadata'
    | 'claims'
    | 'none';
  /** Assumption: how `data.id` names a batch: `batches/abc`, `batch_abc` or `abc`. */
  dataId: 'batches/' | 'batch_' | 'bare';
  /** Assumption: how `data.id` names an interaction: `v1_abc`, as all of the API does, or `interactions/v1_abc`. */
  interactionDataId: 'bare' | 'interactions/';
  /** Assumption: how `data.id` names a video: `models/veo/operations/abc`, as its operation, `operations/abc` or `abc`. */
  videoDataId: 'models/' | 'operations/' | 'bare';
  /** Field names of the guide's newest text or of the one at launch. */
  spelling: 'newest' | 'launch';
  /** The API says `batch.succeeded`; the guide's samples at launch said `batch.completed`. */
  successType: 'batch.succeeded' | 'batch.completed';
  /** Assumption: `output_file_uri` is the file's name, as in recorded batches, not `gs://…` as in the guide. */
  outputUri: 'files/' | 'gs://';
  /** Assumption: the type of a ping's event. */
  pingType: string;
  /** The `cancelled` events are in the guide, but not in the API: off, none is sent nor can be subscribed to. */
  cancelledEvents: boolean;
  /** Assumption: one webhook-id for an event, whatever the number of URIs; or one for each destination. */
  webhookIdPer: 'event' | 'destination';

  retry: RetryOptions;
  /** Assumption: documented is "within a few seconds". Real milliseconds. */
  attemptTimeoutMs: number;
  /** `stale`: repeats carry the first attempt's timestamp (as old as the emulated time that has passed). Assumption: fresh. */
  timestamps: 'fresh' | 'stale';
  /** Added to every timestamp in a header, in seconds: for receivers with a wrong clock. */
  timestampOffsetSeconds: number;
  /** Probability that a delivery is sent once more after its 2xx. */
  duplicate: number;
  /** Probability that a job's event is never delivered at all, as when the sender loses it. */
  loseEvents: number;
  /** How often each attempt is sent at once. It counts as accepted when all of them were. */
  twins: number;
  /** First attempts wait until there are so many (at most 1 emulated second), then go newest first, one by one. 0: off. */
  reorder: number;
  /** Assumption: consecutive failed attempts after which a static webhook is disabled, pending deliveries dropped. 0: never. */
  disableAfterFailures: number;
  /** Assumption: attempts under way at the same time. */
  concurrency: number;
  /** Deliveries go to 127.0.0.0/8 and ::1 only, unless this is set. */
  allowRemote: boolean;

  /** Emulated milliseconds until a submitted job has ended by itself. Undefined: never. */
  autoFinishMs: number | undefined;
  /** Up to so many emulated milliseconds more, by chance: jobs end in another order than they began. */
  autoFinishSpreadMs: number;
  /** Kinds that cannot end so fail. */
  autoFinishOutcome: Outcome;
  /** `strict`: only fields of `update_mask` change. The live API ignores the mask. */
  updateMask: 'ignored' | 'strict';
  /** Accept what only the guide shows: `/rotate_secret`, its upper-case enum, `:batchCreate`. */
  guideCompat: boolean;
  echo: EchoOptions;
  /** Planned from the start, as `GeminiEmulator.fault` plans them. */
  faults: readonly PlannedFault[];
  /** Of everything that happens by chance: the same seed, the same choices. */
  seed: number;
  /** Attempts and finished deliveries that are remembered; older ones are forgotten. */
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

/** As given to `GeminiEmulator.start`: anything left out has its default. */
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
