import { setTimeout as sleep } from 'node:timers/promises';
import type { Image } from '../image.js';
import { Pod, type PodEnd } from './pod.js';
import type { Namespace, PodSpec } from './spec.js';

/** Gateways send to an ending pod for this long, until all of them know. */
const ENDPOINTS_LAG_MS = 1000;

/** Pods of one spec. An update replaces them as with `maxSurge: 1, maxUnavailable: 0`. */
export class Deployment implements AsyncDisposable {
  /** All pods that were ever started, oldest first. */
  readonly started: Pod[] = [];
  private pods: Pod[] = [];

  /** @param route called at each change with the pods that get requests. */
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

  /** Replaces each pod by a new one. Returns how the old ones ended. */
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

  /** Updates the Secrets of every pod, as kubelet does. */
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
