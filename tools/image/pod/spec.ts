import { z } from 'zod';

const text = z.record(z.string(), z.string());
const item = z.strictObject({ key: z.string(), path: z.string() });

const environmentValue = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .strictObject({
      secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }),
    })
    .optional(),
});

const httpProbe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.string() }),
  failureThreshold: z.int().default(3),
  periodSeconds: z.int().default(10),
  timeoutSeconds: z.int().default(1),
});

const volume = z.strictObject({
  name: z.string(),
  emptyDir: z.strictObject({ sizeLimit: z.string().regex(/^\d+Mi$/) }).optional(),
  projected: z
    .strictObject({
      defaultMode: z.int(),
      sources: z.array(
        z.strictObject({
          secret: z.strictObject({ name: z.string(), items: z.array(item) }),
        }),
      ),
    })
    .optional(),
});

const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  imagePullPolicy: z.string(),
  command: z.array(z.string()).optional(),
  terminationMessagePolicy: z.string().optional(),
  // The sandbox enforces these anyway; a pod that does not ask for them is refused
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  env: z.array(environmentValue).default([]),
  envFrom: z
    .array(z.strictObject({ configMapRef: z.strictObject({ name: z.string() }) }))
    .default([]),
  volumeMounts: z.array(
    z.strictObject({
      name: z.string(),
      mountPath: z.string(),
      readOnly: z.boolean().default(false),
    }),
  ),
  ports: z
    .array(z.strictObject({ name: z.string(), containerPort: z.int() }))
    .default([]),
  startupProbe: httpProbe.optional(),
  livenessProbe: httpProbe.optional(),
  readinessProbe: httpProbe.optional(),
  lifecycle: z
    .strictObject({
      preStop: z.strictObject({ sleep: z.strictObject({ seconds: z.int() }) }),
    })
    .optional(),
  resources: z.unknown().optional(),
});

/**
 * The part of a pod's spec that `Pod` carries out. Fields without an effect on one machine (placement,
 * limits) are ignored. Any other unknown field is refused: a test must not pass because it was overlooked.
 */
export const podSpec = z
  .strictObject({
    containers: z.tuple([container]),
    volumes: z.array(volume),
    securityContext: z.strictObject({
      runAsNonRoot: z.literal(true),
      runAsUser: z.int().min(1),
      runAsGroup: z.int().min(1),
      fsGroup: z.int(),
      seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
    }),
    terminationGracePeriodSeconds: z.int().default(30),
    automountServiceAccountToken: z.literal(false),
    enableServiceLinks: z.boolean(),
    serviceAccountName: z.string(),
    topologySpreadConstraints: z.unknown().optional(),
    restartPolicy: z.string().default('Always'),
  })
  .readonly();

export type PodSpec = z.output<typeof podSpec>;
export type Container = PodSpec['containers'][0];
export type Probe = z.output<typeof httpProbe>;

/** The objects of the namespace that pods refer to, by name. */
export interface Namespace {
  readonly configMaps: Readonly<Record<string, z.output<typeof text>>>;
  readonly secrets: Record<string, z.output<typeof text>>;
}

/** @throws {Error} naming the missing object or key. */
export function valueOf(
  objects: Readonly<Record<string, Readonly<Record<string, string>>>>,
  name: string,
  key: string,
): string {
  const value = objects[name]?.[key];
  if (value === undefined) throw new Error(`there is no ${name} with ${key}`);
  return value;
}

/** The variables of the container, composed as kubelet does. */
export function environmentOf(
  { env, envFrom }: Container,
  { configMaps, secrets }: Namespace,
): Record<string, string> {
  const maps = envFrom.map(({ configMapRef: { name } }) => {
    const data = configMaps[name];
    if (!data) throw new Error(`there is no ConfigMap ${name}`);
    return data;
  });
  const own = env.map(({ name, value = '', valueFrom }) => {
    const ref = valueFrom?.secretKeyRef;
    return [name, ref ? valueOf(secrets, ref.name, ref.key) : value];
  });
  return Object.assign({}, ...maps, Object.fromEntries(own)) as Record<string, string>;
}
