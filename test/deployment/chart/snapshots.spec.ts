import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import { merged, render, type Manifest } from './chart.js';
import { example, examplePath } from './examples.js';

/** Manifests as they come out, so that no change of a template goes unseen. `npm test -- test/deployment/chart -u` takes a change. */
const COMBINATIONS: [name: string, values: object][] = [
  ['one replica, receiving only', example('minimal')],
  ['several replicas beside Kafka and Redis', example('production')],
  ['everything at once', example('everything')],
  ['the vault in a Secret of Kubernetes', example('vault-in-kubernetes')],
  ['a Kafka of Strimzi', example('strimzi')],
  ['a path of its own behind a Gateway', example('gateway-api')],
  ['every credential from a Secret that is there', example('external-secrets')],
  [
    'pods that are scraped themselves',
    merged(example('minimal'), { podMonitor: { enabled: true } }) as object,
  ],
];

describe('the manifests of', () => {
  it.each(COMBINATIONS)('%s', async (_, values) => {
    const manifests = (await render(values)).map(withoutFiles);
    const text = manifests.map((manifest) => stringify(manifest)).join('---\n');
    // A release changes nothing but these.
    const timeless = text
      .replaceAll(/(helm\.sh\/chart: .*-)\d+\.\d+\.\d+/g, '$1<version>')
      .replaceAll(
        /(app\.kubernetes\.io\/version: |image: gemini-kafka-bridge:).*/g,
        '$1<version>',
      );
    expect(timeless).toMatchSnapshot();
  });
});

describe('the notes', () => {
  it.each(['minimal', 'production', 'gateway-api'])(
    'of %s say which URL to register and what to do next',
    async (name) => {
      expect(await notesOf(name)).toMatchSnapshot();
    },
  );

  it('warn of what one process forgets, where jobs can be submitted', async () => {
    const warning = /^WARNING: jobs and Idempotency-Keys/m;
    expect(await notesOf('vault-in-kubernetes')).toMatch(warning);
    expect(await notesOf('minimal')).not.toMatch(warning);
    expect(await notesOf('production')).not.toMatch(warning);
  });
});

async function notesOf(name: string): Promise<string> {
  const args = ['install', 'demo', CHART, '-n', 'events', '--dry-run=client'];
  const { stdout } = await helm([...args, '-f', examplePath(name)]);
  return stdout.split('\nNOTES:\n')[1] ?? '';
}

/** What comes from `files/` as it is has tests of its own. */
function withoutFiles(manifest: Manifest): Manifest {
  if (manifest.kind === 'PrometheusRule')
    return { ...manifest, spec: 'files/alerts.yaml' };
  const isDashboard = manifest.metadata.name.endsWith('-dashboard');
  return isDashboard ? { ...manifest, data: 'files/dashboard.json' } : manifest;
}
