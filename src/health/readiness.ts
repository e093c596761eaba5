import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { DedupeStore } from '../publishing/dedupe-store.js';
import { TopicHistory } from '../publishing/topic-history.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { ShutdownState } from '../infrastructure/process/shutdown-state.js';
import { EventPublisher } from '../publishing/event-publisher.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';

/** Whether a delivery could be answered 200. */
@Injectable()
export class Readiness {
  constructor(
    private readonly publisher: EventPublisher,
    private readonly dedupe: DedupeStore,
    private readonly log: TopicHistory,
    private readonly verifier: SignatureVerifier,
    private readonly shutdown: ShutdownState,
    metrics: Metrics,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    // Nobody is sent to replicas that are not ready, so their refusals cannot tell of it
    metrics.observe('ready', '1 while deliveries can be answered 200', () =>
      Object.keys(this.missing).length === 0 ? 1 : 0,
    );
  }

  /** What is missing, and why; empty when it is ready. */
  get missing(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    if (this.shutdown.isDraining) found['shutdown'] = 'the process is about to end';
    if (this.publisher.unready) found['kafka'] = this.publisher.unready;
    if (this.log.unready) found['log'] = this.log.unready;
    if (this.verifier.unready) found['keys'] = this.verifier.unready;
    const { onError } = this.config.dedupe;
    if (this.dedupe.unready && onError === 'refuse')
      found['dedupe'] = this.dedupe.unready;
    return found;
  }
}
