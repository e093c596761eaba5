import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Manifest } from './chart.js';

/** The versions of Kubernetes that the tests check against. */
export const KUBERNETES_MINORS = ['1.35', '1.36', '1.37'] as const;
export type KubernetesMinor = (typeof KUBERNETES_MINORS)[number];

/** Names of objects, which Kubernetes uses in host names. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SERVICE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * The fields that Kubernetes of that version would refuse or drop, for example
 * `Deployment gemini-kafka-bridge: /spec: …`. A kind without a schema is a fault, too.
 */
export function manifestFaults(
  manifests: readonly Manifest[],
  minor: KubernetesMinor,
): string[] {
  const checks = checksFor(minor);
  return manifests.flatMap((manifest) => {
    const { apiVersion, kind, metadata } = manifest;
    const where = `${kind} ${metadata.name}`;
    const pattern = kind === 'Service' ? SERVICE_NAME : NAME;
    const named = pattern.test(metadata.name) ? [] : [`${where}: not a name`];
    const check = checks(`${apiVersion}/${kind}`);
    if (!check) return [...named, `${where}: no schema for ${apiVersion}`];
    if (check(manifest)) return named;
    const faults = (check.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${where}: ${instancePath} ${message} ${JSON.stringify(params)}`,
    );
    return [...named, ...faults];
  });
}

type Checks = (kind: string) => ValidateFunction | undefined;
const made = new Map<KubernetesMinor, Checks>();

function checksFor(minor: KubernetesMinor): Checks {
  const known = made.get(minor);
  if (known) return known;
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  const files = [`kubernetes-${minor}`, 'resources', 'strimzi'].map(schemasIn);
  files.forEach((schemas, i) => ajv.addSchema({ ...schemas, $id: `file:${i}` }));
  const checks: Checks = (kind) => {
    const file = files.findIndex((schemas) => kind in schemas);
    if (file < 0) return undefined;
    return ajv.getSchema(`file:${file}#/${kind.replaceAll('/', '~1')}`);
  };
  made.set(minor, checks);
  return checks;
}

function schemasIn(name: string): Record<string, unknown> {
  const path = join(import.meta.dirname, 'schemas', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}
