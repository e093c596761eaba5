/** The event types that the Gemini API lets a webhook subscribe to. */
export const EVENT_TYPES = [
  'batch.succeeded',
  'batch.expired',
  'batch.failed',
  'interaction.requires_action',
  'interaction.completed',
  'interaction.failed',
  'video.generated',
] as const;

/** Types that Gemini's guide lists and its API refuses. */
export const GUIDE_ONLY = ['batch.cancelled', 'interaction.cancelled'] as const;
