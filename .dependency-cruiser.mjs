/**
 * The import rules of ARCHITECTURE.md. `npm run lint:imports` checks them, and `npm run graph` draws them.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */

const GROUND = ['config', 'events'];
const ADAPTERS = ['gemini', 'infrastructure'];
const BELOW_SERVICES = [...GROUND, ...ADAPTERS];
const SERVICES = ['internal-api', 'signature', 'publishing', 'signing-secrets'];
const BELOW_FEATURES = [...BELOW_SERVICES, ...SERVICES];
const FEATURES = ['receiver', 'webhooks', 'jobs'];

/** Each folder of `src` and the folders that its files may import besides their own. */
const MAY_IMPORT = {
  events: [],
  config: ['events'],

  infrastructure: GROUND,
  gemini: ['config', 'infrastructure'],

  'signing-secrets': BELOW_SERVICES,
  signature: [...BELOW_SERVICES, 'signing-secrets'],
  publishing: BELOW_SERVICES,
  'internal-api': [...BELOW_SERVICES, 'signing-secrets'],

  jobs: BELOW_FEATURES,
  webhooks: [...BELOW_FEATURES, 'jobs'],
  receiver: [...BELOW_FEATURES, 'jobs'],

  startup: BELOW_FEATURES,
  health: [...BELOW_FEATURES, ...FEATURES],
  cli: [...BELOW_FEATURES, ...FEATURES, 'startup'],
};

const goDown = Object.entries(MAY_IMPORT).map(([folder, below]) => ({
  name: `${folder}-imports-downwards`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...below].join('|')})/` },
}));

export default {
  forbidden: [
    ...goDown,
    {
      name: 'face-only',
      comment:
        'A folder is entered through the files at its top; its subfolders are its own.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/(?!infrastructure|internal-api)[^/]+/[^/]+/',
        pathNot: '^src/$1/',
      },
    },
    {
      name: 'face-only-of-parts',
      comment: 'Each part of infrastructure and internal-api is a folder of this kind.',
      severity: 'error',
      from: { path: '^src/([^/]+/[^/]+)' },
      to: {
        path: '^src/(infrastructure|internal-api)/[^/]+/[^/]+/',
        pathNot: ['^src/$1/', '^src/infrastructure/kafka/kafkajs/[^/]+$'],
      },
    },
    {
      name: 'kafkajs-inside',
      comment: 'A change of the client library touches these folders alone.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: '^src/(infrastructure/kafka|publishing/producer)/',
      },
      to: { path: '^node_modules/kafkajs/' },
    },
    {
      name: 'kafkajs-internals-inside',
      comment: 'Inner modules of kafkajs are known to its patches alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/infrastructure/kafka/kafkajs/' },
      to: {
        path: '^(node_modules/kafkajs/src/|src/infrastructure/kafka/kafkajs/internals)',
      },
    },
    {
      name: 'ioredis-inside',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/infrastructure/redis/' },
      to: { path: '^node_modules/ioredis/' },
    },
    {
      name: 'service-alone',
      comment: 'The service does not know its tests and tools.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(packages|tools|test|bench)/' },
    },
    {
      name: 'support-alone',
      comment: 'Shared helpers of tests know no test.',
      severity: 'error',
      from: { path: '^test/support/' },
      to: { path: '^test/(?!support/)' },
    },
    {
      name: 'packages-alone',
      comment: 'The emulator knows nothing of the service and its other packages.',
      severity: 'error',
      from: { path: '^packages/gemini-emulator/src/' },
      to: { path: '^(src|test|tools|bench|packages/testbed)/' },
    },
  ],
  options: {
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: '^dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
