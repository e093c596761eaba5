import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { HelmMajor } from '../../../tools/chart/binary.js';
import { exampleHeads } from '../../../tools/chart/examples.js';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import {
  at,
  manifestsIn,
  merged,
  NAMESPACE,
  refusalOf,
  RELEASE,
  render,
  type Manifest,
} from './chart.js';
import { example, EXAMPLES, examplePath } from './examples.js';
import { KUBERNETES_MINORS, manifestFaults } from './manifest-check.js';

/** API version of objects in the `extraObjects` of an example. The chart has no schema for them. */
const FOREIGN = 'external-secrets.io/v1';
const MAJORS: readonly HelmMajor[] = [3, 4];
/** Secrets by example that an operator creates, so that no command of the example does. */
const BY_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  'external-secrets': ['gemini-bridge'],
  strimzi: ['gemini-bridge', 'events-cluster-ca-cert'],
};

describe.each(EXAMPLES)('the example %s', (name) => {
  const text = readFileSync(examplePath(name), 'utf8');

  let manifests: Manifest[];
  beforeAll(async () => {
    manifests = await render(text);
  });

  it.each(MAJORS)('passes helm %s lint --strict', async (major) => {
    const args = ['lint', '--strict', CHART, '-f', examplePath(name)];
    const { ok, stdout, stderr } = await helm(args, { major });
    expect({ ok, said: ok || stdout + stderr }).toEqual({ ok: true, said: true });
  });

  it('renders the same with helm 3 as with helm 4', async () => {
    expect(await render(text, { major: 3 })).toEqual(manifests);
  });

  it.each(KUBERNETES_MINORS)('conforms to the schemas of Kubernetes %s', (minor) => {
    const own = manifests.filter(({ apiVersion }) => apiVersion !== FOREIGN);
    expect(manifestFaults(own, minor)).toEqual([]);
  });

  it('has its purpose in its first line', () => {
    expect(text).toMatch(/^# \w/);
  });

  it('has the commands that make its Secrets, in its head and in the README', () => {
    const { commands } = exampleHeads().find(({ file }) => file === `${name}.yaml`)!;
    const made = secretsMadeBy(commands);
    const byOperators = BY_OPERATORS[name] ?? [];
    const wanted = secretsIn(example(name)).filter(
      (secret) => !byOperators.includes(secret.split('/')[0] ?? ''),
    );
    expect(made.toSorted()).toEqual(wanted.toSorted());
    expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toContain(commands);
  });
});

describe.each(['README.md', 'helm/README.md'])('the page %s', (file) => {
  const text = readFileSync(join(CHART, '..', file), 'utf8');
  const fenced = Array.from(
    text.matchAll(/```yaml\n(.*?)```/gs),
    ([, yaml = '']) => yaml,
  );
  const complete = fenced.filter((yaml) => yaml.startsWith('config:'));

  it('has values that the chart accepts', async () => {
    expect(complete).toHaveLength(1);
    expect(await refusalOf(complete.join(''))).toBe('');
  });

  it('makes the Secrets of these values before it installs', () => {
    const [before = ''] = text.split(/^helm install /m);
    const values = parse(complete.join('')) as object;
    expect(secretsMadeBy(before).toSorted()).toEqual(secretsIn(values).toSorted());
  });

  it('has parts of values that the chart accepts', async () => {
    const parts = fenced.filter((yaml) => /^(extraEnv|podSecurityContext):/.test(yaml));
    expect(parts).toHaveLength(file === 'README.md' ? 0 : 3);
    for (const part of parts) {
      const values = merged(example('minimal'), parse(part)) as object;
      expect(await refusalOf(values)).toBe('');
    }
  });

  it('sets the image, which the chart contains only after a release', () => {
    const installs = text.match(/^helm install (.*\\\n)*.*$/gm) ?? [];
    expect(installs).toHaveLength(1);
    expect(installs[0]).toMatch(/--set image\.registry=\S+ --set image\.repository=/);
  });
});

describe('the commands of all pages', () => {
  const ROOT = join(CHART, '..');
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file));
  const pages = ['README.md', 'helm/README.md', ...docs];
  const commands = pages.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8').replaceAll('\\\n', ' ');
    const lines = text.match(
      /(?<=^ *|`)helm (--namespace|install|upgrade|test) [^`\n]+/gm,
    );
    return (lines ?? [])
      .filter((line) => !line.startsWith('helm upgrade --force'))
      .map((line) => [page, line] as const);
  });

  it.each(commands)('%s: %s has the release and the namespace', (_, line) => {
    expect(line).toMatch(new RegExp(`--namespace ${NAMESPACE} `));
    expect(line).toMatch(new RegExp(`(install|upgrade|test) ${RELEASE} `));
  });

  it('are found', () => {
    expect(commands.length).toBeGreaterThan(5);
  });
});

/** The keys of the Secrets that `kubectl create secret` makes, as `secret/key`. */
function secretsMadeBy(commands: string): string[] {
  const lines = commands.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const [, kind, name = ''] = /create secret (\S+) (\S+)/.exec(line) ?? [];
    if (kind === 'docker-registry') return [`${name}/.dockerconfigjson`];
    const files = line.matchAll(/--from-file=([^=\s]+)/g);
    return kind ? Array.from(files, ([, key = '']) => `${name}/${key}`) : [];
  });
}

/** The keys of the Secrets that values name, as `secret/key`. */
function secretsIn(values: object): string[] {
  const presets: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const all = merged(presets, values);
  const names = Object.keys(at(values, 'credentials') as object);
  const references = [
    ...names.map((name) => at(all, 'credentials', name, 'existingSecret')),
    at(all, 'config', 'tracing', 'headersSecret'),
    ...(at(all, 'imagePullSecrets') as object[]),
  ] as { name: string; key?: string }[];
  return references
    .filter(({ name }) => name !== '')
    .map(({ name, key = '.dockerconfigjson' }) => `${name}/${key}`);
}

describe('the check of manifests', () => {
  const misspelt: [text: string, instead: string, fault: string][] = [
    ['maxUnavailable: 0', 'maxUnavailible: 0', 'maxUnavailible'],
    [
      'readOnlyRootFilesystem: true',
      'readOnlyRootFileSystem: true',
      'readOnlyRootFileSystem',
    ],
    [
      'unhealthyPodEvictionPolicy',
      'unhealthyPodEvictionPolcy',
      'unhealthyPodEvictionPolcy',
    ],
    ['scrapeTimeout: 10s', 'scrapeTimeOut: 10s', 'scrapeTimeOut'],
    ['resourceNames:', 'resourcesNames:', 'resourcesNames'],
    ['minReplicas: 2', 'minReplicas: two', 'minReplicas'],
    ['replacePrefixMatch: /', 'replacePrefix: /', 'replacePrefix'],
    ['patternType: prefix', 'patternType: prefixed', 'patternType'],
  ];

  let rendered: string;
  beforeAll(async () => {
    const args = ['template', RELEASE, CHART, '-f', examplePath('everything')];
    rendered = (await helm(args)).stdout;
  });

  it.each(misspelt)('catches %s as %s', (right, wrong, fault) => {
    expect(rendered).toContain(right);
    const faults = manifestFaults(manifestsIn(rendered.replace(right, wrong)), '1.37');
    expect(faults.join('\n')).toContain(fault);
  });
});
