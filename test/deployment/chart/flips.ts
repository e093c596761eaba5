import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { constraintOf } from '../../../tools/chart/schema.js';
import { CHART } from '../../../tools/chart/values-document.js';
import { at, merged, nested } from './chart.js';
import { example } from './examples.js';

/** Values in which one leaf is effective, and the same values with this leaf changed. */
export interface Flip {
  readonly before: object;
  readonly after: object;
}

const EVERYTHING = example('everything');
/** Without the twelve topics, which take time to render. */
const QUICK = merged(EVERYTHING, { strimzi: { topics: { enabled: false } } });
const FIXED = { autoscaling: { enabled: false } };
const NO_STRIMZI = { strimzi: { topics: { enabled: false }, user: { enabled: false } } };
const NO_LOGIN = {
  ...NO_STRIMZI,
  config: { kafka: { sasl: { mechanism: '', username: '' } } },
  credentials: { kafkaSaslPassword: { value: '' } },
};
const BY_TOKEN = merged(NO_LOGIN, {
  config: { kafka: { sasl: { mechanism: 'oauthbearer' } } },
}) as object;
const POD_MONITOR = { serviceMonitor: { enabled: false }, podMonitor: { enabled: true } };
const PEER = [{ ipBlock: { cidr: '192.0.2.0/24' } }];
const RULE = [{ action: 'labeldrop', regex: 'x' }];

/** Values with which a path, or any path below it, is effective. */
const BASES: readonly [path: string, base: object][] = [
  ['replicaCount', FIXED],
  ['autoscaling.enabled', {}],
  ['autoscaling', { podDisruptionBudget: { enabled: false } }],
  ['podDisruptionBudget.maxUnavailable', { autoscaling: { minReplicas: 3 } }],
  ['podMonitor', POD_MONITOR],
  ['serviceMonitor.enabled', {}],
  ['config.kafka.sasl', NO_STRIMZI],
  ['config.topics.mode', NO_STRIMZI],
  ['credentials.kafkaSaslToken', BY_TOKEN],
  ['strimzi.user.name', { strimzi: { user: { authentication: 'tls' } } }],
  // Without another access the chart refuses the changed value.
  [
    'config.access.open',
    {
      credentials: { apiTokens: { value: '' } },
      config: {
        access: { oidc: { issuer: '', audience: '', scopes: [], subjects: [] } },
      },
    },
  ],
  // The vault needs a named account.
  ['serviceAccount.create', { serviceAccount: { name: 'other' } }],
  ['networkPolicy.internalFrom', { networkPolicy: { internalFrom: [] } }],
];

/** Changed values of paths for which the automatic change is not valid. */
const OTHERS: Readonly<Record<string, unknown>> = {
  nameOverride: 'other',
  'image.digest': `sha256:${'f'.repeat(64)}`,
  imagePullSecrets: [{ name: 'other' }],
  'config.kafka.brokers': ['other:9092'],
  'config.webhooks.declared': [{ name: 'other' }],
  'config.access.oidc.scopes': ['jobs:read'],
  'config.access.oidc.subjects': ['other'],
  'config.tracing.samplerArg': 0.5,
  'config.kafka.sasl.mechanism': 'plain',
  'config.webhooks.mode': 'report',
  'config.dedupe.store': 'redis',
  replicaCount: 3,
  updateStrategy: { type: 'Recreate' },
  'autoscaling.metrics': [{ type: 'Pods', pods: {} }],
  'autoscaling.behavior.scaleDown.policies': [
    { type: 'Pods', value: 2, periodSeconds: 60 },
  ],
  'resources.*.*': '1Gi',
  'helmTest.resources.*.*': '1Gi',
  tmpSizeLimit: '1Gi',
  'securityContext.capabilities.drop': ['CHOWN'],
  'topologySpread.topologyKeys': ['other'],
  tolerations: [{ operator: 'Exists' }],
  affinity: { podAffinity: {} },
  dnsConfig: { nameservers: ['192.0.2.1'] },
  'httpRoute.parentRefs': [{ name: 'other' }],
  'httpRoute.hostnames': ['other.example.com'],
  'networkPolicy.publicFrom': PEER,
  'networkPolicy.internalFrom': PEER,
  'networkPolicy.metricsFrom': PEER,
  'networkPolicy.*.to': PEER,
  'networkPolicy.*.ports': [1234],
  'networkPolicy.extraIngress': [{ from: PEER }],
  'networkPolicy.extraEgress': [{ to: PEER }],
  '*.interval': '1m',
  '*.scrapeTimeout': '5s',
  '*.relabelings': RULE,
  '*.metricRelabelings': RULE,
  'prometheusRule.disabledAlerts': [firstAlert()],
  'strimzi.apiVersion': 'kafka.strimzi.io/v1beta2',
  'podDisruptionBudget.maxUnavailable': '50%',
  extraEnv: [{ name: 'OTHER', value: 'x' }],
  extraEnvFrom: [{ secretRef: { name: 'other' } }],
  extraVolumes: [{ name: 'other', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'other', mountPath: '/other' }],
  extraContainers: [{ name: 'other', image: 'other' }],
  initContainers: [{ name: 'other', image: 'other' }],
  extraObjects: ['kind: Other'],
};

export function flipOf(path: readonly string[], preset: unknown): Flip {
  const name = path.join('.');
  const { 1: base = {} } =
    BASES.find(([above]) => name === above || name.startsWith(`${above}.`)) ?? [];
  const start = path[0] === 'strimzi' ? EVERYTHING : QUICK;
  const before = merged(merged(start, base), givenAs(path)) as object;
  const now = at(before, ...path) ?? preset;
  const after = merged(before, nested(path, otherThan(now, name))) as object;
  return { before, after };
}

/** Values that give a credential by value or by an existing Secret, so that a change of that form has an effect. */
function givenAs([group = '', name = '', way]: readonly string[]): object {
  if (group !== 'credentials') return {};
  const isExisting = way === 'existingSecret';
  const given = {
    value: isExisting ? '' : credentialText(name, 'x'),
    existingSecret: { name: isExisting ? 'x' : '' },
  };
  return { credentials: { [name]: given } };
}

/** A text in the form that the chart requires for a credential. Another letter gives another text. */
function credentialText(name: string, letter: string): string {
  if (name === 'webhookSecrets') return `whsec_${letter.repeat(32)}`;
  if (name.endsWith('Keys')) return `k1:${letter.repeat(43)}`;
  return letter.repeat(16);
}

function otherThan(value: unknown, path: string): unknown {
  const [, credential] = /^credentials\.(\w+)\.value$/.exec(path) ?? [];
  if (credential !== undefined) return credentialText(credential, 'y');
  const listed = Object.keys(OTHERS).find((each) => isMatch(each, path));
  if (listed !== undefined) return OTHERS[listed];
  const words = constraintOf(path)?.['enum'] as unknown[] | undefined;
  if (words) return words.findLast((word) => word !== value);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value}x`;
  if (Array.isArray(value))
    throw new Error(`${path}: ${stringify(value)} has no other value`);
  return { flipped: 'x' };
}

function isMatch(pattern: string, path: string): boolean {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`).test(
    path,
  );
}

function firstAlert(): string {
  const rules: unknown = parse(readFileSync(join(CHART, 'files', 'alerts.yaml'), 'utf8'));
  const groups = at(rules, 'groups') as { rules: { alert?: string }[] }[];
  return groups.flatMap((group) => group.rules).find(({ alert }) => alert)?.alert ?? '';
}
