import { cloudEventHeaders } from '../../events/cloud-event.js';
import { jobsTopic, topicFor, type Milestone } from '../../events/event-topics.js';
import { RECORD_HEADERS } from '../../events/record-headers.js';
import { newTraceparent } from '../../infrastructure/tracing/traceparent.js';
import type { JobKind, JobSnapshot } from '../job-kind.js';
import { endIdOf, jobScope, reconciledId } from '../job-event-ids.js';
import { eventBody } from '../polled-event.js';
import { dedupeKey } from '../../publishing/dedupe-key.js';
import type { EventRecord } from '../../publishing/event-publisher.js';
import { correlationHeaders } from '../correlation.js';
import type { Job, JobEvent } from '../job.js';
import { viewOf } from '../job-view.js';

const SOURCE = 'urn:gemini-kafka-bridge:jobs';
/** Value of `bridge-scheme` for records of the bridge itself, which have no signature. */
const SCHEME = 'bridge';

/** A record with its dedupe key. */
export interface OnceRecord {
  readonly key: string;
  readonly record: EventRecord;
}

/**
 * Record of a milestone: `gemini.job.submitted`, `gemini.job.unknown` or `gemini.job.ended`. Its
 * Kafka key is the job's id, because a job does not have a name at Gemini from the start.
 */
export function milestoneRecord(
  job: Job,
  milestone: Milestone,
  prefix: string,
): OnceRecord {
  const type = `gemini.job.${milestone}`;
  // A job that was closed as not taken and reopened ends twice: the time makes two ids
  const end = milestone === 'ended' ? `_${Date.parse(job.endedAt ?? '')}` : '';
  const id = `job_${job.id}_${milestone}_${job.attempts}${end}`;
  const time = job.updatedAt;
  const value = { type, version: 'v1', timestamp: time, data: viewOf(job) };
  const scope = 'bridge';
  return {
    key: dedupeKey(scope, id),
    record: {
      topic: jobsTopic(prefix),
      key: job.id,
      value: Buffer.from(JSON.stringify(value)),
      headers: {
        ...cloudEventHeaders({ id, source: SOURCE, type, time, subject: job.id }),
        ...bridgeHeaders(job, id, scope),
      },
    },
  };
}

/** Record of an event that Gemini did not deliver, made from the polled state. */
export function reconciledRecord(
  job: Job,
  kind: JobKind,
  snapshot: JobSnapshot,
  prefix: string,
): OnceRecord & { readonly endId: string; readonly event: JobEvent } {
  const { geminiName: name = job.id } = job;
  const type = (snapshot.state && kind.events[snapshot.state]) ?? '';
  const endId = endIdOf(job.id, { type }) ?? '';
  const id = reconciledId(endId);
  const scope = jobScope(job.id);
  const time = snapshot.at ?? new Date().toISOString();
  return {
    endId,
    event: { type, webhookId: id, at: new Date().toISOString() },
    key: dedupeKey(scope, id),
    record: {
      topic: topicFor(type, prefix),
      key: name,
      value: eventBody(kind, name, snapshot),
      headers: {
        ...cloudEventHeaders({ id, source: SOURCE, type, time, subject: name }),
        ...bridgeHeaders(job, id, scope),
        [RECORD_HEADERS.endId]: endId,
        [RECORD_HEADERS.reconciled]: 'true',
      },
    },
  };
}

function bridgeHeaders(job: Job, id: string, scope: string): Record<string, string> {
  return {
    [RECORD_HEADERS.webhookId]: id,
    [RECORD_HEADERS.scheme]: SCHEME,
    [RECORD_HEADERS.scope]: scope,
    [RECORD_HEADERS.receivedAt]: new Date().toISOString(),
    [RECORD_HEADERS.traceparent]: job.traceparent ?? newTraceparent(),
    ...correlationHeaders(job.id, job.correlationId, job.metadata),
  };
}
