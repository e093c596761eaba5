import { JobRegistry } from './job-registry.js';
import { hasEnded, type JobState } from './job.js';

const PAGE = 200;
const OPEN: readonly JobState[] = ['submitted', 'running'];

/**
 * Has Gemini asked about every job that a static webhook tells of: it may have told nobody for a
 * while. @returns how many.
 */
export async function pollSoon(registry: JobRegistry): Promise<number> {
  let count = 0;
  for (const state of OPEN) {
    let before: string | undefined;
    do {
      const query = { state, limit: PAGE, ...(before !== undefined && { before }) };
      const { jobs, next } = await registry.list(query);
      for (const { id, announcedBy } of jobs) {
        if (announcedBy !== 'static') continue;
        await registry.updateJob(id, (now) =>
          hasEnded(now) ? now : { ...now, dueAt: Date.now() },
        );
        count++;
      }
      before = next;
    } while (before !== undefined);
  }
  return count;
}
