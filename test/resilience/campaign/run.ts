/** Runs one schedule, from the start of the replicas to the verdict. The next run can use the same world. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../../../packages/testbed/src/process/temporary-folder.js';
import { topicNames } from '../../../src/events/event-topics.js';
import { excusesOf } from './excuses.js';
import { carryOutAll } from './faults.js';
import { jobRoute } from './job-route.js';
import { Journal } from './journal.js';
import { isOverloaded, MachineLoad } from './machine-load.js';
import { judge, type Verdict } from './oracle.js';
import { Random } from './random.js';
import { replicaEnvironment, replicaPreloads, SECRET } from './replica-environment.js';
import { CampaignReplica } from './replica.js';
import { endOrdersThatMoved, leftoversOf, recordsOf, unreadyOf } from './aftermath.js';
import type { Schedule } from './schedule.js';
import { CampaignSender } from './sender.js';
import type { World } from './world.js';

/** Time after the load in which all refused deliveries must be accepted. */
const FINISH_LIMIT_MS = 120_000;

export interface Finding {
  readonly kind: string;
  readonly ids: readonly string[];
  readonly sentence: string;
}

/** The part of a result that is kept until the end of a campaign. */
export interface RunSummary {
  readonly schedule: Schedule;
  readonly verdict: Verdict;
  /** The verdict's violations, crashes, and replicas that did not become ready. */
  readonly findings: readonly Finding[];
  readonly peakMiB: number;
  /** Highest load average of the machine for each core. */
  readonly loadForEachCore: number;
}

export interface RunResult extends RunSummary {
  readonly journal: Journal;
  /** The output of each replica. */
  readonly logs: readonly (readonly string[])[];
}

export interface RunOptions {
  /** Modules that each replica loads first, to break it on purpose. */
  readonly preloads?: readonly string[];
}

let runs = 0;

/** @throws {Error} if a fault could not be begun or ended as planned. Another run must not use that world */
export async function runSchedule(
  world: World,
  schedule: Schedule,
  options: RunOptions = {},
): Promise<RunResult> {
  const folder = await temporaryFolder('gemini-kafka-bridge-campaign');
  const prefix = `run${++runs}-seed${schedule.seed}`;
  const env = replicaEnvironment(world, schedule, prefix);
  const preloads = [...replicaPreloads(schedule), ...(options.preloads ?? [])];
  const replicas = Array.from(
    { length: schedule.replicas },
    (_, index) => new CampaignReplica({ index, env, folder: folder.path, preloads }),
  );
  try {
    const result = await new Run(world, schedule, prefix, replicas).run();
    await stopAll(replicas); // A running replica would create the topics again
    await world.tidyUp(prefix);
    return result;
  } finally {
    await stopAll(replicas);
    await folder.remove();
  }
}

async function stopAll(replicas: readonly CampaignReplica[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.stop()));
}

class Run {
  private readonly journal = new Journal();
  private readonly load = new MachineLoad();

  constructor(
    private readonly world: World,
    private readonly schedule: Schedule,
    private readonly prefix: string,
    private readonly replicas: readonly CampaignReplica[],
  ) {}

  async run(): Promise<RunResult> {
    await Promise.all(this.replicas.map((replica) => replica.start()));
    await Promise.all(this.replicas.map((replica) => replica.ready()));
    const sender = await this.sender();
    sender.start();
    const faults = this.strike();
    // The promise is awaited later, and a failure before must not become an unhandled rejection
    faults.catch(() => undefined);
    await delay(this.schedule.seconds * 1000);
    await faults.catch(async (error: unknown) => {
      await sender.finish(0);
      throw error;
    });
    return this.judged(await sender.finish(FINISH_LIMIT_MS));
  }

  private async sender(): Promise<CampaignSender> {
    const { world, schedule, prefix, journal } = this;
    const keys = await readFile(world.secrets.capabilityKeysFile, 'utf8');
    return new CampaignSender({
      replicas: () => this.replicas,
      journal,
      random: new Random(schedule.seed).fork('sender'),
      perSecond: schedule.perSecond,
      prefix: `seed${schedule.seed}`,
      topicPrefix: prefix,
      secret: SECRET,
      job: jobRoute(world.gemini.keys, keys),
    });
  }

  private strike(): Promise<void> {
    const { world, schedule, prefix, replicas, journal } = this;
    const scene = {
      world,
      replicas,
      topics: topicNames(prefix),
      minIsr: schedule.brokers === 3 ? 2 : 1,
    };
    return carryOutAll(schedule.faults, scene, journal);
  }

  private async judged(notTaken: readonly string[]): Promise<RunResult> {
    const { world, schedule, journal, replicas, prefix } = this;
    const { store, ackBudgetMs } = schedule;
    endOrdersThatMoved(journal);
    const unready = await unreadyOf(replicas);
    const leftovers = await leftoversOf(replicas);
    const memory = replicas.map((one) => ({ replica: one.index, ...one.memorySpan }));
    const verdict = judge({
      store,
      ackBudgetMs,
      journal,
      records: await recordsOf(world, prefix),
      notTaken,
      memory,
      leftovers,
      excuses: excusesOf(store, journal.faults, ackBudgetMs),
    });
    const crashes = replicas.flatMap((replica) => replica.crashes);
    const loadForEachCore = this.load.stop();
    return {
      schedule,
      journal,
      verdict,
      findings: [
        ...verdict.violations.filter(
          ({ kind }) => kind !== 'slow' || !isOverloaded(loadForEachCore),
        ),
        ...crashes.map((sentence) => ({ kind: 'crashed', ids: [], sentence })),
        ...unready.map((sentence) => ({ kind: 'not-ready', ids: [], sentence })),
      ],
      peakMiB: Math.max(...memory.map(({ peakMiB }) => peakMiB)),
      loadForEachCore,
      logs: replicas.map(({ log }) => log),
    };
  }
}
