/**
 * Event type, as Gemini spells it, to topic suffix: the whole routing table. A new event
 * type is one line here and one row in `event-topics.spec.ts`.
 *
 * @see https://ai.google.dev/gemini-api/docs/webhooks
 */
const TOPIC_BY_TYPE: ReadonlyMap<string, string> = new Map([
  ['batch.succeeded', 'batch.succeeded'],
  ['batch.completed', 'batch.succeeded'], // the name in Google's first samples
  ['batch.failed', 'batch.failed'],
  ['batch.expired', 'batch.expired'],
  ['batch.cancelled', 'batch.cancelled'],
  ['interaction.requires_action', 'interaction.requires_action'],
  ['interaction.completed', 'interaction.completed'],
  ['interaction.failed', 'interaction.failed'],
  ['interaction.cancelled', 'interaction.cancelled'],
  ['video.generated', 'video.generated'],
]);

/** Verified events of types that this build does not know, pings among them. */
const OTHER = 'other';

/** `topicFor('batch.completed', 'gemini')` is `gemini.batch.succeeded`. */
export function topicFor(type: string, prefix: string): string {
  return `${prefix}.${TOPIC_BY_TYPE.get(type) ?? OTHER}`;
}

/** True for the types that have a topic of their own. */
export function isCatalogType(type: string): boolean {
  return TOPIC_BY_TYPE.has(type);
}

/** The one name of a type that has several. */
export function canonicalType(type: string): string {
  return TOPIC_BY_TYPE.get(type) ?? type;
}

/** Outside the prefix, as the next: a subscription to all events, `/^gemini\./`, does not catch it. */
export function deadLetterTopic(prefix: string): string {
  return `${prefix}-bridge.dead-letter`;
}

/** What the bridge itself tells of a job's life, as `gemini.job.<milestone>`. */
export type Milestone = 'submitted' | 'unknown' | 'ended';

/** One topic for all of them, so that those of a job keep their order. */
export function jobsTopic(prefix: string): string {
  return `${prefix}-bridge.jobs`;
}

/** Every topic that the bridge writes: a type never makes one by itself. */
export function topicNames(prefix: string): string[] {
  const suffixes = new Set([...TOPIC_BY_TYPE.values(), OTHER]);
  return [
    ...Array.from(suffixes, (suffix) => `${prefix}.${suffix}`),
    jobsTopic(prefix),
    deadLetterTopic(prefix),
  ];
}
