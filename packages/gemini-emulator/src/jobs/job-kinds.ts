import { embedContent } from './embed-content.js';
import { generateContent } from './generate-content.js';
import { interaction } from './interaction-kind.js';
import type { Kind } from './job-kind.js';
import type { JobKind } from './job.js';
import { video } from './video-kind.js';

/** All kinds of jobs. A new kind is a row here, and routes. */
export const JOB_KINDS: Readonly<Record<JobKind, Kind>> = {
  batch: generateContent,
  embedding: embedContent,
  interaction,
  video,
};
