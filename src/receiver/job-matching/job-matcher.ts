import { Injectable } from '@nestjs/common';
import type { GeminiEvent } from '../../events/gemini-event.js';
import { userMetadataIn } from '../../events/user-metadata.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import type { JobKind } from '../../jobs/job-kind.js';
import { kindOf } from '../../jobs/job-kinds.js';
import { bareName } from '../../jobs/gemini-name.js';
import { kindsOfEvent } from '../../jobs/event-kinds.js';
import { endIdOf } from '../../jobs/job-event-ids.js';
import { metadataHash, metadataIn, userMetadataOf } from '../../jobs/correlation.js';
import { JobRegistry } from '../../jobs/job-registry.js';
import { isUnnamed, type Job } from '../../jobs/job.js';
import { isDeeper, type Json } from '../../infrastructure/json/json.js';
import type { Capability } from '../../signature/capability.js';
import { fetchJobSnapshot } from './fetch-job-snapshot.js';

/** Hashing recurses, so the nesting depth is bounded. `job-order.ts` allows fewer levels. */
const MAX_LEVELS = 250;

/** The job that an event is about. */
export interface EventJob {
  readonly jobId: string;
  readonly correlationId: string;
  /** Undefined when neither the registry nor the path's hash confirms it. */
  readonly metadata: Json | undefined;
  /** As the registry has it; undefined when it has none. */
  readonly geminiName?: string | undefined;
  /** False when the registry has lost the job. The path's token then names job and correlation id. */
  readonly isRegistered: boolean;
  /** Trace of the job's submission, if the registry has it. The event's trace continues it. */
  readonly traceparent?: string | undefined;
  /** Id of the job's end; undefined for an event that others follow. */
  readonly endId: string | undefined;
}

/** Why an event with a valid signature is not about the path's job. Reasons of dead letters. */
export const FOREIGN_REASONS = ['other-job', 'other-job-id', 'other-metadata'] as const;

export type ForeignReason = (typeof FOREIGN_REASONS)[number];

/** Finds the job of the bridge that an event is about. */
@Injectable()
export class JobMatcher {
  constructor(
    private readonly registry: JobRegistry,
    private readonly gemini: GeminiClient,
  ) {}

  /** False without a Gemini key: then the bridge submits no jobs, and a look-up is useless. */
  get canMatch(): boolean {
    return this.gemini.configured;
  }

  /**
   * Matches an event of a static webhook, which gets the events of all jobs in the project.
   *
   * @returns undefined when the event is about no job of the bridge.
   * @throws {RedisUnavailableError | GeminiError} when it may be about one, and the registry or
   *   Gemini does not answer.
   */
  async matchByName(event: GeminiEvent): Promise<EventJob | undefined> {
    const { subject } = event;
    if (subject === undefined) return undefined;
    const { job, mayBeOurs } = await this.registry.findByName(subject);
    if (job) return eventJob(job, event);
    const named = mayBeOurs ? await this.nameJob(event, subject) : undefined;
    return named && eventJob(named, event);
  }

  /**
   * Matches an event that came by a job's own path. Google signs the events of all its customers
   * with the same keys, so the event has to agree with the job that the path names.
   *
   * @param job the path's job, as the registry has it.
   */
  matchByPath(
    { jobId, correlationId, metadataHash: hash }: Capability,
    job: Job | undefined,
    event: GeminiEvent,
    body: Buffer,
  ): EventJob | ForeignReason {
    if (job && !canBeOf(job, event)) return 'other-job';
    const given = userMetadataIn(body);
    if (given && isDeeper(given, MAX_LEVELS)) return 'other-metadata';
    if (given && (given['bridge_job_id'] ?? jobId) !== jobId) return 'other-job-id';
    const expected = job ? metadataHash(userMetadataOf(job)) : hash;
    if (given && expected !== undefined && metadataHash(given) !== expected) {
      return 'other-metadata';
    }
    if (job) return eventJob(job, event);
    const metadata = given && expected !== undefined ? metadataIn(given) : undefined;
    const endId = endIdOf(jobId, event, event.subject ?? '');
    return { jobId, correlationId, metadata, isRegistered: false, endId };
  }

  /** Matches a job whose name the registry does not have yet by the bridge's id in its display name. */
  private async nameJob(event: GeminiEvent, name: string): Promise<Job | undefined> {
    const kind = kindsOfEvent(event).find(({ announcedBy }) => announcedBy === 'static');
    if (!kind?.isName(name)) return undefined;
    const jobId = await this.jobIdOnGemini(kind, name);
    if (jobId === undefined) return undefined;
    const job = await this.registry.updateJob(jobId, (now) =>
      isUnnamed(now) ? { ...now, geminiName: name } : now,
    );
    // Other clients of the project can write the id into a display name as well
    return job?.geminiName === name ? job : undefined;
  }

  /**
   * The bridge's id in the job's display name.
   *
   * @returns undefined when Gemini has no such job, or its answer cannot be parsed.
   * @throws {GeminiError} when another attempt may succeed.
   */
  private async jobIdOnGemini(kind: JobKind, name: string): Promise<string | undefined> {
    try {
      return (await fetchJobSnapshot(this.gemini, kind, name)).jobId;
    } catch (error) {
      if (error instanceof GeminiError && isFinal(error)) return undefined;
      throw error;
    }
  }
}

function isFinal({ status, effect }: GeminiError): boolean {
  if (status === undefined || status === 429) return false;
  return effect === 'refused' || status === 200;
}

function eventJob(job: Job, event: GeminiEvent): EventJob {
  const { id: jobId, correlationId, metadata, geminiName, traceparent } = job;
  return {
    jobId,
    correlationId,
    metadata,
    geminiName,
    isRegistered: true,
    traceparent,
    endId: endIdOf(jobId, event),
  };
}

function canBeOf(job: Job, event: GeminiEvent): boolean {
  const kinds = kindsOfEvent(event);
  if (kinds.length > 0 && !kinds.includes(kindOf(job))) return false;
  if (job.geminiName === undefined || event.jobName === undefined) return true;
  return bareName(job.geminiName) === bareName(event.jobName);
}
