import { JobRegistry } from './job-registry.js';
import { hasEnded, type JobState } from './job.js';

const PAGE = 200;
const OPEN: readonly JobState[] = ['submitted', 'running'];

/**
 * Makes every open job that a static webhook announces due for a poll now. Called when the
 * webhook was broken, because Gemini may have dropped its events.
 *
 * @returns the number of jobs.
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
