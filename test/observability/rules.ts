import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..', '..');
export const RULES_FILE = join(ROOT, 'helm', 'files', 'alerts.yaml');
/** Rule tests on made-up series, for `promtool test rules`. */
export const RULE_TESTS = ['installations.yaml', 'outages.yaml'].map((name) =>
  join(import.meta.dirname, 'alerts', name),
);
export const RUNBOOKS = join(ROOT, 'docs', 'runbooks');

const rule = z.strictObject({
  alert: z.string().regex(/^GeminiBridge[A-Z]\w+$/),
  expr: z.string(),
  for: z
    .string()
    .regex(/^\d+m$/)
    .optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({
    summary: z.string().max(100),
    description: z.string(),
    runbook_url: z.string(),
  }),
});

/** The parts of a PrometheusRule's spec that the alerts use. */
const file = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(rule) })),
});

export type Rule = z.output<typeof rule>;

/** All alerts. */
export const RULES: readonly Rule[] = file
  .parse(parse(readFileSync(RULES_FILE, 'utf8')))
  .groups.flatMap(({ rules }) => rules);

/** The file name of an alert's runbook: `gemini-bridge-kafka-not-ready.md` for `GeminiBridgeKafkaNotReady`. */
export function pageOf(alert: string): string {
  return `${alert.replaceAll(/(?<!^)(?=[A-Z])/g, '-').toLowerCase()}.md`;
}
