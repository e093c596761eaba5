import { cloudEventHeaders } from '../../events/cloud-event.js';
import { jobsTopic, topicFor, type Milestone } from '../../events/event-topics.js';
import { RECORD_HEADERS } from '../../events/record-headers.js';
import { newTraceparent } from '../../infrastructure/tracing/traceparent.js';
import type { JobKind, JobSnapshot } from '../job-kind.js';
import { eventBody, jobScope, outcomeOf, reconciledId } from '../job-events.js';
import { dedupeKey } from '../../publishing/dedupe-key.js';
import type { EventRecord } from '../../publishing/event-publisher.js';
import { correlationHeaders } from '../correlation.js';
import type { Job } from '../job.js';
import { viewOf } from '../job-view.js';

const SOURCE = 'urn:gemini-kafka-bridge:jobs';
/** No signature: the bridge says it itself. */
const SCHEME = 'bridge';

/** A record, and the key under which it is published once. */
export interface OnceRecord {
  readonly key: string;
  readonly record: EventRecord;
}

/**
 * What Kafka is told of a job's life: `gemini.job.submitted`, `….unknown`, `….ended`. The key is
 * the job's id: Gemini's name is not there from the start.
 */
export function milestoneRecord(
  job: Job,
  milestone: Milestone,
  prefix: string,
): OnceRecord {
  const type = `gemini.job.${milestone}`;
  // A job that was believed not to be taken, and was, ends twice
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
        ...ourHeaders(job, id, scope),
      },
    },
  };
}

/** The event that Gemini never delivered, of what it says when asked. */
export function reconciledRecord(
  job: Job,
  kind: JobKind,
  sighting: JobSnapshot,
  prefix: string,
): OnceRecord & { readonly outcome: string } {
  const { geminiName: name = job.id } = job;
  const type = (sighting.state && kind.events[sighting.state]) ?? '';
  const outcome = outcomeOf(job.id, { type }) ?? '';
  const id = reconciledId(outcome);
  const scope = jobScope(job.id);
  const time = sighting.at ?? new Date().toISOString();
  return {
    outcome,
    key: dedupeKey(scope, id),
    record: {
      topic: topicFor(type, prefix),
      key: name,
      value: eventBody(kind, name, sighting),
      headers: {
        ...cloudEventHeaders({ id, source: SOURCE, type, time, subject: name }),
        ...ourHeaders(job, id, scope),
        [RECORD_HEADERS.outcome]: outcome,
        [RECORD_HEADERS.reconciled]: 'true',
      },
    },
  };
}

function ourHeaders(job: Job, id: string, scope: string): Record<string, string> {
  return {
    [RECORD_HEADERS.webhookId]: id,
    [RECORD_HEADERS.scheme]: SCHEME,
    [RECORD_HEADERS.scope]: scope,
    [RECORD_HEADERS.receivedAt]: new Date().toISOString(),
    [RECORD_HEADERS.traceparent]: job.traceparent ?? newTraceparent(),
    ...correlationHeaders(job.id, job.correlationId, job.metadata),
  };
}
