import { z } from 'zod';

const object = z
  .looseObject({})
  .refine((members) => Object.keys(members).length > 0)
  .optional()
  .catch(undefined);

/** Google does not document where a delivery repeats the job's `user_metadata`: all places are checked. */
const payload = z.object({
  user_metadata: object,
  userMetadata: object,
  data: z
    .object({
      user_metadata: object,
      userMetadata: object,
      webhook_config: z.object({ user_metadata: object }).optional().catch(undefined),
      webhookConfig: z.object({ userMetadata: object }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/** The job's `user_metadata` in a delivery; undefined when it has none or an empty one. */
export function userMetadataIn(
  body: Buffer,
): Readonly<Record<string, unknown>> | undefined {
  const parsed = payload.safeParse(JSON.parse(body.toString('utf8')));
  if (!parsed.success) return undefined;
  const { data = {}, user_metadata, userMetadata } = parsed.data;
  return (
    data.user_metadata ??
    data.userMetadata ??
    data.webhook_config?.user_metadata ??
    data.webhookConfig?.userMetadata ??
    user_metadata ??
    userMetadata
  );
}
