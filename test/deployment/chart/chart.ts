import { availableParallelism } from 'node:os';
import { parseAllDocuments } from 'yaml';
import type { HelmMajor } from '../../../tools/chart/binary.js';
import { helm, type HelmResult } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';

/** The release and the namespace of the chart's README and examples. */
export const RELEASE = 'gemini-kafka-bridge';
export const NAMESPACE = 'gemini-bridge';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly [member: string]: unknown;
}

export interface RenderOptions {
  readonly major?: HelmMajor;
  readonly chart?: string;
  readonly release?: string;
  readonly namespace?: string;
  readonly args?: readonly string[];
}

/** The manifests that the chart renders from values, or from the text of a values file. */
export async function render(
  values: object | string,
  options: RenderOptions = {},
): Promise<Manifest[]> {
  return manifestsIn(await renderedText(values, options));
}

/** The manifests as text, which is enough to compare them. */
export async function renderedText(
  values: object | string,
  options: RenderOptions = {},
): Promise<string> {
  const { ok, stdout, stderr } = await template(values, options);
  if (!ok) throw new Error(stderr);
  return stdout;
}

/** The message of a refusal; empty for accepted values. */
export async function refusalOf(
  values: object | string,
  options: RenderOptions = {},
): Promise<string> {
  const { ok, stderr } = await template(values, options);
  return ok ? '' : stderr;
}

const slots = Array.from({ length: availableParallelism() }, () => Promise.resolve());
const called = new Map<string, Promise<HelmResult>>();

/** Runs helm once for the same arguments, and at most one process per core at a time. */
function template(values: object | string, options: RenderOptions): Promise<HelmResult> {
  const { chart = CHART, release = RELEASE, namespace = NAMESPACE, major = 4 } = options;
  const input = typeof values === 'string' ? values : JSON.stringify(values);
  const own = options.args ?? [];
  const args = ['template', release, chart, '-n', namespace, '-f', '-', ...own];
  const key = JSON.stringify([major, args, input]);
  const known = called.get(key);
  if (known) return known;
  const slot = called.size % slots.length;
  const result = (slots[slot] ?? Promise.resolve()).then(() =>
    helm(args, { major, input }),
  );
  slots[slot] = result.then(() => undefined);
  called.set(key, result);
  return result;
}

/** Parses manifests as Kubernetes does: by YAML 1.1, in which `0440` is octal and `on` a boolean. */
export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1' })
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as Manifest | null;
    })
    .filter((manifest) => manifest !== null);
}

/** The only object of a kind. @throws {Error} for none or several. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const [first, ...rest] = manifests.filter((manifest) => manifest.kind === kind);
  if (!first || rest.length > 0) throw new Error(`${rest.length + 1} of ${kind}`);
  return first;
}

/** The value at a path, with numbers for items of lists; undefined without one. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
}

/** The specs of the pods of the Deployment and of `helm test`. */
export function podSpecs(manifests: readonly Manifest[]): Record<string, unknown>[] {
  const paths: Record<string, string[]> = {
    Pod: ['spec'],
    Deployment: ['spec', 'template', 'spec'],
  };
  const pods: unknown[] = manifests.flatMap((manifest) => {
    const path = paths[manifest.kind];
    return path ? [at(manifest, ...path)] : [];
  });
  return pods as Record<string, unknown>[];
}

/** Merges `values` into `base` as helm does: maps are merged, lists are replaced. */
export function merged(base: unknown, values: unknown): unknown {
  if (!isPlain(base) || !isPlain(values)) return values;
  const keys = new Set([...Object.keys(base), ...Object.keys(values)]);
  return Object.fromEntries(
    Array.from(keys, (key) => [
      key,
      key in values ? merged(base[key], values[key]) : base[key],
    ]),
  );
}

/** Returns `{ a: { b: value } }` for the path `a.b`. */
export function nested(path: readonly string[], value: unknown): object {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
