import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import { at, render, type Manifest } from './chart.js';

/** The last released chart and its examples, written by `tools/chart/keep-release.ts`. */
const PREVIOUS = join(import.meta.dirname, 'previous');
const FILES = readdirSync(PREVIOUS);
const PACKAGE = join(PREVIOUS, FILES.find((file) => file.endsWith('.tgz')) ?? '');

/** Fields that Kubernetes refuses to change in an existing object. */
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

/** Edits of the previous values that the chart's README asks for under `Upgrades`. */
const EDITS: readonly Edit[] = [
  {
    key: 'credentials.webhookSecrets.value',
    from: /whsec_c2VjcmV0LW9mLWEtd2ViaG9vaw==\\nwhsec_dGhlLW9sZC1vbmUtb2YtaXQtLS0tLQ==/,
    to: `whsec_${'A'.repeat(32)}`,
  },
];

interface Edit {
  /** The key that the README's row names. */
  readonly key: string;
  readonly from: RegExp;
  readonly to: string;
}

const keyOf = ({ apiVersion, kind, metadata }: Manifest) =>
  [apiVersion, kind, metadata.namespace, metadata.name].join(' ');

describe.each(FILES.filter((file) => file.endsWith('.yaml')))(
  'an upgrade from the previous version with its %s',
  (file) => {
    const given = readFileSync(join(PREVIOUS, file), 'utf8');
    const values = EDITS.reduce((text, { from, to }) => text.replace(from, to), given);

    it('accepts the same values after the documented edits, keeps every object, and changes no immutable field', async () => {
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

  it('is later than the previous one', async () => {
    const { stdout } = await helm(['show', 'chart', PACKAGE]);
    const { version } = parse(stdout) as { version: string };
    expect(compareVersions(chart.version, version)).toBeGreaterThan(0);
  });

  it('has a row in the README that names each edit', () => {
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    const [row] = new RegExp(`^\\| ${chart.version} .*$`, 'm').exec(readme) ?? [''];
    expect(row).not.toBe('');
    for (const { key } of EDITS) expect(row).toContain(key);
  });

  it('has the version of the bridge as its appVersion', () => {
    const manifest = join(CHART, '..', 'package.json');
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    expect(chart.appVersion).toBe(version);
  });
});

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}
