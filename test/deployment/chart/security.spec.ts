import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { at, merged, only, podSpecs, render, type Manifest } from './chart.js';
import { example, EXAMPLES } from './examples.js';

const CREDENTIALS = '/etc/gemini-kafka-bridge/credentials';
/** Removes the Secret of the minimal example. */
const NONE = { existingSecret: { name: '' } };
/** Helm and Argo CD keep an object with these annotations. */
const KEPT = {
  'helm.sh/resource-policy': 'keep',
  'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
};
/** Containers of the user. */
const FOREIGN = ['sidecar', 'wait'];

function containersOf(pod: Record<string, unknown>): Record<string, unknown>[] {
  const all = [pod['initContainers'], pod['containers']].flatMap(
    (list) => (list as Record<string, unknown>[] | undefined) ?? [],
  );
  return all.filter(({ name }) => !FOREIGN.includes(String(name)));
}

async function podTemplate(change: object): Promise<string> {
  const manifests = await render(merged(example('everything'), change) as object);
  return JSON.stringify(at(only(manifests, 'Deployment'), 'spec', 'template'));
}

describe.each(EXAMPLES)('the pods of %s', (name) => {
  it('conform to the restricted Pod Security standard and to further rules', async () => {
    const pods = podSpecs(await render(example(name)));
    expect(pods).toHaveLength(2);
    for (const pod of pods) {
      expect(pod['securityContext']).toEqual({
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC', 'hostUsers']) {
        expect(pod[forbidden]).toBeUndefined();
      }
      expect(pod['enableServiceLinks']).toBe(false);
      for (const container of containersOf(pod)) {
        expect(container['securityContext']).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(at(container, 'resources', 'limits', 'memory')).toBeDefined();
        expect(at(container, 'resources', 'limits', 'cpu')).toBeUndefined();
      }
      const kinds = (pod['volumes'] as object[]).flatMap((volume) => Object.keys(volume));
      const allowed = ['name', 'configMap', 'emptyDir', 'projected', 'secret'];
      expect(kinds.filter((kind) => !allowed.includes(kind))).toEqual([]);
    }
  });

  it('have the token of the service account only with the vault', async () => {
    const manifests = await render(example(name));
    const account = only(manifests, 'ServiceAccount');
    expect(account['automountServiceAccountToken']).toBe(false);
    const hasVault = manifests.some(({ kind }) => kind === 'Role');
    for (const pod of podSpecs(manifests)) {
      expect(pod['automountServiceAccountToken']).toBe(false);
      const volumes = pod['volumes'] as Record<string, unknown>[];
      const withToken = volumes.filter((volume) =>
        JSON.stringify(volume).includes('serviceAccountToken'),
      );
      expect(withToken).toHaveLength(hasVault ? 1 : 0);
    }
    expect(hasVault).toBe(name === 'vault-in-kubernetes' || name === 'everything');
  });

  it('can be reached from outside only at the public port', async () => {
    const manifests = await render(example(name));
    const services = manifests.filter(({ kind }) => kind === 'Service');
    const ports = services.map((service) =>
      at(service, 'spec', 'ports', 0, 'targetPort'),
    );
    expect(ports.map(String).toSorted()).toEqual(['internal', 'public']);
    expect(services.map((service) => at(service, 'spec', 'type'))).toEqual([
      'ClusterIP',
      'ClusterIP',
    ]);
    const ways = manifests.filter(
      ({ kind }) => kind === 'Ingress' || kind === 'HTTPRoute',
    );
    for (const way of ways) {
      const text = stringify(way);
      expect(text).not.toContain('internal');
      expect(text).not.toContain('8081');
      expect(text).toContain('name: gemini-kafka-bridge-public');
      expect(text).toContain('/webhooks/gemini');
    }
  });
});

describe('the credentials', () => {
  const values = example('everything');
  const given = values['credentials'] as Record<string, { value?: string }>;
  const secrets = Object.values(given).flatMap(({ value }) =>
    value ? [value.trim()] : [],
  );

  it('given by value are only in the Secret', async () => {
    const manifests = await render(values);
    expect(secrets).toHaveLength(7);
    const rest = manifests.filter(
      ({ kind, metadata }) =>
        kind !== 'Secret' || !metadata.name.endsWith('-credentials'),
    );
    const encoded = secrets.map((secret) => Buffer.from(secret).toString('base64'));
    for (const secret of [...secrets, ...encoded]) {
      expect(JSON.stringify(rest)).not.toContain(secret);
    }
    const [secret] = manifests.filter(({ metadata }) =>
      metadata.name.endsWith('-credentials'),
    );
    const data = Object.values(at(secret, 'data') as Record<string, string>);
    const texts = data.map((text) => Buffer.from(text, 'base64').toString().trim());
    expect(texts.toSorted()).toEqual(secrets.toSorted());
  });

  it('are files that the group may read, in a volume without subPath', async () => {
    for (const pod of podSpecs(await render(values))) {
      const volume = (pod['volumes'] as Record<string, unknown>[]).find(
        (each) => each['name'] === 'credentials',
      );
      expect(at(volume, 'projected', 'defaultMode')).toBe(0o440);
      const [container] = containersOf(pod);
      const mounts = at(container, 'volumeMounts') as Record<string, unknown>[];
      const mount = mounts.find(({ name }) => name === 'credentials');
      expect(mount).toEqual({
        name: 'credentials',
        mountPath: CREDENTIALS,
        readOnly: true,
      });
    }
  });

  it('have a variable with the path of each file of the volume', async () => {
    const manifests = await render(values);
    const [config] = manifests.filter(
      ({ kind, metadata }) =>
        kind === 'ConfigMap' && metadata.name === 'gemini-kafka-bridge',
    );
    const pointed = Object.entries(at(config, 'data') as object)
      .filter(([name]) => name.endsWith('_FILE'))
      .map(([, path]) => String(path));
    const [pod] = podSpecs(manifests);
    const volumes = at(pod, 'volumes') as Record<string, unknown>[];
    const volume = volumes.find(({ name }) => name === 'credentials');
    const files = (at(volume, 'projected', 'sources') as object[]).map(
      (source) => `${CREDENTIALS}/${String(at(source, 'secret', 'items', 0, 'path'))}`,
    );
    expect(pointed.toSorted()).toEqual(files.toSorted());
    expect(pointed).toHaveLength(11);
  });

  it('do not roll the pods when they change; settings do', async () => {
    const before = await podTemplate({});
    const rotated = { credentials: { geminiApiKey: { value: 'another' } } };
    expect(await podTemplate(rotated)).toBe(before);
    expect(await podTemplate({ config: { logLevel: 'debug' } })).not.toBe(before);
  });
});

describe('the credentials of the pod of helm test', () => {
  const SECRET = { existingSecret: { name: 'gemini-bridge' } };
  const REDIS = { config: { redis: { url: 'rediss://redis:6379' } } };
  const all = Object.fromEntries(
    [
      'webhookSecrets',
      'capabilityKeys',
      'vaultKeys',
      'apiTokens',
      'redisPassword',
      'redisTlsCa',
    ].map((name) => [name, SECRET]),
  );
  const ISSUER = {
    config: { access: { open: false }, publicUrl: 'https://hooks.example.com' },
  };
  const cases: [given: string, values: object, mounted: string[]][] = [
    [
      'the vault in Redis',
      { ...REDIS, credentials: all },
      ['redisPassword', 'redisTlsCa', 'vaultKeys', 'webhookSecrets'],
    ],
    [
      'the vault in a Secret',
      { config: { ...REDIS.config, vault: { kubernetesSecret: 'v' } }, credentials: all },
      ['vaultKeys', 'webhookSecrets'],
    ],
    [
      'no vault',
      { ...REDIS, credentials: { ...all, vaultKeys: {} } },
      ['webhookSecrets'],
    ],
    [
      'jobs only',
      { ...REDIS, credentials: { ...all, vaultKeys: {}, webhookSecrets: NONE } },
      ['capabilityKeys'],
    ],
  ];

  it.each(cases)('are the ones that it reads with %s', async (_, values, mounted) => {
    const base = merged(example('minimal'), ISSUER);
    const manifests = await render(merged(base, values) as object);
    const pod = at(only(manifests, 'Pod'), 'spec');
    const volumes = at(pod, 'volumes') as Record<string, unknown>[];
    const volume = volumes.find(({ name }) => name === 'credentials');
    const paths = (at(volume, 'projected', 'sources') as object[]).map((source) =>
      String(at(source, 'secret', 'items', 0, 'path')),
    );
    expect(paths).toEqual(mounted.map((name) => `${name}/value`));
    // The kubelet merges both; the bridge reads an empty variable as unset
    const [config] = manifests.filter(({ kind }) => kind === 'ConfigMap');
    const env = at(pod, 'containers', 0, 'env') as { name: string; value: string }[];
    const variables = {
      ...(at(config, 'data') as object),
      ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
    };
    const pointed = Object.entries(variables).filter(
      ([name, value]) => name.endsWith('_FILE') && value !== '',
    );
    expect(pointed.map(([, path]) => path).toSorted()).toEqual(
      paths.map((path) => `${CREDENTIALS}/${path}`),
    );
  });

  it('do not include the headers of the collector', async () => {
    const pod = only(await render(example('everything')), 'Pod');
    expect(JSON.stringify(pod)).not.toContain('otel-headers');
  });
});

describe('the Role for the vault', () => {
  it('is for one Secret, which upgrades and uninstallations keep', async () => {
    const manifests = await render(example('vault-in-kubernetes'));
    expect(only(manifests, 'Role')['rules']).toEqual([
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['gemini-bridge-vault'],
        verbs: ['get', 'patch'],
      },
    ]);
    const vault = only(manifests, 'Secret');
    expect(vault.metadata.name).toBe('gemini-bridge-vault');
    expect(vault.metadata.annotations).toEqual(KEPT);
    expect(vault).not.toHaveProperty('data');
    expect(vault).not.toHaveProperty('stringData');
    const account = only(manifests, 'ServiceAccount').metadata.name;
    expect(at(only(manifests, 'RoleBinding'), 'subjects', 0, 'name')).toBe(account);
  });

  it("comes with a token that only the bridge's container has", async () => {
    for (const pod of podSpecs(await render(example('everything')))) {
      const volumes = pod['volumes'] as Record<string, unknown>[];
      const volume = volumes.find(({ name }) => name === 'service-account');
      const sources = at(volume, 'projected', 'sources') as object[];
      const paths = sources.map((source) =>
        Object.values(source).map(
          (each) => at(each, 'path') ?? at(each, 'items', 0, 'path'),
        ),
      );
      expect(paths.flat()).toEqual(['token', 'ca.crt', 'namespace']);
      const containers = [pod['initContainers'], pod['containers']].flat() as object[];
      const mounts = containers.flatMap((container) => {
        const all = at(container, 'volumeMounts') as
          Record<string, unknown>[] | undefined;
        return all?.filter(({ name }) => name === 'service-account') ?? [];
      });
      expect(mounts).toEqual([
        {
          name: 'service-account',
          mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
          readOnly: true,
        },
      ]);
    }
  });
});

describe('the image', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const forms: [image: object, reference: string][] = [
    [{}, 'gemini-kafka-bridge:0.1.0'],
    [{ tag: 'v2' }, 'gemini-kafka-bridge:v2'],
    [{ tag: '1.10' }, 'gemini-kafka-bridge:1.10'],
    [{ registry: 'r.example:5000' }, 'r.example:5000/gemini-kafka-bridge:0.1.0'],
    [{ repository: 'a/b' }, 'a/b:0.1.0'],
    [{ digest }, `gemini-kafka-bridge:0.1.0@${digest}`],
    [
      { registry: 'r.example', repository: 'a/b', tag: 't', digest },
      `r.example/a/b:t@${digest}`,
    ],
  ];

  it.each(forms)('of %j is %s', async (image, reference) => {
    const manifests: Manifest[] = await render({ ...example('minimal'), image });
    for (const pod of podSpecs(manifests)) {
      expect(at(containersOf(pod)[0], 'image')).toBe(reference);
    }
  });
});
