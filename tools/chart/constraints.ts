/**
 * What may stand at a path of the values, beyond the type that values.yaml shows; `*` is any key. No patterns for what
 * may hold a secret: helm prints the value beside the pattern, so the templates refuse it.
 */
export type Constraint = Readonly<Record<string, unknown>>;

const TEXT = { type: 'string' };
const whole = (minimum: number, maximum: number): Constraint => ({
  type: 'integer',
  minimum,
  maximum,
});
const oneOf = (...words: string[]): Constraint => ({ enum: words });
/** Go's regular expressions have no look-ahead, so neither have these. */
const text = (pattern: string): Constraint => ({ ...TEXT, pattern });
const listOf = (items: Constraint): Constraint => ({ type: 'array', items });
const mapOf = (items: Constraint): Constraint => ({
  type: 'object',
  additionalProperties: items,
});
const OBJECTS = listOf({ type: 'object' });
const PORT = whole(1, 65_535);
const DURATION = text('^([0-9]+(ms|s|m|h))+$');
const REST = '(:[0-9]{1,5})?(/[^?#\\s]*)?';
const LOOPBACK = '(localhost|127(\\.[0-9]{1,3}){3}|\\[::1\\])';
/** As `isBaseUrl` of src/config/parsers.ts: https, or http on loopback, without user, query and fragment. */
const BASE_URL = `(https://[^/?#@\\s:]+${REST}|https://\\[[0-9a-f:.]+\\]${REST}|http://${LOOPBACK}${REST})`;
const WEB_URL = '[a-z][a-z0-9+.-]*:[^\\s]+';
/** Beside a pattern: what may be a user and a password is not printed, and the templates refuse it. */
const LOGIN = '[^@]*@(.|\\s)*';
const NAME = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${NAME}(\\.${NAME})*`;
const orEmpty = (pattern: string): Constraint => text(`^(${pattern})?$`);
const LABELS = mapOf(text('^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$'));
const FREE_LABELS = mapOf(TEXT);
const QUANTITY = {
  type: ['string', 'number'],
  pattern: '^[0-9]+(\\.[0-9]+)?([a-zA-Z]{0,2})$',
};
/** What Kubernetes has in such an object: a misspelt key would be lost without a word. */
const withKeys = (...keys: string[]): Constraint => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(keys.map((key) => [key, {}])),
});

/** Of a pod's security context and of a container's. */
const SECURITY = [
  'appArmorProfile',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seLinuxOptions',
  'seccompProfile',
];

export const CONSTRAINTS: Readonly<Record<string, Constraint>> = {
  nameOverride: { ...orEmpty(NAME), maxLength: 63 },
  fullnameOverride: { ...orEmpty(`[a-z]([-a-z0-9]*[a-z0-9])?`), maxLength: 50 },
  commonLabels: LABELS,
  podLabels: LABELS,
  'image.registry': orEmpty('[A-Za-z0-9][A-Za-z0-9.:-]*'),
  'image.repository': text('^[a-z0-9]+([._/-]+[a-z0-9]+)*$'),
  'image.tag': orEmpty('[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}'),
  'image.digest': orEmpty('sha256:[0-9a-f]{64}'),
  'image.pullPolicy': oneOf('Always', 'IfNotPresent', 'Never'),
  imagePullSecrets: OBJECTS,

  'config.publicUrl': orEmpty(BASE_URL),
  'config.ackBudgetMs': whole(100, 60_000),
  'config.shutdownTimeoutMs': whole(100, 600_000),
  'config.logLevel': oneOf('debug', 'info', 'warn', 'error'),
  'config.kafka.brokers': listOf(text('^[^:,\\s]+:[0-9]{1,5}$')),
  'config.kafka.clientId': { ...TEXT, minLength: 1 },
  'config.kafka.queueMax': whole(1, 1_000_000),
  'config.kafka.sasl.mechanism': oneOf(
    '',
    'plain',
    'scram-sha-256',
    'scram-sha-512',
    'oauthbearer',
  ),
  'config.kafka.tls.enabled': { enum: ['auto', true, false] },
  'config.topics.prefix': text('^[a-zA-Z0-9_-]{1,64}$'),
  'config.topics.mode': oneOf('create', 'check'),
  'config.topics.partitions': whole(1, 1000),
  'config.topics.replication': whole(1, 32),
  'config.topics.minIsr': whole(1, 32),
  'config.topics.retentionHours': whole(1, 87_600),
  'config.signature.jwksUrl': text(`^(${WEB_URL}|${LOGIN})$`),
  'config.signature.jwksStaleHours': whole(1, 720),
  'config.token.maxAgeSeconds': whole(1, 86_400),
  'config.token.bodyHashClaim': { ...TEXT, minLength: 1 },
  'config.token.unboundBody': oneOf('confirm', 'refuse'),
  'config.dedupe.store': oneOf('log', 'redis', 'memory'),
  'config.dedupe.ttlHours': whole(25, 8760),
  'config.dedupe.onError': oneOf('', 'publish', 'refuse'),
  'config.dedupe.memoryMax': whole(1, 100_000_000),
  'config.redis.keyPrefix': text('^[a-zA-Z0-9_-]{1,64}$'),
  'config.gemini.url': text(`^(${WEB_URL}|${LOGIN})$`),
  'config.vault.kubernetesSecret': orEmpty('[a-z0-9][a-z0-9.-]{0,252}'),
  'config.webhooks.declared': listOf({
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: text('^[A-Za-z0-9 ._-]{1,64}$'),
      events: {
        ...listOf({
          ...TEXT,
          not: { enum: ['batch.cancelled', 'interaction.cancelled'] },
        }),
        minItems: 1,
      },
      url: text(`^${BASE_URL}$`),
    },
  }),
  // YAML takes a bare `off` for false.
  'config.webhooks.mode': { enum: ['ensure', 'report', 'off', false] },
  'config.webhooks.intervalSeconds': whole(1, 86_400),
  'config.webhooks.owner': orEmpty('[A-Za-z0-9._-]{1,64}'),
  'config.webhooks.reviveMax': whole(0, 100),
  'config.webhooks.rotateEveryDays': whole(0, 3650),
  'config.jobs.retentionHours': whole(1, 8760),
  'config.jobs.lookAfterSeconds': whole(1, 86_400),
  'config.jobs.settleSeconds': whole(1, 86_400),
  'config.jobs.giveUpSeconds': whole(1, 864_000),
  'config.jobs.callsPerMinute': whole(1, 100_000),
  'config.access.oidc.issuer': orEmpty(BASE_URL),
  'config.access.oidc.scopes': listOf(oneOf('jobs:write', 'jobs:read', 'webhooks:admin')),
  'config.access.oidc.subjects': listOf(text('^([ -)+\\x2d-~]+[*]?|[*])$')),
  'config.access.ratePerMinute': whole(0, 1_000_000),
  'config.tracing.endpoint': orEmpty(`https?://[^\\s]+|${LOGIN}`),
  'config.tracing.protocol': oneOf('http/protobuf', 'http/json'),
  'config.tracing.timeoutMs': whole(1, 600_000),
  'config.tracing.resourceAttributes': {
    ...mapOf(text('^[^,=\\s]+$')),
    propertyNames: { pattern: '^[^,=\\s]+$' },
  },
  'config.tracing.sampler': oneOf(
    '',
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ),
  'config.tracing.samplerArg': { type: ['string', 'number'] },

  'credentials.*.existingSecret.name': orEmpty(SUBDOMAIN),
  'credentials.*.existingSecret.key': orEmpty('[-._a-zA-Z0-9]+'),
  'config.tracing.headersSecret.name': orEmpty(SUBDOMAIN),
  'config.tracing.headersSecret.key': text('^[-._a-zA-Z0-9]+$'),

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
    anyOf: [whole(1, 1000), text('^([1-9]|[1-9][0-9])%$')],
  },
  'resources.requests': mapOf(QUANTITY),
  'resources.limits': mapOf(QUANTITY),
  'helmTest.resources.*': mapOf(QUANTITY),
  'helmTest.podLabels': LABELS,
  'helmTest.podAnnotations': FREE_LABELS,
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
  tmpSizeLimit: QUANTITY,
  preStopSleepSeconds: whole(0, 300),
  '*.periodSeconds': whole(1, 3600),
  '*.timeoutSeconds': whole(1, 3600),
  '*.failureThreshold': whole(1, 1000),
  'topologySpread.topologyKeys': { ...listOf({ ...TEXT, minLength: 1 }), minItems: 1 },
  'topologySpread.maxSkew': whole(1, 100),
  'topologySpread.whenUnsatisfiable': oneOf('ScheduleAnyway', 'DoNotSchedule'),
  nodeSelector: FREE_LABELS,
  tolerations: OBJECTS,
  dnsPolicy: oneOf('', 'ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'),
  podAnnotations: FREE_LABELS,
  commonAnnotations: FREE_LABELS,
  'service.*.port': PORT,
  'service.*.trafficDistribution': oneOf(
    '',
    'PreferClose',
    'PreferSameZone',
    'PreferSameNode',
  ),
  'service.*.annotations': FREE_LABELS,
  'ingress.annotations': FREE_LABELS,
  'ingress.host': orEmpty(`([*]\\.)?${SUBDOMAIN}`),
  'ingress.tls.secretName': orEmpty(SUBDOMAIN),
  'httpRoute.annotations': FREE_LABELS,
  'httpRoute.parentRefs': listOf({ type: 'object', required: ['name'] }),
  'httpRoute.hostnames': listOf(text(`^([*]\\.)?${SUBDOMAIN}$`)),
  'networkPolicy.*From': OBJECTS,
  'networkPolicy.extra*': OBJECTS,
  'networkPolicy.*.to': OBJECTS,
  'networkPolicy.*.ports': listOf(PORT),
  'serviceAccount.annotations': FREE_LABELS,
  'serviceAccount.name': orEmpty(SUBDOMAIN),
  '*.labels': FREE_LABELS,
  '*.interval': DURATION,
  '*.scrapeTimeout': DURATION,
  '*.relabelings': OBJECTS,
  '*.metricRelabelings': OBJECTS,
  'prometheusRule.disabledAlerts': listOf(TEXT),
  'prometheusRule.alertLabels': FREE_LABELS,
  'prometheusRule.runbookBaseUrl': orEmpty('https?://[^\\s]+'),
  'grafanaDashboard.annotations': FREE_LABELS,
  'strimzi.apiVersion': text('^kafka\\.strimzi\\.io/v[0-9a-z]+$'),
  'strimzi.cluster': orEmpty(NAME),
  'strimzi.namespace': orEmpty(NAME),
  'strimzi.user.name': text(`^${SUBDOMAIN}$`),
  'strimzi.user.authentication': oneOf('scram-sha-512', 'tls'),
  extraEnv: listOf({ type: 'object', required: ['name'] }),
  extraEnvFrom: OBJECTS,
  extraVolumes: listOf({ type: 'object', required: ['name'] }),
  extraVolumeMounts: listOf({ type: 'object', required: ['name', 'mountPath'] }),
  extraContainers: listOf({ type: 'object', required: ['name', 'image'] }),
  initContainers: listOf({ type: 'object', required: ['name', 'image'] }),
  extraObjects: listOf({ type: ['object', 'string'] }),
  affinity: withKeys('nodeAffinity', 'podAffinity', 'podAntiAffinity'),
  dnsConfig: withKeys('nameservers', 'searches', 'options'),
};
