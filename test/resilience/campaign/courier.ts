/** Sends single attempts to replicas and writes them into the journal. */
import { scopeOf, type Delivery } from './delivery.js';
import type { JobRoute } from './job-route.js';
import type { Attempt, Journal } from './journal.js';
import { Poster } from './poster.js';
import type { Random } from './random.js';
import {
  FORGERIES,
  RequestSigner,
  type Forgery,
  type SignedRequest,
} from './signed-request.js';
import type { Replica } from './target.js';

export interface CourierOptions {
  readonly replicas: () => readonly Replica[];
  readonly journal: Journal;
  /** Picks the replicas. */
  readonly random: Random;
  /** `whsec_…`, one of the bridge's secrets. */
  readonly secret: string;
  /** Absent: all deliveries go to the static route. */
  readonly job?: JobRoute | undefined;
}

type Sign = (base: string) => SignedRequest | Promise<SignedRequest>;
type LiveReplica = Replica & { readonly url: string };

export class Courier {
  private readonly signer: RequestSigner;
  private readonly poster = new Poster();
  private forged = 0;

  constructor(private readonly options: CourierOptions) {
    this.signer = new RequestSigner(options.secret, options.job);
  }

  /** Writes a delivery into the journal by its id. Call it before the first attempt. */
  announce(delivery: Delivery): void {
    const { journal } = this.options;
    const { id, body, key, topic, place } = delivery;
    journal.bodies.set(id, body);
    journal.keys.set(id, key);
    journal.topics.set(id, topic);
    journal.scopes.set(id, scopeOf(delivery));
    if (place) journal.order.set(id, place);
  }

  /** @returns true for an answer of 2xx. False without an attempt if the replica is down */
  deliver(
    delivery: Delivery,
    kind: Attempt['kind'],
    replica: number | undefined,
  ): Promise<boolean> {
    const sign: Sign = (base) => this.signer.genuine(base, delivery);
    return this.attempt(delivery, kind, replica, sign);
  }

  async forge(prefix: string, how: Forgery): Promise<void> {
    const id = `forged_${how}_${prefix}_${this.forged++}`;
    const body = Buffer.from(`{"type":"batch.succeeded","data":{"id":"batches/${id}"}}`);
    const delivery = { id, body, topic: '', key: '' };
    const sign: Sign = (base) => this.signer.forged(base, delivery, how);
    await this.attempt(delivery, 'forgery', this.pickReplica(), sign);
  }

  /** Index of a random replica that is up. It is `not` only if no other replica is up. */
  pickReplica(not?: number): number | undefined {
    const live = this.live().map(({ index }) => index);
    const others = live.filter((index) => index !== not);
    const choice = others.length > 0 ? others : live;
    return choice.length > 0 ? this.options.random.pick(choice) : undefined;
  }

  close(): void {
    this.poster.close();
  }

  private async attempt(
    { id, jobId }: Delivery,
    kind: Attempt['kind'],
    index: number | undefined,
    sign: Sign,
  ): Promise<boolean> {
    const replica = this.live().find((live) => live.index === index);
    if (!replica) return false;
    const answer = await this.poster.post(await sign(replica.url));
    this.options.journal.attempts.push({
      id,
      kind,
      route: jobId === undefined ? 'static' : 'job',
      replica: replica.index,
      ...answer,
    });
    return answer.status >= 200 && answer.status < 300;
  }

  private live(): LiveReplica[] {
    return this.options
      .replicas()
      .filter((replica): replica is LiveReplica => replica.url !== undefined);
  }
}

export function pickForgery(random: Random): Forgery {
  return random.pick(FORGERIES);
}
