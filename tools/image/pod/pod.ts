import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { startContainer } from '../container.js';
import type { Image } from '../image.js';
import type { Exit } from '../../../packages/testbed/src/process/spawn.js';
import {
  temporaryFolder,
  type TemporaryFolder,
} from '../../../packages/testbed/src/process/temporary-folder.js';
import type { SandboxProcess } from '../sandbox/sandbox.js';
import { untilStarted, watch, type Probed } from './probe.js';
import { environmentOf, type Container, type Namespace, type PodSpec } from './spec.js';
import { PodVolumes } from './volumes.js';

/** Pods share the network of this machine, so each listens on ports that the kernel chooses. */
const OWN_NETWORK = { PORT: '0', INTERNAL_PORT: '0', HOST: '127.0.0.1' };
const POLL_MS = 50;

const LISTENING = z.object({
  message: z.literal('listening'),
  port: z.number(),
  internalPort: z.number(),
});

/** How a pod ended. */
export interface PodEnd extends Exit {
  /** True when the pod did not end within the grace period. */
  readonly isKilled: boolean;
}

/**
 * A pod of one container, run as kubelet runs it: with the variables, volumes, probes and grace period
 * of its spec, on the image's tree, under the restrictions that the spec asks for.
 */
export class Pod implements AsyncDisposable {
  /** How often the liveness or startup probe failed, for which kubelet restarts a container. */
  deaths = 0;
  isReady = false;
  private readonly ended = new AbortController();
  private readonly readiness: (() => void)[] = [];

  private constructor(
    private readonly spec: PodSpec,
    private readonly container: SandboxProcess,
    private readonly volumes: PodVolumes,
    private readonly folder: TemporaryFolder,
  ) {}

  static async start(spec: PodSpec, namespace: Namespace, image: Image): Promise<Pod> {
    const folder = await temporaryFolder('gemini-kafka-bridge-pod');
    const volumes = await PodVolumes.create(spec, namespace, folder.path);
    const [container] = spec.containers;
    const { runAsUser: uid, runAsGroup: gid, fsGroup } = spec.securityContext;
    const started = await startContainer(image, {
      ...(container.command && { command: container.command }),
      env: { ...environmentOf(container, namespace), ...OWN_NETWORK },
      mounts: volumes.mountsOf(container),
      uid,
      gid,
      groups: [fsGroup],
    });
    const pod = new Pod(spec, started, volumes, folder);
    void pod.probe(container);
    return pod;
  }

  get pid(): number {
    return this.container.pid;
  }

  get lines(): readonly string[] {
    return this.container.lines;
  }

  get exited(): Promise<Exit> {
    return this.container.exited;
  }

  /** Base URL of a port, by its name in the spec; undefined until the container listens. */
  url(port: string): string | undefined {
    const ports = this.lines.map(listening).find((found) => found !== undefined);
    const found = port === 'public' ? ports?.port : ports?.internalPort;
    return found === undefined ? undefined : `http://127.0.0.1:${found}`;
  }

  /** Resolves when it is ready. @throws {Error} with its last lines when it ends before. */
  async ready(): Promise<void> {
    if (this.isReady) return;
    const ready = new Promise<true>((resolve) => {
      this.readiness.push(() => resolve(true));
    });
    const isReady = await Promise.race([ready, this.exited.then(() => false)]);
    if (!isReady) throw new Error(`the pod ended:\n${this.lines.slice(-20).join('\n')}`);
  }

  /** Writes changed Secrets and ConfigMaps into the volumes. */
  update(namespace: Namespace): Promise<void> {
    return this.volumes.update(namespace);
  }

  /** Ends the pod as its deletion does: preStop, SIGTERM, and SIGKILL after the grace period. */
  async terminate(): Promise<PodEnd> {
    const { terminationGracePeriodSeconds: graceSeconds, containers } = this.spec;
    const preStopSeconds = containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
    let isKilled = false;
    const grace = setTimeout(() => {
      isKilled = true;
      this.container.kill('SIGKILL');
    }, graceSeconds * 1000);
    await sleep(preStopSeconds * 1000);
    this.ended.abort();
    this.container.kill('SIGTERM');
    const exit = await this.exited;
    clearTimeout(grace);
    await this.folder.remove();
    return { ...exit, isKilled };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended.abort();
    await this.container[Symbol.asyncDispose]();
    await this.folder.remove();
  }

  private async probe(container: Container): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const { signal } = this.ended;
    const probed = (port: string): Probed => {
      const url = () => this.url(port);
      return {
        get url() {
          return url();
        },
        signal,
      };
    };
    const at = (probe: { httpGet: { port: string } }) => probed(probe.httpGet.port);
    void this.exited.then(() => this.ended.abort());
    if (startupProbe) {
      while (this.url(startupProbe.httpGet.port) === undefined && !signal.aborted) {
        await sleep(POLL_MS); // a request would be refused
      }
      await untilStarted(startupProbe, at(startupProbe)).catch(() => {
        this.deaths++;
      });
    }
    if (livenessProbe) {
      void watch(livenessProbe, at(livenessProbe), (well) => {
        if (!well) this.deaths++;
      });
    }
    if (readinessProbe) {
      void watch(readinessProbe, at(readinessProbe), (well) => {
        this.isReady = well;
        if (well) for (const told of this.readiness.splice(0)) told();
      });
    }
  }
}

function listening(line: string): z.output<typeof LISTENING> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return LISTENING.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
