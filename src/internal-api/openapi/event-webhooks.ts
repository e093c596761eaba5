import { GEMINI_EVENTS, geminiEventName } from '../../events/event-schemas.js';
import { topicFor } from '../../events/event-topics.js';
import type { EventDescription } from './api-description.js';

/** Value of `TOPIC_PREFIX` in the document's topic names. */
const DEFAULT_PREFIX = 'gemini';

/** Gemini's events, by type. */
export const GEMINI_EVENT_DESCRIPTIONS: Readonly<Record<string, EventDescription>> =
  Object.fromEntries(
    Object.entries(GEMINI_EVENTS).map(([type, { summary, example }]) => [
      type,
      {
        summary,
        topic: topicFor(type, DEFAULT_PREFIX),
        schema: geminiEventName(type),
        example,
      },
    ]),
  );

/** Path item of OpenAPI's `webhooks` for an event. */
export function eventWebhook(tag: string, event: EventDescription): object {
  const { summary, topic, schema, example } = event;
  return {
    post: {
      tags: [tag],
      summary,
      description: `The value of a record on the Kafka topic \`${topic}\`, with the default \`TOPIC_PREFIX\`. The bridge does not send it over HTTP. The record's headers have \`webhook-id\`, \`correlation-id\` and \`bridge-job-id\`.`,
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: `#/components/schemas/${schema}` },
            example,
          },
        },
      },
      responses: { 200: { description: 'The subscriber has processed the record' } },
    },
  };
}
