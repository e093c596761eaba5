import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The stores of published ids. Each has different Redis keys and one fixture. */
export const STORES = ['log', 'redis'] as const;

export type Store = (typeof STORES)[number];

/** The jobs of the old version, named by their role in the test. */
export const ROLES = [
  /** Its event is delivered after the upgrade. */
  'awaited',
  'succeeded',
  'failed',
  /** Its event was signed with a token instead of a `v1a` signature. */
  'token',
  /** The old version published its event without a delivery. */
  'reconciled',
  /** It ends after the upgrade, without a delivery. */
  'overdue',
  /** Its events are delivered to the static webhook. */
  'embedding',
  'interaction',
  'video',
  /** Gemini accepted it and answered 503. */
  'unknown',
  /** The old version did not publish the record of its submission. */
  'untold',
  /** The old version was killed during its submission. */
  'submitting',
] as const;

export type Role = (typeof ROLES)[number];

/** Deliveries that were not accepted when the old version ended. */
export const WAITING = [
  'awaited',
  'embedding',
  /** The old version was killed after it had claimed the id. */
  'claimed',
  /** The delivery about the job `reconciled`, days late. */
  'late',
] as const;

export type Waiting = (typeof WAITING)[number];

/** A delivery without its signature. The test signs it, because the bridge refuses an old timestamp. */
export interface FixtureDelivery {
  readonly webhookId: string;
  /** `/webhooks/gemini`, or the path of a capability URL. */
  readonly path: string;
  readonly body: string;
}

/** UTF-8 text, or base64 of other bytes. */
export type Bytes = string | { readonly base64: string };

export interface FixtureRecord {
  readonly topic: string;
  readonly partition: number;
  /** Unix ms, as text. */
  readonly timestamp: string;
  readonly key: Bytes;
  readonly value: Bytes;
  readonly headers: Readonly<Record<string, Bytes>>;
}

interface Common {
  readonly key: string;
  /** Remaining life; undefined for a key that does not expire. */
  readonly ttlMs?: number;
}

/** A Redis key and its value. */
export type FixtureKey = Common &
  (
    | { readonly type: 'string'; readonly value: string }
    | { readonly type: 'hash'; readonly value: Readonly<Record<string, string>> }
    | { readonly type: 'zset'; readonly value: Readonly<Record<string, number>> }
  );

export interface JobView {
  readonly id: string;
  readonly state: string;
  readonly correlationId: string;
  readonly geminiName?: string;
}

/** The data of one run of the old version. */
export interface Fixture {
  /** Commit of the old version. */
  readonly commit: string;
  /** Time of the dump, RFC 3339. */
  readonly madeAt: string;
  /** Environment of the old version, without addresses and files. */
  readonly environment: Readonly<Record<string, string>>;
  /** The content of its files, by variable. The old version wrote `VAULT_FILE`, the script the others. */
  readonly files: Readonly<Record<string, string>>;
  /** The `whsec_…` that are sealed in the document, newest first. */
  readonly signingSecrets: readonly string[];
  /** Headers and body of the submission of `awaited`. */
  readonly submission: {
    readonly idempotencyKey: string;
    readonly body: Readonly<Record<string, unknown>>;
  };
  /** Answers of the old version to `GET /v1/jobs/:id`. */
  readonly jobs: Readonly<Record<Role, JobView>>;
  /** Deliveries that the old version answered 200. */
  readonly accepted: readonly (FixtureDelivery & { readonly isToken: boolean })[];
  readonly waiting: Readonly<Record<Waiting, FixtureDelivery>>;
  /** Gemini's answers to GET requests, by path. */
  readonly gemini: Readonly<Record<string, unknown>>;
  readonly records: readonly FixtureRecord[];
  readonly redis: readonly FixtureKey[];
}

export function readFixture(store: Store): Fixture {
  return JSON.parse(readFileSync(pathOf(store), 'utf8')) as Fixture;
}

export function encode(bytes: Buffer): Bytes {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString('base64') };
}

export function decode(bytes: Bytes): Buffer {
  return typeof bytes === 'string'
    ? Buffer.from(bytes)
    : Buffer.from(bytes.base64, 'base64');
}

export function pathOf(store: Store): string {
  return join(import.meta.dirname, 'fixtures', `${store}-store.json`);
}
