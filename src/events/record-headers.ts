/**
 * Names of the headers of every record that the bridge writes. Subscribers read them, and the
 * bridge reads some of them back from its topics (`publishing/history/record-scan.ts`).
 * `docs/reference/kafka.md` describes each one.
 */
export const RECORD_HEADERS = {
  /** CloudEvents 1.0, binary mode. */
  specVersion: 'ce_specversion',
  eventId: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  time: 'ce_time',
  subject: 'ce_subject',
  dataSchema: 'ce_dataschema',
  contentType: 'content-type',

  /** The proof: a subscriber can verify the value again with these. */
  webhookId: 'webhook-id',
  webhookTimestamp: 'webhook-timestamp',
  webhookSignature: 'webhook-signature',
  scheme: 'bridge-scheme',
  keyId: 'bridge-key-id',
  receivedAt: 'bridge-received-at',
  traceparent: 'traceparent',

  /** Parts of the dedupe keys, beside the webhook-id (`publishing/dedupe-key.ts`). */
  scope: 'bridge-scope',
  bodyHash: 'bridge-body-sha256',
  endId: 'bridge-outcome',

  /** The job. */
  jobId: 'bridge-job-id',
  correlationId: 'correlation-id',
  jobMetadata: 'bridge-job-metadata',
  jobRegistered: 'bridge-job-registered',
  reconciled: 'bridge-reconciled',

  /** Why a delivery is a dead letter. */
  reason: 'bridge-reason',
} as const;
