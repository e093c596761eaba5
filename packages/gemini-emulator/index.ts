export { GeminiEmulator } from './src/emulator.js';
export { GoogleKeys, signV1 } from './src/deliveries/signing.js';
export { signingSecret } from './src/ids.js';
export type { Fault, FaultKind, PlannedFault } from './src/control/faults.js';
export type { DeliveryAttempt } from './src/deliveries/delivery.js';
export type { JobKind, JobState } from './src/jobs/job.js';
export type { JobSummary } from './src/jobs/job-summary.js';
export type { EmulatorOptions, Outcome, StartOptions } from './src/options.js';
export type { StaticWebhook } from './src/webhooks/webhooks.js';
