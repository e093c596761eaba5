import { invalid } from '../api-error.js';
import {
  OUTCOMES,
  type EchoOptions,
  type EmulatorOptions,
  type JwtOptions,
  type RetryOptions,
} from '../options.js';

/** Path of an option, like `jwt.issuer`. Its flag is `--jwt-issuer`. */
export type OptionPath =
  | Exclude<keyof EmulatorOptions, 'jwt' | 'retry' | 'echo' | 'faults'>
  | `jwt.${keyof JwtOptions}`
  | `retry.${keyof RetryOptions}`
  | `echo.${keyof EchoOptions}`;

type Values = 'number' | 'probability' | 'text' | 'boolean' | readonly string[];

interface OptionRow {
  readonly values: Values;
  readonly help: string;
  /** Google's behaviour is neither documented nor published. */
  readonly assumption?: true;
  /** Read once, when the emulator starts. */
  readonly atStart?: true;
}

const assumption = true;
const atStart = true;

/** All options, for the command line, its help and the control API. */
export const OPTION_TABLE: Readonly<Record<OptionPath, OptionRow>> = {
  port: { values: 'number', atStart, help: 'port to listen on; 0: any free one' },
  host: { values: 'text', atStart, help: 'address to listen on' },
  apiKey: { values: 'text', help: 'key that callers of the API must send' },
  timeScale: {
    values: 'number',
    atStart,
    help: 'emulated seconds in a real second (retries, secret expiry, auto-finish)',
  },
  dynamic: {
    values: ['v1a', 'jwt', 'both'],
    help: 'how deliveries to webhook_config.uris are signed: v1a as observed, jwt as documented; both in one header: assumption',
  },
  kid: { values: 'boolean', assumption, atStart, help: 'keys and tokens carry a kid' },
  'jwt.issuer': { values: 'text', assumption, help: 'iss; empty: none' },
  'jwt.audience': {
    values: 'text',
    assumption,
    help: "aud; unset: the destination's URL; empty: none",
  },
  'jwt.subject': { values: 'text', assumption, help: 'sub; empty: none' },
  'jwt.lifetimeSeconds': { values: 'number', assumption, help: 'exp - iat; 0: no exp' },
  'jwt.jti': { values: ['webhook-id', 'random', 'none'], assumption, help: 'jti' },
  'jwt.eventInClaims': {
    values: 'boolean',
    assumption,
    help: 'the claims hold the event',
  },
  'jwt.eventClaim': {
    values: 'text',
    assumption,
    help: 'claim that holds the event; unset: type, version, timestamp and data are claims',
  },
  'jwt.bodyHash': {
    values: 'boolean',
    assumption,
    help: 'a claim holds the SHA-256 of the body in hex',
  },
  'jwt.bodyHashClaim': { values: 'text', assumption, help: 'claim that holds the hash' },
  jwks: {
    values: ['ok', '500', 'hang', 'empty', 'rotated', 'not-json', 'slow'],
    help: 'how the JWKS endpoint answers',
  },
  jwksDelayMs: { values: 'number', help: 'delay of jwks=slow, in real ms' },
  userMetadata: {
    values: [
      'data.user_metadata',
      'user_metadata',
      'data.webhook_config.user_metadata',
      'claims',
      'none',
    ],
    assumption,
    help: 'place where a delivery repeats the user_metadata of its job',
  },
  dataId: {
    values: ['batches/', 'batch_', 'bare'],
    assumption,
    help: 'how data.id names a batch',
  },
  interactionDataId: {
    values: ['bare', 'interactions/'],
    assumption,
    help: 'how data.id names an interaction',
  },
  videoDataId: {
    values: ['models/', 'operations/', 'bare'],
    assumption,
    help: 'how data.id names a video; models/: like its operation',
  },
  spelling: {
    values: ['newest', 'launch'],
    help: 'field names of the newest guide or of the one at launch',
  },
  successType: {
    values: ['batch.succeeded', 'batch.completed'],
    help: 'type of the event of a succeeded batch',
  },
  outputUri: {
    values: ['files/', 'gs://'],
    assumption,
    help: 'form of output_file_uri',
  },
  pingType: { values: 'text', assumption, help: "type of a ping's event" },
  cancelledEvents: {
    values: 'boolean',
    help: 'send batch.cancelled and interaction.cancelled, which only the guide has',
  },
  webhookIdPer: {
    values: ['event', 'destination'],
    assumption,
    help: 'one webhook-id for all destinations of an event, or one for each',
  },
  'retry.firstDelaySeconds': {
    values: 'number',
    assumption,
    help: 'emulated delay before the first retry',
  },
  'retry.factor': { values: 'number', assumption, help: 'growth of the delay' },
  'retry.maxDelaySeconds': { values: 'number', assumption, help: 'limit of the delay' },
  'retry.horizonSeconds': {
    values: 'number',
    help: 'when retries end (24 hours are documented)',
  },
  attemptTimeoutMs: {
    values: 'number',
    assumption,
    help: 'real ms until an attempt fails ("a few seconds" are documented)',
  },
  timestamps: {
    values: ['fresh', 'stale'],
    assumption,
    help: "repeats have a timestamp of their own, or the first attempt's",
  },
  timestampOffsetSeconds: { values: 'number', help: 'added to every timestamp' },
  duplicate: { values: 'probability', help: 'probability of a repeat after a 2xx' },
  loseEvents: {
    values: 'probability',
    help: "probability that a job's event is never delivered",
  },
  twins: { values: 'number', help: 'copies of each attempt that are sent together' },
  reorder: {
    values: 'number',
    help: 'first attempts held back, then sent newest first; 0: off',
  },
  disableAfterFailures: {
    values: 'number',
    assumption,
    help: 'consecutive failed attempts that disable a static webhook; 0: never',
  },
  concurrency: { values: 'number', assumption, help: 'attempts at the same time' },
  allowRemote: { values: 'boolean', help: 'deliver to other machines as well' },
  autoFinishMs: {
    values: 'number',
    help: 'emulated ms after which a job ends by itself; unset: never',
  },
  autoFinishSpreadMs: {
    values: 'number',
    help: 'a random part of these emulated ms is added, so that jobs overtake each other',
  },
  autoFinishOutcome: {
    values: OUTCOMES,
    help: 'how it ends then; a job whose kind does not support it fails',
  },
  updateMask: {
    values: ['ignored', 'strict'],
    help: 'what update_mask does; the live API ignores it',
  },
  guideCompat: {
    values: 'boolean',
    atStart,
    help: 'serve what only the guide has: /rotate_secret, :batchCreate',
  },
  'echo.batch': {
    values: 'boolean',
    assumption,
    help: 'the operation of a batch repeats its webhookConfig',
  },
  'echo.interaction': {
    values: 'boolean',
    assumption,
    help: 'later answers about an interaction repeat its webhook_config, as the first one does',
  },
  'echo.video': {
    values: 'boolean',
    assumption,
    help: 'the operation of a video repeats its webhookConfig in its metadata',
  },
  seed: { values: 'number', atStart, help: 'seed of all random choices' },
  remembered: { values: 'number', atStart, help: 'number of attempts that are kept' },
};

/** The flag of an option: `jwt.bodyHash` becomes `jwt-body-hash`. */
export function flagOf(path: string): string {
  return path
    .replace('.', '-')
    .replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Sets one option from its text.
 *
 * @param running true refuses options that are read only at the start
 * @throws {ApiError} 400 for an unknown option or a bad value
 */
export function applyOption(
  options: EmulatorOptions,
  flag: string,
  text: string,
  { running = false } = {},
): void {
  const entry = Object.entries(OPTION_TABLE).find(([path]) => flagOf(path) === flag);
  if (!entry) throw invalid(`no such option: ${flag}`);
  const [path, { values, atStart: fixed }] = entry;
  if (running && fixed) throw invalid(`${flag} can only be set at the start`);
  const { group, name } = located(options, path);
  group[name] = parsed(flag, values, text);
}

/** The values of all options, by flag. */
export function shownOptions(options: EmulatorOptions): Record<string, unknown> {
  const shown = Object.keys(OPTION_TABLE).map((path) => {
    const { group, name } = located(options, path);
    return [flagOf(path), group[name]] as const;
  });
  return Object.fromEntries(shown);
}

function located(
  options: EmulatorOptions,
  path: string,
): { group: Record<string, unknown>; name: string } {
  const [first = '', second] = path.split('.');
  const all = options as unknown as Record<string, unknown>;
  if (second === undefined) return { group: all, name: first };
  return { group: all[first] as Record<string, unknown>, name: second };
}

function parsed(flag: string, values: Values, text: string): unknown {
  if (values === 'text') return text;
  if (values === 'number' || values === 'probability') {
    const number = Number(text);
    const inside = values === 'number' || (number >= 0 && number <= 1);
    if (text.trim() !== '' && Number.isFinite(number) && inside) return number;
    throw invalid(`${flag} must be a ${values}, not "${text}"`);
  }
  const words = values === 'boolean' ? ['true', 'false'] : values;
  if (!words.includes(text)) {
    throw invalid(`${flag} must be one of ${words.join(', ')}, not "${text}"`);
  }
  return values === 'boolean' ? text === 'true' : text;
}
