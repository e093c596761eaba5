import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { HelmMajor } from '../../../tools/chart/binary.js';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import {
  manifestsIn,
  merged,
  refusalOf,
  RELEASE,
  render,
  type Manifest,
} from './chart.js';
import { example, EXAMPLES, examplePath } from './examples.js';
import { KUBERNETES_MINORS, manifestFaults } from './manifest-check.js';

/** Made by examples of `extraObjects`; their operators are not the chart's. */
const FOREIGN = 'external-secrets.io/v1';
const MAJORS: readonly HelmMajor[] = [3, 4];

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

  it('makes the same with helm 3 as with helm 4', async () => {
    expect(await render(text, { major: 3 })).toEqual(manifests);
  });

  it.each(KUBERNETES_MINORS)('is what Kubernetes %s takes', (minor) => {
    const own = manifests.filter(({ apiVersion }) => apiVersion !== FOREIGN);
    expect(manifestFaults(own, minor)).toEqual([]);
  });

  it('says why it is, in its first line', () => {
    expect(text).toMatch(/^# \w/);
  });
});

describe.each(['README.md', 'helm/README.md'])('the values in %s', (file) => {
  const text = readFileSync(join(CHART, '..', file), 'utf8');
  const fenced = Array.from(
    text.matchAll(/```yaml\n(.*?)```/gs),
    ([, yaml = '']) => yaml,
  );

  it('are taken', async () => {
    const values = fenced.filter((yaml) => yaml.startsWith('config:'));
    expect(values).toHaveLength(1);
    expect(await refusalOf(values.join(''))).toBe('');
  });

  it('are taken over the least, where they are parts', async () => {
    const parts = fenced.filter((yaml) => /^(extraEnv|podSecurityContext):/.test(yaml));
    expect(parts).toHaveLength(file === 'README.md' ? 0 : 3);
    for (const part of parts) {
      const values = merged(example('minimal'), parse(part)) as object;
      expect(await refusalOf(values)).toBe('');
    }
  });

  it('say where the image is, which nobody else knows before a release', () => {
    const installs = text.match(/^helm install (.*\\\n)*.*$/gm) ?? [];
    expect(installs).toHaveLength(1);
    expect(installs[0]).toMatch(/--set image\.registry=\S+ --set image\.repository=/);
  });
});

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
