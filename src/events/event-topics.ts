/**
 * The whole routing table: event type, as Gemini spells it, to topic suffix. A new event type is
 * one line here, and one row each in `event-topics.spec.ts` and `docs/reference/kafka.md`.
 *
 * @see https://ai.google.dev/gemini-api/docs/webhooks
 */
const TOPIC_BY_TYPE: ReadonlyMap<string, string> = new Map([
  ['batch.succeeded', 'batch.succeeded'],
  ['batch.completed', 'batch.succeeded'], // the type in Google's first samples
  ['batch.failed', 'batch.failed'],
  ['batch.expired', 'batch.expired'],
  ['batch.cancelled', 'batch.cancelled'],
  ['interaction.requires_action', 'interaction.requires_action'],
  ['interaction.completed', 'interaction.completed'],
  ['interaction.failed', 'interaction.failed'],
  ['interaction.cancelled', 'interaction.cancelled'],
  ['video.generated', 'video.generated'],
]);

/** Suffix for verified events of types that this build does not know. Pings are among them. */
const OTHER = 'other';

/** Topic of an event type. `topicFor('batch.completed', 'gemini')` is `gemini.batch.succeeded`. */
export function topicFor(type: string, prefix: string): string {
  return `${prefix}.${TOPIC_BY_TYPE.get(type) ?? OTHER}`;
}

/** True for the types that have a topic of their own. */
export function isCatalogType(type: string): boolean {
  return TOPIC_BY_TYPE.has(type);
}

/** The catalog's name of a type that Gemini spells in several ways; any other type unchanged. */
export function canonicalType(type: string): string {
  return TOPIC_BY_TYPE.get(type) ?? type;
}

/** Not below the prefix, so that a subscription to all events, `/^gemini\./`, does not include it. */
export function deadLetterTopic(prefix: string): string {
  return `${prefix}-bridge.dead-letter`;
}

/** Steps of a job's life that the bridge publishes itself, as `gemini.job.<milestone>`. */
export type Milestone = 'submitted' | 'unknown' | 'ended';

/** The topic of all milestones. It is one topic, so that a job's milestones keep their order. */
export function jobsTopic(prefix: string): string {
  return `${prefix}-bridge.jobs`;
}

/** Every topic that the bridge writes. An unknown event type never creates another one. */
export function topicNames(prefix: string): string[] {
  const suffixes = new Set([...TOPIC_BY_TYPE.values(), OTHER]);
  return [
    ...Array.from(suffixes, (suffix) => `${prefix}.${suffix}`),
    jobsTopic(prefix),
    deadLetterTopic(prefix),
  ];
}
