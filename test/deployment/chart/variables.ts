import { valuesKeys } from '../../../tools/chart/values-document.js';

/** A value and the variable of the bridge that it becomes, as its comment in values.yaml says. */
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

/** Variables that no value sets, and why. */
export const WITHOUT_VALUE: Readonly<Record<string, string>> = {
  PORT: 'a pod has its ports for itself; service.public.port is what others see',
  INTERNAL_PORT: 'likewise service.internal.port',
  HOST: 'unset it is every address, of IPv4 and IPv6: probes and Services come from outside of the pod',
  WEBHOOK_SECRETS: 'secrets are files: credentials.webhookSecrets',
  KAFKA_SASL_PASSWORD: 'likewise credentials.kafkaSaslPassword',
  GEMINI_API_KEY: 'likewise credentials.geminiApiKey',
  VAULT_FILE:
    'would need a volume of its own, for what config.vault.kubernetesSecret does',
};

/** As the chart renders a value. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) {
    const isText = value.every((item) => typeof item === 'string');
    return isText ? value.join(',') : JSON.stringify(value);
  }
  return String(value);
}
