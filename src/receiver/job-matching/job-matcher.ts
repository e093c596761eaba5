import { Injectable } from '@nestjs/common';
import type { GeminiEvent } from '../../events/gemini-event.js';
import { userMetadataIn } from '../../events/user-metadata.js';
import { GeminiClient } from '../../gemini/gemini.client.js';
import { GeminiError } from '../../gemini/gemini.error.js';
import type { JobKind } from '../../jobs/job-kind.js';
import { kindOf } from '../../jobs/job-kinds.js';
import { bareName, kindsOfEvent, endIdOf } from '../../jobs/job-events.js';
import { metadataHash, metadataIn, userMetadataOf } from '../../jobs/correlation.js';
import { JobRegistry } from '../../jobs/job-registry.js';
import { isUnnamed, type Job } from '../../jobs/job.js';
import { isDeeper, type Json } from '../../infrastructure/json/json.js';
import type { Capability } from '../../signature/capability.js';
import { fetchJobSnapshot } from './fetch-job-snapshot.js';

/** What is hashed is walked by recursion. What we gave has fewer levels (`job-order.ts`). */
const MAX_LEVELS = 250;

/** The job that an event is about. */
export interface EventJob {
  readonly jobId: string;
  readonly correlationId: string;
  /** Undefined where nobody vouches for any. */
  readonly metadata: Json | undefined;
  /** As the registry has it. */
  readonly geminiName?: string | undefined;
  /** False when the registry does not know it any more: then the path vouches for the rest. */
  readonly isRegistered: boolean;
  /** Of its submission, where the registry has it: the event's trace goes on from there. */
  readonly traceparent?: string | undefined;
  /** By what the event is told once, however it is found out; undefined where others follow. */
  readonly outcome: string | undefined;
}

/** A valid signature of Google's over what is not this job's. Each is a dead letter's reason. */
export const FOREIGN_REASONS = ['other-job', 'other-job-id', 'other-metadata'] as const;

export type ForeignReason = (typeof FOREIGN_REASONS)[number];

/** Finds out which of our jobs an event is about, and whether it can be. */
@Injectable()
export class JobMatcher {
  constructor(
    private readonly registry: JobRegistry,
    private readonly gemini: GeminiClient,
  ) {}

  /** False where no job can be ours: then nobody has to be asked. */
  get isWanted(): boolean {
    return this.gemini.configured;
  }

  /**
   * Of an event of a static webhook, which tells of everything in the project.
   *
   * @throws {RedisUnavailableError | GeminiError} when it may be ours and cannot be found out.
   */
  async ofName(event: GeminiEvent): Promise<EventJob | undefined> {
    const { subject } = event;
    if (subject === undefined) return undefined;
    const { job, mayBeOurs } = await this.registry.findByName(subject);
    if (job) return eventJob(job, event);
    const named = mayBeOurs ? await this.nameJob(event, subject) : undefined;
    return named && eventJob(named, event);
  }

  /**
   * Of an event that came by a job's own path. Google signs for everybody: the path says
   * which job it is, and the event has to agree.
   *
   * @param job what the registry has for the path.
   */
  ofPath(
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
    const outcome = endIdOf(jobId, event, event.subject ?? '');
    return { jobId, correlationId, metadata, isRegistered: false, outcome };
  }

  /** A job of ours whose name we do not know yet carries our id on Gemini. */
  private async nameJob(event: GeminiEvent, name: string): Promise<Job | undefined> {
    const kind = kindsOfEvent(event).find(({ announcedBy }) => announcedBy === 'static');
    if (!kind?.isName(name)) return undefined;
    const jobId = await this.jobIdOnGemini(kind, name);
    if (jobId === undefined) return undefined;
    const job = await this.registry.updateJob(jobId, (now) =>
      isUnnamed(now) ? { ...now, geminiName: name } : now,
    );
    // Anybody in the project can write our id into a display name
    return job?.geminiName === name ? job : undefined;
  }

  /**
   * What Gemini does not have, or says nothing of that can be read, is not ours.
   *
   * @throws {GeminiError} when it may say so later.
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
    outcome: endIdOf(jobId, event),
  };
}

function canBeOf(job: Job, event: GeminiEvent): boolean {
  const told = kindsOfEvent(event);
  if (told.length > 0 && !told.includes(kindOf(job))) return false;
  if (job.geminiName === undefined || event.jobName === undefined) return true;
  return bareName(job.geminiName) === bareName(event.jobName);
}
