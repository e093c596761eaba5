import { valuesKeys } from '../../../tools/chart/values-document.js';

/** A value and the variable of the bridge that the comment in values.yaml names. */
export interface Setting {
  readonly path: readonly string[];
  readonly preset: unknown;
  readonly variable: string;
}

export const SETTINGS: readonly Setting[] = valuesKeys().flatMap(
  ({ path, value, comment }) =>
    Array.from(
      comment.matchAll(/\(`([A-Z][A-Z_]+)(?:=none)?`\)/g),
      ([, variable = '']) => ({
        path,
        preset: value,
        variable,
      }),
    ),
);

/** Variables without a value, and the reasons. */
export const WITHOUT_VALUE: Readonly<Record<string, string>> = {
  PORT: 'a pod does not share its ports; callers use service.public.port',
  INTERNAL_PORT: 'a pod does not share its ports; callers use service.internal.port',
  HOST: 'probes and Services come from outside the pod, so the bridge listens on all addresses',
  WEBHOOK_SECRETS: 'credentials are files: credentials.webhookSecrets',
  KAFKA_SASL_PASSWORD: 'credentials are files: credentials.kafkaSaslPassword',
  GEMINI_API_KEY: 'credentials are files: credentials.geminiApiKey',
  VAULT_FILE:
    'would need a volume that only one pod can use; config.vault.kubernetesSecret does not',
};

/** The text to which the chart renders a value. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) {
    const isText = value.every((item) => typeof item === 'string');
    return isText ? value.join(',') : JSON.stringify(value);
  }
  return String(value);
}
