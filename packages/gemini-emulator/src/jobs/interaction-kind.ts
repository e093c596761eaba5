import { ApiError, invalid } from '../api-error.js';
import { interactionId } from '../ids.js';
import { shownInteraction } from './interaction.js';
import type { Kind } from './job-kind.js';
import type { Finish, JobOrder, JobResults } from './job.js';
import { member, stringMember, type Json } from '../json.js';
import { jobWebhooks } from '../webhooks/webhook-config.js';

/** Members of the request that every answer repeats. */
const REPEATED = ['model', 'agent', 'labels', 'previous_interaction_id'];

/** Interactions in the background. Interactions in the foreground are answered at once, so they are not jobs. */
export const interaction: Kind = {
  collection: 'interactions',
  endings: {
    succeeded: 'interaction.completed',
    failed: 'interaction.failed',
    requires_action: 'interaction.requires_action',
    cancelled: 'interaction.cancelled',
  },
  order,
  results,
  shown: shownInteraction,
  dataId: ({ id, name }, options) => (options.interactionDataId === 'bare' ? id : name),
  resultData: () => ({}),
};

function order(body: Json): JobOrder {
  const model = stringMember(body, 'model');
  const agent = stringMember(body, 'agent');
  if ((model === undefined) === (agent === undefined)) {
    throw invalid('Exactly one of model and agent must be set.');
  }
  if (member(body, 'input') === undefined) throw invalid('input must be set.');
  const webhooks = jobWebhooks(body);
  if (member(body, 'background') !== true) {
    if (webhooks.webhookConfig) {
      throw invalid('background must be true when webhook_config is specified.');
    }
    throw new ApiError(501, 'Only interactions in the background are emulated.');
  }
  if (member(body, 'stream') === true) throw new ApiError(501, 'No stream is emulated.');
  return {
    name: `interactions/${interactionId()}`,
    model: model ?? agent ?? '',
    displayName: undefined,
    input: { count: 1, repeated: repeatedOf(body) },
    ...webhooks,
  };
}

function repeatedOf(body: Json): Json {
  const given = REPEATED.map((name) => [name, member(body, name)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function results(_: unknown, { outcome }: Finish): JobResults {
  const steps =
    outcome === 'succeeded'
      ? [
          {
            type: 'model_output',
            content: [{ type: 'text', text: 'An emulated answer.' }],
          },
        ]
      : [
          {
            type: 'function_call',
            id: 'emulated-call',
            name: 'emulated_function',
            arguments: {},
          },
        ];
  const usage = { total_input_tokens: 1, total_output_tokens: 4, total_tokens: 5 };
  return { succeeded: 1, failed: 0, output: { steps, usage } };
}
