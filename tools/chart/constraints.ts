/**
 * The JSON Schema of a path of the values, beyond the type that values.yaml shows; `*` is any key. Only types, words and
 * numbers: Helm prints a `pattern` as it is, so the form of a text is in helm/files/forms.yaml, which the templates check.
 */
export type Constraint = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' };
const TEXT_OR_NUMBER = { type: ['string', 'number'] };
const NOT_EMPTY = { ...TEXT, minLength: 1 };
const whole = (minimum: number, maximum: number): Constraint => ({
  type: 'integer',
  minimum,
  maximum,
});
const oneOf = (...words: string[]): Constraint => ({ enum: words });
const listOf = (items: Constraint): Constraint => ({ type: 'array', items });
const mapOf = (items: Constraint): Constraint => ({
  type: 'object',
  additionalProperties: items,
});
const OBJECTS = listOf({ type: 'object' });
const TEXTS = mapOf(TEXT);
const QUANTITIES = mapOf(TEXT_OR_NUMBER);
const PORT = whole(1, 65_535);
/** Keys that Kubernetes has in such an object. It would drop a misspelt one without a message. */
const withKeys = (...keys: string[]): Constraint => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(keys.map((key) => [key, {}])),
});

/** Keys of a pod's security context and of a container's. */
const SECURITY = [
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
];

export const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  nameOverride: { ...TEXT, maxLength: 63 },
  fullnameOverride: { ...TEXT, maxLength: 50 },
  commonLabels: TEXTS,
  commonAnnotations: TEXTS,
  podLabels: TEXTS,
  podAnnotations: TEXTS,
  'image.pullPolicy': oneOf('Always', 'IfNotPresent', 'Never'),
  imagePullSecrets: OBJECTS,

  'config.ackBudgetMs': whole(100, 60_000),
  'config.shutdownTimeoutMs': whole(100, 600_000),
  'config.logLevel': oneOf('debug', 'info', 'warn', 'error'),
  'config.kafka.brokers': listOf(TEXT),
  'config.kafka.clientId': NOT_EMPTY,
  'config.kafka.queueMax': whole(1, 1_000_000),
  'config.kafka.sasl.mechanism': oneOf(
    '',
    'plain',
    'scram-sha-256',
    'scram-sha-512',
    'oauthbearer',
  ),
  'config.kafka.tls.enabled': { enum: ['auto', true, false] },
  'config.topics.mode': oneOf('create', 'check'),
  'config.topics.partitions': whole(1, 1000),
  'config.topics.replication': whole(1, 32),
  'config.topics.minIsr': whole(1, 32),
  'config.topics.retentionHours': whole(1, 87_600),
  'config.signature.jwksStaleHours': whole(1, 720),
  'config.token.maxAgeSeconds': whole(1, 86_400),
  'config.token.bodyHashClaim': NOT_EMPTY,
  'config.token.unboundBody': oneOf('confirm', 'refuse'),
  'config.dedupe.store': oneOf('log', 'redis', 'memory'),
  'config.dedupe.ttlHours': whole(25, 8760),
  'config.dedupe.onError': oneOf('', 'publish', 'refuse'),
  'config.dedupe.memoryMax': whole(1, 100_000_000),
  'config.webhooks.declared': listOf({
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: { name: TEXT, events: { ...listOf(TEXT), minItems: 1 }, url: TEXT },
  }),
  // YAML reads a bare `off` as false.
  'config.webhooks.mode': { enum: ['ensure', 'report', 'off', false] },
  'config.webhooks.intervalSeconds': whole(1, 86_400),
  'config.webhooks.reviveMax': whole(0, 100),
  'config.webhooks.rotateEveryDays': whole(0, 3650),
  'config.jobs.retentionHours': whole(1, 8760),
  'config.jobs.lookAfterSeconds': whole(1, 86_400),
  'config.jobs.settleSeconds': whole(1, 86_400),
  'config.jobs.giveUpSeconds': whole(1, 864_000),
  'config.jobs.callsPerMinute': whole(1, 100_000),
  'config.access.oidc.scopes': listOf(oneOf('jobs:write', 'jobs:read', 'webhooks:admin')),
  'config.access.oidc.subjects': listOf(TEXT),
  'config.access.ratePerMinute': whole(0, 1_000_000),
  'config.tracing.protocol': oneOf('http/protobuf', 'http/json'),
  'config.tracing.timeoutMs': whole(1, 600_000),
  'config.tracing.resourceAttributes': TEXTS,
  'config.tracing.sampler': oneOf(
    '',
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ),
  'config.tracing.samplerArg': TEXT_OR_NUMBER,

  replicaCount: { anyOf: [{ const: 'auto' }, whole(0, 1000)] },
  updateStrategy: {
    type: 'object',
    additionalProperties: false,
    properties: {
      type: oneOf('RollingUpdate', 'Recreate'),
      rollingUpdate: withKeys('maxSurge', 'maxUnavailable'),
    },
  },
  revisionHistoryLimit: whole(0, 1000),
  'autoscaling.minReplicas': whole(1, 1000),
  'autoscaling.maxReplicas': whole(1, 1000),
  'autoscaling.targetCPUUtilizationPercentage': whole(0, 1000),
  'autoscaling.metrics': OBJECTS,
  'autoscaling.behavior': withKeys('scaleDown', 'scaleUp'),
  'podDisruptionBudget.maxUnavailable': {
    type: ['integer', 'string'],
    minimum: 1,
    maximum: 1000,
  },
  'resources.requests': QUANTITIES,
  'resources.limits': QUANTITIES,
  'helmTest.resources.*': QUANTITIES,
  'helmTest.podLabels': TEXTS,
  'helmTest.podAnnotations': TEXTS,
  podSecurityContext: withKeys(
    ...SECURITY,
    'fsGroup',
    'fsGroupChangePolicy',
    'seLinuxChangePolicy',
    'supplementalGroups',
    'supplementalGroupsPolicy',
    'sysctls',
  ),
  securityContext: withKeys(
    ...SECURITY,
    'allowPrivilegeEscalation',
    'capabilities',
    'privileged',
    'procMount',
    'readOnlyRootFilesystem',
  ),
  tmpSizeLimit: TEXT_OR_NUMBER,
  preStopSleepSeconds: whole(0, 300),
  '*.periodSeconds': whole(1, 3600),
  '*.timeoutSeconds': whole(1, 3600),
  '*.failureThreshold': whole(1, 1000),
  'topologySpread.topologyKeys': { ...listOf(NOT_EMPTY), minItems: 1 },
  'topologySpread.maxSkew': whole(1, 100),
  'topologySpread.whenUnsatisfiable': oneOf('ScheduleAnyway', 'DoNotSchedule'),
  nodeSelector: TEXTS,
  tolerations: OBJECTS,
  dnsPolicy: oneOf('', 'ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'),
  dnsConfig: withKeys('nameservers', 'searches', 'options'),
  affinity: withKeys('nodeAffinity', 'podAffinity', 'podAntiAffinity'),
  'service.*.port': PORT,
  'service.*.trafficDistribution': oneOf(
    '',
    'PreferClose',
    'PreferSameZone',
    'PreferSameNode',
  ),
  'service.*.annotations': TEXTS,
  'ingress.annotations': TEXTS,
  'httpRoute.annotations': TEXTS,
  'httpRoute.parentRefs': listOf({ type: 'object', required: ['name'] }),
  'httpRoute.hostnames': listOf(TEXT),
  'networkPolicy.*From': OBJECTS,
  'networkPolicy.extra*': OBJECTS,
  'networkPolicy.*.to': OBJECTS,
  'networkPolicy.*.ports': listOf(PORT),
  'serviceAccount.annotations': TEXTS,
  '*.labels': TEXTS,
  '*.relabelings': OBJECTS,
  '*.metricRelabelings': OBJECTS,
  'prometheusRule.disabledAlerts': listOf(TEXT),
  'prometheusRule.alertLabels': TEXTS,
  'grafanaDashboard.annotations': TEXTS,
  'strimzi.user.authentication': oneOf('scram-sha-512', 'tls'),
  extraEnv: listOf({ type: 'object', required: ['name'] }),
  extraEnvFrom: OBJECTS,
  extraVolumes: listOf({ type: 'object', required: ['name'] }),
  extraVolumeMounts: listOf({ type: 'object', required: ['name', 'mountPath'] }),
  extraContainers: listOf({ type: 'object', required: ['name', 'image'] }),
  initContainers: listOf({ type: 'object', required: ['name', 'image'] }),
  extraObjects: listOf({ type: ['object', 'string'] }),
};
