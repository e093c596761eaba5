import { describe, expect, it } from '@jest/globals';
import { helm } from '../../../tools/chart/helm.js';
import { CHART } from '../../../tools/chart/values-document.js';
import { merged, NAMESPACE, RELEASE } from './chart.js';
import { example } from './examples.js';

async function notesOf(values: object): Promise<string> {
  const args = ['install', RELEASE, CHART, '-n', NAMESPACE, '--dry-run=client'];
  const { stdout } = await helm([...args, '-f', '-'], { input: JSON.stringify(values) });
  return stdout.split('\nNOTES:\n')[1] ?? '';
}

const namespace = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});

describe('the notes', () => {
  it.each([
    ['minimal', /https:\/\/<your host>\/webhooks\/gemini/],
    ['production', /^ {2}https:\/\/hooks\.example\.com\/webhooks\/gemini$/m],
    ['gateway-api', /^ {2}https:\/\/hooks\.example\.com\/gemini\/webhooks\/gemini$/m],
  ])('of %s name the URL that Gemini delivers to', async (name, url) => {
    expect(await notesOf(example(name))).toMatch(url);
  });

  it.each<[string, boolean]>([
    ['minimal', true],
    ['production', false],
    ['gateway-api', false],
  ])('of %s say that the chart makes no route: %s', async (name, isSaid) => {
    const port = /Service gemini-kafka-bridge-public, port 8080/;
    expect(port.test(await notesOf(example(name)))).toBe(isSaid);
  });

  it.each(['minimal', 'production', 'gateway-api'])(
    'of %s name the next commands, for this release and namespace',
    async (name) => {
      const notes = await notesOf(example(name));
      for (const command of [
        'kubectl -n gemini-bridge rollout status deployment/gemini-kafka-bridge',
        'helm -n gemini-bridge test gemini-kafka-bridge --logs',
        'kubectl -n gemini-bridge exec deploy/gemini-kafka-bridge -c bridge -- gemini-kafka-bridge topics check',
        'kubectl -n gemini-bridge port-forward service/gemini-kafka-bridge-internal 8081',
      ]) {
        expect(notes).toContain(`\n  ${command}\n`);
      }
    },
  );

  it.each<[string, boolean]>([
    ['minimal', false],
    ['production', true],
    ['gateway-api', true],
  ])('of %s ask Gemini for the webhooks: %s', async (name, isAsked) => {
    const notes = await notesOf(example(name));
    expect(notes.includes('gemini-kafka-bridge webhooks list\n')).toBe(isAsked);
  });

  it('leave out the test that is switched off', async () => {
    const values = merged(example('minimal'), { helmTest: { enabled: false } });
    expect(await notesOf(values as object)).not.toContain(' test gemini-kafka-bridge');
  });

  it('warn that a single process forgets its jobs, where jobs can be submitted', async () => {
    const warning = /^WARNING: jobs and Idempotency-Keys/m;
    expect(await notesOf(example('vault-in-kubernetes'))).toMatch(warning);
    expect(await notesOf(example('minimal'))).not.toMatch(warning);
    expect(await notesOf(example('production'))).not.toMatch(warning);
  });

  it.each<[string, object, boolean]>([
    ['another namespace', { publicFrom: [namespace('istio-system')] }, true],
    [
      "the Gateway's among others",
      { publicFrom: [namespace('ingress-nginx'), namespace('gateways')] },
      false,
    ],
    ['every peer', { publicFrom: [] }, false],
    [
      'an address range as well',
      { publicFrom: [namespace('a'), { ipBlock: { cidr: '10.0.0.0/8' } }] },
      false,
    ],
  ])(
    'warn of a network policy that may cut off the Gateway: it admits %s',
    async (_, networkPolicy, isWarned) => {
      const enabled = { networkPolicy: { enabled: true, ...networkPolicy } };
      const values = merged(example('gateway-api'), enabled) as object;
      const warning = /^WARNING: networkPolicy\.publicFrom .* is in gateways\./m;
      expect(warning.test(await notesOf(values))).toBe(isWarned);
    },
  );
});
