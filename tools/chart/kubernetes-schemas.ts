import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { zipEntries } from '../../packages/testbed/src/process/zip.js';
import { closeSchema, type Schema } from './closed-schema.js';

// Rewrites test/deployment/chart/schemas: `npx tsx tools/chart/kubernetes-schemas.ts`. Needs Go, because Go modules contain the schemas.

const TARGET = join(
  import.meta.dirname,
  '..',
  '..',
  'test',
  'deployment',
  'chart',
  'schemas',
);
const KUBERNETES = 'k8s.io/kubernetes';
const VERSIONS = { '1.35': 'v1.35.4', '1.36': 'v1.36.3', '1.37': 'v1.37.2' };

/** The names of the definitions for the kinds that the chart renders. */
const KINDS = [
  'io.k8s.api.apps.v1.Deployment',
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  'io.k8s.api.core.v1.ConfigMap',
  'io.k8s.api.core.v1.Pod',
  'io.k8s.api.core.v1.Secret',
  'io.k8s.api.core.v1.Service',
  'io.k8s.api.core.v1.ServiceAccount',
  'io.k8s.api.networking.v1.Ingress',
  'io.k8s.api.networking.v1.NetworkPolicy',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
  'io.k8s.api.rbac.v1.Role',
  'io.k8s.api.rbac.v1.RoleBinding',
];

const MONITORING = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
const MONITORING_FOLDER = 'example/prometheus-operator-crd/monitoring.coreos.com_';
const GATEWAY = 'sigs.k8s.io/gateway-api@v1.7.0';
const RESOURCES = [
  [GATEWAY, 'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  [MONITORING, `${MONITORING_FOLDER}servicemonitors.yaml`],
  [MONITORING, `${MONITORING_FOLDER}podmonitors.yaml`],
  [MONITORING, `${MONITORING_FOLDER}prometheusrules.yaml`],
] as const;

interface Definition extends Schema {
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

interface ResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

mkdirSync(TARGET, { recursive: true });
for (const [minor, version] of Object.entries(VERSIONS)) {
  const swagger = fileOf(`${KUBERNETES}@${version}`, 'api/openapi-spec/swagger.json');
  write(`kubernetes-${minor}`, kubernetesSchemas(swagger));
}
write('resources', Object.fromEntries(RESOURCES.flatMap(resourceSchemas)));

/** The schemas by `apiVersion/kind`, and all definitions that they refer to. */
function kubernetesSchemas(swagger: string): object {
  const { definitions } = JSON.parse(swagger) as {
    definitions: Record<string, Definition>;
  };
  const wanted = new Set(KINDS);
  const kept: Record<string, unknown> = {};
  const refTo = (ref: string): string => {
    const name = ref.replace('#/definitions/', '');
    wanted.add(name);
    return `#/$defs/${name}`;
  };
  for (const name of wanted) kept[name] = definition(name, definitions[name], refTo);
  const kinds = KINDS.map((name) => {
    const {
      group = '',
      version,
      kind,
    } = definitions[name]?.['x-kubernetes-group-version-kind']?.[0] ?? {};
    return [
      [group, version, kind].filter(Boolean).join('/'),
      { $ref: `#/$defs/${name}` },
    ];
  });
  return { ...(Object.fromEntries(kinds) as object), $defs: kept };
}

function definition(
  name: string,
  schema: Definition = {},
  refTo: (ref: string) => string,
): Schema {
  // The server accepts a number as a quantity, too.
  if (name.endsWith('.Quantity')) return { type: ['string', 'number'] };
  return closeSchema(schema, refTo);
}

function resourceSchemas([module, path]: (typeof RESOURCES)[number]): [string, Schema][] {
  const { spec } = parse(fileOf(module, path)) as ResourceDefinition;
  return spec.versions.map(({ name, schema }) => [
    [spec.group, name, spec.names.kind].join('/'),
    withMetadata(closeSchema(schema.openAPIV3Schema, (ref) => ref)),
  ]);
}

/** Adds the schema of the metadata, which a custom resource's own schema leaves open. */
function withMetadata(schema: Schema): Schema {
  const text = { type: 'string' };
  const texts = { type: 'object', additionalProperties: text };
  const members = { name: text, namespace: text, labels: texts, annotations: texts };
  const metadata = { type: 'object', properties: members, additionalProperties: false };
  return { ...schema, properties: { ...(schema['properties'] as object), metadata } };
}

/** Reads a file of a module from its archive, so that the module may need a later Go than the installed one. */
function fileOf(module: string, path: string): string {
  const { Zip } = JSON.parse(download(module)) as { Zip: string };
  const content = zipEntries(readFileSync(Zip)).get(`${module}/${path}`);
  if (!content) throw new Error(`${module} has no ${path}`);
  return content().toString('utf8');
}

function download(module: string): string {
  try {
    return execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' });
  } catch (error) {
    // Go downloads the module before it finds that the module needs a later Go.
    const { stdout = '' } = error as { stdout?: string };
    if (stdout.includes('"Zip"')) return stdout;
    throw error;
  }
}

function write(name: string, schemas: object): void {
  const text = JSON.stringify(schemas);
  writeFileSync(join(TARGET, `${name}.json`), `${text}\n`);
}
