import { Injectable } from '@nestjs/common';
import type { DedupeConfig } from '../config/config.js';
import { InjectConfig } from '../config/inject-config.js';
import { DedupeStore } from '../publishing/dedupe-store.js';
import { TopicHistory } from '../publishing/topic-history.js';
import { Metrics } from '../infrastructure/metrics/metrics.js';
import { ShutdownState } from '../infrastructure/process/shutdown-state.js';
import { EventPublisher } from '../publishing/event-publisher.js';
import { SignatureVerifier } from '../signature/signature-verifier.js';

/** Collects the reasons why a delivery cannot be answered 200. */
@Injectable()
export class Readiness {
  constructor(
    private readonly publisher: EventPublisher,
    private readonly dedupe: DedupeStore,
    private readonly history: TopicHistory,
    private readonly verifier: SignatureVerifier,
    private readonly shutdown: ShutdownState,
    metrics: Metrics,
    @InjectConfig('dedupe') private readonly dedupeConfig: DedupeConfig,
  ) {
    // Kubernetes sends no deliveries to an unready replica, so no refusals show its state
    metrics.observe('ready', '1 while deliveries can be answered 200', () =>
      Object.keys(this.missing).length === 0 ? 1 : 0,
    );
  }

  /** Missing part to reason; empty when the process is ready. */
  get missing(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    if (this.shutdown.isDraining) found['shutdown'] = 'the process is about to end';
    if (this.publisher.unready) found['kafka'] = this.publisher.unready;
    if (this.history.unready) found['log'] = this.history.unready;
    if (this.verifier.unready) found['keys'] = this.verifier.unready;
    const { onError } = this.dedupeConfig;
    if (this.dedupe.unready && onError === 'refuse')
      found['dedupe'] = this.dedupe.unready;
    return found;
  }
}
