import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import { at, render, type Manifest } from './chart.js';

/** The last version that is out, and its examples: `tools/chart/keep-release.ts`. */
const PREVIOUS = join(import.meta.dirname, 'previous');
const FILES = readdirSync(PREVIOUS);
const PACKAGE = join(PREVIOUS, FILES.find((file) => file.endsWith('.tgz')) ?? '');

/** What Kubernetes refuses to change in an object that is there. */
const IMMUTABLE: Readonly<Record<string, readonly string[][]>> = {
  Deployment: [['spec', 'selector']],
  Service: [
    ['spec', 'type'],
    ['spec', 'clusterIP'],
  ],
  RoleBinding: [['roleRef']],
  Secret: [['type'], ['immutable']],
  ConfigMap: [['immutable']],
  KafkaTopic: [['spec', 'topicName']],
};

/** What the chart's README asks for under `Upgrades`: keys of values that are no more. */
const GONE = ['targetMemoryUtilizationPercentage'];

const keyOf = ({ apiVersion, kind, metadata }: Manifest) =>
  [apiVersion, kind, metadata.namespace, metadata.name].join(' ');

describe.each(FILES.filter((file) => file.endsWith('.yaml')))(
  'an upgrade from the previous version with its %s',
  (file) => {
    const given = readFileSync(join(PREVIOUS, file), 'utf8');
    const values = given.replace(new RegExp(`^ +(${GONE.join('|')}):.*\\n`, 'gm'), '');

    it('takes the same values but what is said to be gone, keeps every object, and changes nothing that is fixed', async () => {
      const [before, after] = await Promise.all([
        render(given, { chart: PACKAGE }),
        render(values),
      ]);
      const now = new Map(after.map((manifest) => [keyOf(manifest), manifest]));
      for (const manifest of before) {
        const next = now.get(keyOf(manifest));
        expect([keyOf(manifest), next !== undefined]).toEqual([keyOf(manifest), true]);
        for (const path of IMMUTABLE[manifest.kind] ?? []) {
          expect(at(next, ...path)).toEqual(at(manifest, ...path));
        }
      }
      expect(before.length).toBeGreaterThan(4);
    });
  },
);

describe('the version of the chart', () => {
  const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as {
    version: string;
    appVersion: string;
  };

  it('is a later one than the previous', async () => {
    const { stdout } = await helm(['show', 'chart', PACKAGE]);
    const { version } = parse(stdout) as { version: string };
    expect(compared(chart.version, version)).toBeGreaterThan(0);
  });

  it('has in the README what it asks for', () => {
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    const [row] = new RegExp(`^\\| ${chart.version} .*$`, 'm').exec(readme) ?? [''];
    for (const key of GONE) expect(row).toContain(key);
  });

  it('is for the version of the bridge', () => {
    const manifest = join(CHART, '..', 'package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    expect(chart.appVersion).toBe(version);
  });
});

function compared(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
