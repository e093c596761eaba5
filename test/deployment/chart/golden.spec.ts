import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { NAMESPACE, RELEASE, render, type Manifest } from './chart.js';
import { example } from './examples.js';

const FOLDER = join(import.meta.dirname, 'golden');
const NAMES = ['minimal', 'production', 'everything'];
const REWRITE = 'UPDATE_GOLDEN=1 npm test -- golden.spec.ts';

describe(`the golden manifests (rewrite them with \`${REWRITE}\`)`, () => {
  it.each(NAMES)('golden/%s.yaml is what the chart renders', async (name) => {
    const path = join(FOLDER, `${name}.yaml`);
    const rendered = await goldenText(name);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(path, rendered);
    expect(rendered).toBe(readFileSync(path, 'utf8'));
  });

  it('are all compared', () => {
    const files = NAMES.map((name) => `${name}.yaml`);
    expect(readdirSync(FOLDER).toSorted()).toEqual(files.toSorted());
  });
});

async function goldenText(name: string): Promise<string> {
  const manifests = await render(example(name));
  const documents = manifests.map((manifest) => stringify(withoutFile(manifest)));
  return `${headOf(name)}---\n${withoutVersions(documents.join('---\n'))}`;
}

function headOf(name: string): string {
  return [
    `# helm template ${RELEASE} helm --namespace ${NAMESPACE} --values helm/examples/${name}.yaml`,
    '# Versions are 0.0.0, and the contents of helm/files are left out: they have tests of their own.',
    `# ${REWRITE} rewrites this file.\n`,
  ].join('\n');
}

/** Replaces the versions, which each release changes. */
function withoutVersions(text: string): string {
  return text
    .replaceAll(/(helm\.sh\/chart: .*-)\d+\.\d+\.\d+/g, '$10.0.0')
    .replaceAll(/(app\.kubernetes\.io\/version: ).*/g, '$10.0.0')
    .replaceAll(/(image: gemini-kafka-bridge:).*/g, '$10.0.0');
}

function withoutFile(manifest: Manifest): Manifest {
  if (manifest.kind === 'PrometheusRule') return { ...manifest, spec: { groups: [] } };
  const isDashboard = manifest.metadata.name.endsWith('-dashboard');
  return isDashboard ? { ...manifest, data: {} } : manifest;
}
