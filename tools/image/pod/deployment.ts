import { setTimeout as sleep } from 'node:timers/promises';
import type { Image } from '../image.js';
import { Pod, type PodEnd } from './pod.js';
import type { Namespace, PodSpec } from './spec.js';

/** Until all gateways know that a pod is about to end: they go on sending to it for so long. */
const ENDPOINTS_LAG_MS = 1000;

/** Pods of one spec, replaced as `maxSurge: 1, maxUnavailable: 0` says. */
export class Deployment implements AsyncDisposable {
  /** All that were ever started, oldest first. */
  readonly started: Pod[] = [];
  private pods: Pod[] = [];

  /** @param route told of the pods that get requests, at each change. */
  constructor(
    private readonly spec: PodSpec,
    private readonly namespace: Namespace,
    private readonly image: Image,
    private readonly route: (pods: readonly Pod[]) => void,
  ) {}

  get current(): readonly Pod[] {
    return this.pods;
  }

  async scale(replicas: number): Promise<void> {
    while (this.pods.length < replicas) await this.add();
  }

  /** Each pod is replaced by a new one; how the old ones ended. */
  async restart(): Promise<PodEnd[]> {
    const ends: Promise<PodEnd>[] = [];
    const before = this.pods;
    for (const old of before) {
      await this.add();
      this.pods = this.pods.filter((pod) => pod !== old);
      const end = old.terminate();
      ends.push(end);
      await sleep(ENDPOINTS_LAG_MS);
      this.route(this.pods);
    }
    return Promise.all(ends);
  }

  /** The Secrets of the namespace were changed: kubelet brings them to every pod. */
  async updateSecrets(): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.update(this.namespace)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.started.map((pod) => pod[Symbol.asyncDispose]()));
  }

  private async add(): Promise<void> {
    const pod = await Pod.start(this.spec, this.namespace, this.image);
    this.started.push(pod);
    await pod.ready();
    this.pods = [...this.pods, pod];
    this.route(this.pods);
  }
}
