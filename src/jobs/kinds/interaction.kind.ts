import { z } from 'zod';
import { jobError, type JobState } from '../job.js';
import type { JobKind } from '../job-kind.js';

const order = z
  .strictObject({
    interaction: z
      .looseObject({ input: z.unknown() })
      .refine(({ background = true }) => background === true, {
        message: 'want true or no value: an interaction in the foreground has no webhook',
        path: ['background'],
      })
      .refine((given) => !('webhook_config' in given) && !('webhookConfig' in given), {
        message: 'want no webhook_config: the bridge sets it',
        path: ['webhook_config'],
      })
      .describe(
        'A CreateInteraction request without `webhook_config`. The bridge sets `background` and `webhook_config`',
      ),
  })
  .meta({
    description: 'An interaction with a model or an agent, in the background',
    examples: [
      {
        interaction: { model: 'gemini-2.5-flash', input: 'Why is the sky blue?' },
        correlationId: 'order-4713',
      },
    ],
  });

type InteractionOrder = z.output<typeof order> & { model?: string };

const STATES: Readonly<Record<string, JobState>> = {
  in_progress: 'running',
  requires_action: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  incomplete: 'failed',
};

const PREFIX = 'interactions/';
const NAME = /^interactions\/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,255}$/;

const answer = z.object({
  id: z.string(),
  status: z.string().optional(),
  updated: z.string().optional(),
  error: z
    .object({
      code: z.union([z.number(), z.string()]).optional(),
      message: z.string().optional(),
    })
    .optional()
    .catch(undefined),
});

/**
 * An interaction with a model or an agent, in the background. Gemini has no list of interactions,
 * so one whose submission was not answered is known only by its webhook.
 */
export const interactionKind: JobKind<InteractionOrder> = {
  name: 'interaction',
  collection: 'interactions',
  announcedBy: 'job',
  order,
  events: {
    succeeded: 'interaction.completed',
    failed: 'interaction.failed',
    cancelled: 'interaction.cancelled',
  },

  submission: ({ interaction }, { webhook: { uris, userMetadata } }) => ({
    method: 'POST',
    path: 'interactions',
    body: {
      ...interaction,
      background: true,
      webhook_config: { uris, user_metadata: userMetadata },
    },
  }),
  parseName(given) {
    const parsed = answer.safeParse(given);
    if (!parsed.success) return undefined;
    const name = PREFIX + parsed.data.id.replace(PREFIX, '');
    return NAME.test(name) ? name : undefined;
  },
  isName: (name) => NAME.test(name),
  statusRequest: (name) => ({
    method: 'GET',
    path: name,
    query: { stream: 'false', fields: 'id,status,updated,error' },
  }),
  parseStatus(given) {
    const { status = '', updated, error } = answer.parse(given);
    const fault = error && jobError(error);
    return {
      state: STATES[status],
      ...(updated === undefined ? {} : { at: updated }),
      ...(fault && {
        error: fault,
        data: { error_code: error?.code, error_message: fault.message },
      }),
    };
  },
  cancellation: (name) => ({ method: 'POST', path: `${name}/cancel`, body: {} }),
  result: (name) => ({ method: 'GET', path: name, query: { stream: 'false' } }),
};
