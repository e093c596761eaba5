import { Logger } from '@nestjs/common';
import kafkajs, { type Admin } from 'kafkajs';
import type { Config } from '../../config/config.js';
import { creationFault, creationRequest } from './topic-creation.js';

/** The state of one of the bridge's topics. */
export interface TopicState {
  readonly name: string;
  /** Node id of each partition's leader, by partition; -1 for none. */
  readonly leaders: readonly number[];
}

/** A topic is missing or does not meet the configuration. */
export class TopicsError extends Error {
  override readonly name = 'TopicsError';
}

/** A topic may delete records while their repeats can still arrive. */
export class RetentionError extends TopicsError {}

/** Creates or checks the bridge's topics, and finds the leaders of their partitions. */
export class Topics {
  private readonly logger = new Logger(Topics.name);

  constructor(
    private readonly admin: Admin,
    private readonly names: readonly string[],
    private readonly config: Config['topics'],
    /** How long the topics must keep published ids, in ms; undefined when another store does. */
    private readonly windowMs?: number,
  ) {}

  /**
   * Checks the topics; with `TOPICS_MODE=create` creates missing ones first.
   *
   * @throws {TopicsError} that names the topics and the setting.
   */
  async ensure(): Promise<void> {
    const present = new Set(await this.admin.listTopics());
    const missing = this.names.filter((name) => !present.has(name));
    if (missing.length > 0) await this.create(missing);
    await this.checkDurability();
  }

  /**
   * Finds the leaders. When one topic is in trouble it asks for each topic by itself, because
   * kafkajs fails on all topics of a request then.
   *
   * @throws when no topic can be described, because no broker answers.
   */
  async describe(): Promise<{ states: TopicState[]; troubles: string[] }> {
    try {
      return { states: await this.statesOf(this.names), troubles: [] };
    } catch {
      return this.describeEach();
    }
  }

  private async describeEach(): Promise<{ states: TopicState[]; troubles: string[] }> {
    const answers = await Promise.allSettled(
      this.names.map((name) => this.statesOf([name])),
    );
    const failed = answers.filter((answer) => answer.status === 'rejected');
    if (failed.length === answers.length) throw failed[0]?.reason;
    return {
      states: answers.flatMap((a) => (a.status === 'fulfilled' ? a.value : [])),
      troubles: answers.flatMap((answer, i) =>
        answer.status === 'rejected'
          ? [`${this.names[i]}: ${String(answer.reason)}`]
          : [],
      ),
    };
  }

  private async statesOf(names: readonly string[]): Promise<TopicState[]> {
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [...names] });
    return topics.map(({ name, partitions }) => {
      const leaders: number[] = Array.from({ length: partitions.length }, () => -1);
      for (const { partitionId, leader } of partitions) leaders[partitionId] = leader;
      return { name, leaders };
    });
  }

  private async create(missing: readonly string[]): Promise<void> {
    if (this.config.mode === 'check') {
      throw new TopicsError(
        `missing topics: ${missing.join(', ')}. Remedy: gemini-kafka-bridge topics create, or start the bridge with TOPICS_MODE=create`,
      );
    }
    const request = creationRequest(missing, this.config);
    try {
      await this.admin.createTopics(request);
    } catch (cause) {
      const fault = await creationFault(cause, this.admin, this.config);
      throw new TopicsError(fault, { cause });
    }
    this.logger.log({ message: 'topics created', topics: missing });
  }

  private async checkDurability(): Promise<void> {
    const settings = await this.settings([
      'min.insync.replicas',
      'retention.ms',
      'retention.bytes',
      'cleanup.policy',
      'compression.type',
    ]);
    this.checkInSync(settings);
    if (this.windowMs !== undefined) checkRetention(settings, this.windowMs);
  }

  /** A topic with fewer in-sync replicas than configured acknowledges too early. */
  private checkInSync(settings: readonly TopicSettings[]): void {
    const { minIsr } = this.config;
    const weak = settings.filter(
      ({ values }) => Number(values.get('min.insync.replicas')) < minIsr,
    );
    if (weak.length === 0) return;
    throw new TopicsError(
      `min.insync.replicas below TOPIC_MIN_ISR=${minIsr} on: ${namesOf(weak)}; raise it there, or lower TOPIC_MIN_ISR`,
    );
  }

  private async settings(configNames: string[]): Promise<TopicSettings[]> {
    const { resources } = await this.admin.describeConfigs({
      includeSynonyms: false,
      resources: this.names.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames,
      })),
    });
    return resources.map(({ resourceName, configEntries }) => ({
      name: resourceName,
      values: new Map(
        configEntries.map(({ configName, configValue }) => [configName, configValue]),
      ),
    }));
  }
}

interface TopicSettings {
  readonly name: string;
  /** Value by name of the topic's configuration. */
  readonly values: ReadonlyMap<string, string>;
}

/** Checks the topics for `DEDUPE_STORE=log`, where they are the memory of published ids. */
function checkRetention(settings: readonly TopicSettings[], windowMs: number): void {
  const hours = windowMs / 3_600_000;
  const demands: [setting: string, isMet: (value: string) => boolean, remedy: string][] =
    [
      [
        'retention.ms',
        (value) => Number(value) < 0 || Number(value) >= windowMs,
        `is shorter than DEDUPE_TTL_HOURS=${hours}; raise it there, lower DEDUPE_TTL_HOURS`,
      ],
      [
        'retention.bytes',
        (value) => Number(value) < 0,
        'may delete records before their time; unset it there',
      ],
      [
        'cleanup.policy',
        (value) => value === 'delete',
        'is not `delete`, so older events of a job disappear; set it there',
      ],
      [
        'compression.type',
        (value) => ['producer', 'uncompressed', 'gzip'].includes(value),
        'has to be `producer`, `uncompressed` or `gzip` for the bridge to read it back; set it there',
      ],
    ];
  for (const [setting, isMet, remedy] of demands) {
    const wrong = settings.filter(
      ({ values }) => values.has(setting) && !isMet(values.get(setting) as string),
    );
    if (wrong.length === 0) continue;
    throw new RetentionError(
      `${setting} of ${namesOf(wrong)} ${remedy}, or choose another DEDUPE_STORE`,
    );
  }
}

function namesOf(topics: readonly TopicSettings[]): string {
  return topics.map(({ name }) => name).join(', ');
}
