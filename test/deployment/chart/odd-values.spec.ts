import { describe, expect, it } from '@jest/globals';
import { at, merged, only, podSpecs, refusalOf, render, type Manifest } from './chart.js';
import { example } from './examples.js';
import { manifestFaults } from './manifest-check.js';

const minimal = example('minimal');
const everything = example('everything');
const LABEL = /^(?=.{0,63}$)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** Texts with a special meaning in YAML 1.1, in Go templates or in a shell. */
const TEXTS = [
  'yes',
  'off',
  'null',
  '~',
  '123',
  '1e3',
  '0x10',
  '1_000',
  '010',
  '12:30:45',
  '2026-05-01',
  '.5',
  '{{ .Release.Name }}',
  '{{ fail "no" }}',
  '$(HOME)',
  '"quoted"',
  "'single'",
  'back\\slash',
  'a: b',
  '- a',
  '# no comment',
  '&anchor *alias !tag',
  '%percent @at `tick`',
  'two\nlines\n',
  '  spaces  ',
  'tab\there',
  '<a href="x">&amp;</a>',
  'ü€😀',
];

function configOf(manifests: readonly Manifest[], name: string): Record<string, string> {
  const map = manifests.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name,
  );
  return at(map, 'data') as Record<string, string>;
}

describe('the texts of values', () => {
  it.each(TEXTS)('%j is rendered unchanged', async (text) => {
    const values = {
      config: { token: { audience: text }, kafka: { clientId: text } },
      credentials: { kafkaTlsCa: { value: text } },
      commonAnnotations: { text },
      podAnnotations: { text },
      extraEnv: [{ name: 'TEXT', value: text }],
    };
    const manifests = await render(merged(minimal, values) as object);
    const config = configOf(manifests, 'gemini-kafka-bridge');
    expect([config['JWT_AUDIENCE'], config['KAFKA_CLIENT_ID']]).toEqual([text, text]);
    const deployment = only(manifests, 'Deployment');
    expect(deployment.metadata.annotations?.['text']).toBe(text);
    const pod = at(deployment, 'spec', 'template');
    expect(at(pod, 'metadata', 'annotations', 'text')).toBe(text);
    expect(at(pod, 'spec', 'containers', 0, 'env', 0, 'value')).toBe(text);
    const secret = at(only(manifests, 'Secret'), 'data', 'kafkaTlsCa');
    expect(Buffer.from(String(secret), 'base64').toString()).toBe(text);
    expect(manifestFaults(manifests, '1.37')).toEqual([]);
  });

  it('are strings in every variable', async () => {
    for (const values of [minimal, everything]) {
      const config = configOf(await render(values), 'gemini-kafka-bridge');
      const others = Object.entries(config).filter(
        ([, value]) => typeof value !== 'string',
      );
      expect(others).toEqual([]);
    }
  });

  it.each([
    ['100000000', 100_000_000],
    ['1000000', 1_000_000],
    ['21', 21],
  ])('have all digits of a number: %s', async (text, memoryMax) => {
    const manifests = await render(
      merged(minimal, { config: { dedupe: { memoryMax } } }) as object,
    );
    const config = configOf(manifests, 'gemini-kafka-bridge');
    expect(config['DEDUPE_MEMORY_MAX']).toBe(text);
  });

  it('have all digits of the users that OpenShift assigns', async () => {
    const podSecurityContext = { runAsUser: 1_000_650_000, fsGroup: 1_000_650_000 };
    const [pod] = podSpecs(await render({ ...minimal, podSecurityContext }));
    expect(pod?.['securityContext']).toMatchObject(podSecurityContext);
  });

  it("do not replace the chart's own annotations", async () => {
    const podAnnotations = {
      'checksum/config': 'mine',
      'kubectl.kubernetes.io/default-container': 'sidecar',
    };
    const manifests = await render({ ...minimal, podAnnotations });
    const pod = at(
      only(manifests, 'Deployment'),
      'spec',
      'template',
      'metadata',
      'annotations',
    );
    expect(at(pod, 'checksum/config')).toMatch(/^[0-9a-f]{64}$/);
    expect(at(pod, 'kubectl.kubernetes.io/default-container')).toBe('sidecar');
  });

  it('are the same from --set and from a file', async () => {
    const args = ['--set', 'config.dedupe.memoryMax=2000000', '--set', 'replicaCount=1'];
    const config = configOf(await render(minimal, { args }), 'gemini-kafka-bridge');
    expect(config['DEDUPE_MEMORY_MAX']).toBe('2000000');
  });
});

describe('the names', () => {
  const releases = [
    'a',
    'no',
    'x'.repeat(53),
    `${'x'.repeat(40)}.${'y'.repeat(12)}`,
    `${'x'.repeat(49)}-y`,
    'my.gemini-kafka-bridge.eu',
    'gemini-kafka-bridge',
  ];

  it.each(releases)('of the release %s are valid in Kubernetes', async (release) => {
    const manifests = await render(everything, { release, namespace: 'no' });
    expect(manifestFaults(manifests, '1.37')).toEqual([]);
    const keys = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { metadata } of manifests) {
      expect(metadata.name.length).toBeLessThanOrEqual(63);
      for (const value of Object.values(metadata.labels ?? {}))
        expect(value).toMatch(LABEL);
    }
    const deployment = only(manifests, 'Deployment');
    const selector = at(deployment, 'spec', 'selector', 'matchLabels') as object;
    expect(at(deployment, 'spec', 'template', 'metadata', 'labels')).toMatchObject(
      selector,
    );
    for (const service of manifests.filter(({ kind }) => kind === 'Service')) {
      expect(at(service, 'spec', 'selector')).toEqual(selector);
    }
    for (const pod of podSpecs(manifests)) {
      expect(pod['serviceAccountName']).toBe(
        only(manifests, 'ServiceAccount').metadata.name,
      );
    }
  });

  it.each([
    ['bridge', 'bridge-gemini-kafka-bridge'],
    ['gemini-kafka-bridge', 'gemini-kafka-bridge'],
    ['my.gemini-kafka-bridge.eu', 'my-gemini-kafka-bridge-eu'],
  ])('of the release %s begin with %s', async (release, name) => {
    const manifests = await render(minimal, { release });
    expect(only(manifests, 'Deployment').metadata.name).toBe(name);
  });

  it('begin with a letter, or the chart names the remedy', async () => {
    expect(await refusalOf(minimal, { release: '1st' })).toContain(
      'fullnameOverride: is empty',
    );
    const named = { ...minimal, fullnameOverride: 'first' };
    expect(await refusalOf(named, { release: '1st' })).toBe('');
  });

  it.each(['on', 'no', 'y', 'null', 'true'])(
    'are strings, although YAML has another meaning for %s',
    async (fullnameOverride) => {
      const manifests = await render({ ...everything, fullnameOverride });
      expect(manifestFaults(manifests, '1.37')).toEqual([]);
      const names = JSON.stringify(manifests).match(/"name":(true|false|null)/g);
      expect(names).toBeNull();
    },
  );

  it("are in the release's namespace, except for the resources of Strimzi", async () => {
    const manifests = await render(everything, { namespace: '123' });
    const foreign = manifests.filter(({ metadata }) => metadata.namespace !== '123');
    const kinds = new Set(
      foreign.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`),
    );
    expect(kinds).toEqual(
      new Set(['KafkaTopic kafka', 'KafkaUser kafka', 'ConfigMap undefined']),
    );
  });

  it('are the ones that other objects refer to', async () => {
    const values = merged(everything, { fullnameOverride: 'bridge' }) as object;
    const manifests = await render(values);
    const names = new Set(manifests.map(({ metadata }) => metadata.name));
    const [bridge] = podSpecs(manifests);
    const wanted = [
      at(bridge, 'containers', 0, 'envFrom', 0, 'configMapRef', 'name'),
      at(bridge, 'serviceAccountName'),
      at(only(manifests, 'HorizontalPodAutoscaler'), 'spec', 'scaleTargetRef', 'name'),
      at(only(manifests, 'RoleBinding'), 'roleRef', 'name'),
      at(only(manifests, 'HTTPRoute'), 'spec', 'rules', 0, 'backendRefs', 0, 'name'),
      'bridge-credentials',
    ];
    expect(wanted.filter((name) => !names.has(String(name)))).toEqual([]);
  });
});

describe('empty values', () => {
  it.each([
    { image: { tag: null }, podLabels: null, extraEnv: null },
    { config: { publicUrl: null, redis: { url: null }, access: { open: null } } },
    { commonLabels: null, commonAnnotations: null, podAnnotations: null },
    { serviceAccount: { create: null }, networkPolicy: { internalFrom: null } },
  ])('of null are unset: %j', async (values) => {
    const tokens = { credentials: { apiTokens: { value: 'x'.repeat(16) } } };
    const open = {
      config: { access: { open: false } },
      networkPolicy: { enabled: true },
    };
    const all = [minimal, tokens, open, values].reduce<unknown>(merged, {});
    expect(await refusalOf(all as object)).toBe('');
  });

  it('let OpenShift assign the user', async () => {
    const none = { runAsUser: null, runAsGroup: null, fsGroup: null };
    const [pod] = podSpecs(await render({ ...minimal, podSecurityContext: none }));
    expect(pod?.['securityContext']).toEqual({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it('remove objects that are made by default', async () => {
    const values = {
      topologySpread: { enabled: false },
      helmTest: { enabled: false },
      serviceAccount: { create: false },
      resources: { requests: null, limits: null },
    };
    const manifests = await render(merged(minimal, values) as object);
    expect(manifests.map(({ kind }) => kind).toSorted()).toEqual([
      'ConfigMap',
      'Deployment',
      'Service',
      'Service',
    ]);
    expect(podSpecs(manifests)[0]?.['serviceAccountName']).toBe('default');
    expect(manifestFaults(manifests, '1.37')).toEqual([]);
  });
});

describe('as a dependency of another chart', () => {
  it('accepts the values that the other chart passes', async () => {
    const handed = { global: { imageRegistry: 'x' }, enabled: true };
    expect(await refusalOf({ ...minimal, ...handed })).toBe('');
  });
});

describe('extraObjects', () => {
  it('have their templates rendered, as objects and as text', async () => {
    const manifests = await render(everything, { release: 'mine' });
    const names = manifests.map(({ metadata }) => metadata.name);
    expect(names).toEqual(expect.arrayContaining(['mine-extra', 'mine-more']));
  });
});
