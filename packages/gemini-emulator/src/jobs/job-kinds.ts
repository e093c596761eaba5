import { embedContent } from './embed-content.js';
import { generateContent } from './generate-content.js';
import { interaction } from './interaction-kind.js';
import type { Kind } from './job-kind.js';
import type { JobKind } from './job.js';
import { video } from './video-kind.js';

/** THE table: a new kind of job is a row here and its routes. */
export const JOB_KINDS: Readonly<Record<JobKind, Kind>> = {
  batch: generateContent,
  embedding: embedContent,
  interaction,
  video,
};
