import { batchKind } from './kinds/batch.kind.js';
import { embeddingBatchKind } from './kinds/embedding-batch.kind.js';
import { interactionKind } from './kinds/interaction.kind.js';
import type { JobKind } from './job-kind.js';
import { videoKind } from './kinds/video.kind.js';

/** Every kind of job. */
export const JOB_KINDS: readonly JobKind[] = [
  batchKind,
  embeddingBatchKind,
  interactionKind,
  videoKind,
];

const BY_NAME = new Map(JOB_KINDS.map((kind) => [kind.name, kind]));

/** @throws {Error} for a kind that only another version of the bridge knows. */
export function kindOf({ kind }: { readonly kind: string }): JobKind {
  const found = BY_NAME.get(kind);
  if (!found) throw new Error(`this version of the bridge has no jobs of kind ${kind}`);
  return found;
}
