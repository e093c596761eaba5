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

/** Gemini's guide names these, and its API refuses them. */
export const GUIDE_ONLY = ['batch.cancelled', 'interaction.cancelled'] as const;
