import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind } from '../../../packages/gemini-emulator/src/control/faults.js';
import { toStderr } from '../../../packages/testbed/src/process/log.js';
import { readTopics, type LoggedRecord } from '../../support/topic-log.js';
import { grouped } from '../../support/grouped.js';
import { Random } from '../campaign/random.js';
import { JobWorld } from './job-world.js';

const JOBS_TOPIC = 'gemini-bridge.jobs';
const ENDED = 'gemini.job.ended';
const AT_ONCE = 24;
const AGAIN_MS = 1000;
const END_LIMIT_MS = 300_000;
const TOLD_LIMIT_MS = 60_000;
const OPEN_STATES = ['submitting', 'unknown', 'submitted', 'running'];

/** Submissions by collection. Each kind that has a model has its own. */
const ORDERS: Readonly<Record<string, (text: string) => object>> = {
  batches: (text) => ({
    model: 'gemini-flash',
    requests: [{ request: { contents: [{ parts: [{ text }] }] } }],
  }),
  'embedding-batches': (text) => ({
    model: 'gemini-embedding',
    requests: [{ request: { content: { parts: [{ text }] } } }],
  }),
  interactions: (text) => ({ interaction: { model: 'gemini-flash', input: text } }),
  videos: (text) => ({ model: 'veo', instances: [{ prompt: text }] }),
};
const COLLECTIONS = Object.keys(ORDERS);

export interface JobRunOptions {
  readonly seed: number;
  readonly jobs: number;
  /** True kills replicas, one at a time, and starts them again. */
  readonly kill: boolean;
  /** How Gemini leaves a submission unanswered. Default: no answer, for which the bridge waits half a minute. */
  readonly silence?: FaultKind;
}

export interface JobVerdict {
  readonly jobs: number;
  readonly kills: number;
  /** Number of answers 504, after which it is open if Gemini accepted the job. */
  readonly unanswered: number;
  /** Number of events that Gemini never sent. */
  readonly lost: number;
  readonly reconciled: number;
  /** Number of jobs that the bridge gave up, because no list and no webhook named them. */
  readonly unknown: number;
  readonly duplicates: number;
  readonly seconds: number;
  /** A sentence for each broken promise. */
  readonly findings: readonly string[];
}

interface Submitted {
  readonly n: number;
  readonly collection: string;
  readonly id: string;
}

interface JobView {
  readonly id: string;
  readonly state: string;
  readonly endedAt?: string;
}

/** Submits jobs of all kinds through two replicas, waits for all to end, and accounts for each. */
export async function runJobs(options: JobRunOptions): Promise<JobVerdict> {
  const { seed, silence = 'accept-then-hang' } = options;
  await using world = await JobWorld.start(seed, silence);
  return await new JobRun(world, options).run(); // Without `await` the world would be disposed during the run
}

class JobRun {
  private readonly random: Random;
  private readonly submitted: Submitted[] = [];
  private readonly startMs = performance.now();
  private unanswered = 0;
  private kills = 0;
  private ending = false;

  constructor(
    private readonly world: JobWorld,
    private readonly options: JobRunOptions,
  ) {
    this.random = new Random(options.seed).fork('kills');
  }

  async run(): Promise<JobVerdict> {
    const killing = this.options.kill ? this.killAndRestart() : undefined;
    const numbers = Array.from({ length: this.options.jobs }, (_, n) => n);
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.submitFrom(numbers)));
    this.say(`${this.submitted.length} jobs submitted`);
    const open = await this.untilEnded();
    this.ending = true;
    await killing;
    await this.world.gemini.drained(60_000);
    return this.verdict(open, await this.records());
  }

  private async submitFrom(numbers: number[]): Promise<void> {
    for (let n = numbers.shift(); n !== undefined; n = numbers.shift()) {
      const collection = COLLECTIONS[n % COLLECTIONS.length] as string;
      const id = await this.submit(n, collection);
      this.submitted.push({ n, collection, id });
      if (this.submitted.length % 100 === 0) this.say(`${this.submitted.length} jobs`);
    }
  }

  /** Submits a job with the same idempotency key until the bridge answers that Gemini has accepted it. */
  private async submit(n: number, collection: string): Promise<string> {
    const body = JSON.stringify({
      ...ORDERS[collection]?.(`job ${n}`),
      correlationId: `order-${n}`,
      metadata: { n, text: `né ${n}` },
    });
    for (let tries = 0; ; tries++) {
      const replica = this.world.replicas[(n + tries) % 2];
      try {
        const answer = await fetch(`${replica?.internalUrl}/v1/${collection}`, {
          method: 'POST',
          headers: { ...this.auth, 'idempotency-key': `job-${n}` },
          body,
        });
        const { id, state } = (await answer.json()) as { id?: string; state?: string };
        if (answer.status === 202 && state !== 'unknown') return id ?? '';
        if (answer.status === 504) this.unanswered++;
        // The outcome of an unanswered interaction is known only from its webhook
        if (answer.status === 202 && collection === 'interactions') return id ?? '';
      } catch {
        // The replica was killed
      }
      await sleep(AGAIN_MS);
    }
  }

  private get auth(): Record<string, string> {
    return {
      authorization: `Bearer ${this.world.token}`,
      'content-type': 'application/json',
    };
  }

  private async killAndRestart(): Promise<void> {
    while (!this.ending) {
      await sleep(this.random.int(3000, 12_000));
      if (this.ending) return;
      const replica = this.random.pick(this.world.replicas);
      await replica.kill();
      this.kills++;
      await sleep(this.random.int(0, 3000));
      await replica.start();
      await replica.ready();
    }
  }

  /** Waits until all jobs have ended. @returns the jobs that have not at the end of the time limit */
  private async untilEnded(): Promise<readonly JobView[]> {
    const deadlineMs = performance.now() + END_LIMIT_MS;
    for (;;) {
      const open = await this.open();
      if (open?.length === 0 || performance.now() > deadlineMs) return open ?? [];
      await sleep(AGAIN_MS);
    }
  }

  /** The jobs that have not ended; undefined if the replica does not answer. */
  private async open(): Promise<readonly JobView[] | undefined> {
    try {
      const [replica] = this.world.replicas;
      const answers = OPEN_STATES.map(async (state) => {
        const url = `${replica?.internalUrl}/v1/jobs?state=${state}&limit=200`;
        const { jobs } = (await (await fetch(url, { headers: this.auth })).json()) as {
          jobs: JobView[];
        };
        return jobs.filter(({ endedAt }) => endedAt === undefined);
      });
      return (await Promise.all(answers)).flat();
    } catch {
      return undefined;
    }
  }

  /** All records, as soon as Kafka has the end of every job. The registry has the ends earlier. */
  private async records(): Promise<LoggedRecord[]> {
    const deadlineMs = performance.now() + TOLD_LIMIT_MS;
    for (;;) {
      const records = await readTopics(this.world.kafka.brokers);
      const ended = records.filter(({ headers }) => headers['ce_type'] === ENDED);
      const isAll = ended.length >= this.options.jobs;
      if (isAll || performance.now() > deadlineMs) return records;
      await sleep(AGAIN_MS);
    }
  }

  private verdict(
    open: readonly JobView[],
    records: readonly LoggedRecord[],
  ): JobVerdict {
    const findings = open.map(({ id, state }) => `${id} is still ${state}`);
    const byJob = grouped(records, ({ headers }) => headers['bridge-job-id'] ?? '');
    // The bridge's id is in the display name of jobs without metadata
    const taken = grouped(this.world.gemini.jobs, ({ displayName, userMetadata }) => {
      const id = userMetadata?.['bridge_job_id'];
      return typeof id === 'string' ? `[${id}]` : (displayName ?? '');
    });
    let unknown = 0;
    for (const { n, id, collection } of this.submitted) {
      const about = byJob.get(id) ?? [];
      const ended = about.filter(({ headers }) => headers['ce_type'] === ENDED);
      const events = about.filter(({ topic }) => topic !== JOBS_TOPIC);
      const name = `job ${n} (${collection}, ${id})`;
      const isUnknown = ended[0]?.value.includes('"state":"unknown"') ?? false;
      if (isUnknown) unknown++;
      const expected = isUnknown ? 0 : 1;
      if (events.length !== expected) {
        findings.push(`${name} has ${events.length} events, not ${expected}`);
      }
      if (ended.length !== 1) findings.push(`${name} ended ${ended.length} times`);
      for (const { headers, topic } of about) {
        const metadata = JSON.stringify({ n, text: `né ${n}` });
        if (
          headers['correlation-id'] !== `order-${n}` ||
          headers['bridge-job-metadata'] !== metadata
        ) {
          findings.push(`${name} is not correlated on ${topic}`);
        }
      }
      const times = taken.get(`[${id}]`)?.length ?? 0;
      if (times !== 1) findings.push(`Gemini has ${name} ${times} times`);
    }
    const letters = records.filter(({ topic }) => topic.endsWith('dead-letter'));
    for (const { headers } of letters) {
      findings.push(`there is a dead letter: ${headers['bridge-reason']}`);
    }
    const { jobs } = this.options;
    const { gemini } = this.world;
    if (gemini.jobs.length !== jobs)
      findings.push(`Gemini has ${gemini.jobs.length} jobs, not ${jobs}`);
    return {
      jobs,
      kills: this.kills,
      unanswered: this.unanswered,
      lost: gemini.lostEvents.length,
      reconciled: records.filter(({ headers }) => headers['bridge-reconciled']).length,
      unknown,
      duplicates: gemini.deliveries.filter(({ answer }) => answer?.includes('duplicate'))
        .length,
      seconds: Math.round((performance.now() - this.startMs) / 1000),
      findings,
    };
  }

  private say(what: string): void {
    const seconds = Math.round((performance.now() - this.startMs) / 1000);
    toStderr(`jobs, seed ${this.options.seed}: ${seconds} s, ${what}`);
  }
}
