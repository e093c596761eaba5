import { expect, it } from '@jest/globals';
import { Metrics } from '../../../src/infrastructure/metrics/metrics.js';
import { DEDUPE_CALLS } from '../../../src/publishing/dedupe-store.js';
import { PUBLISH_FAULTS } from '../../../src/publishing/event-publisher.js';
import {
  observeProducer,
  observePublications,
} from '../../../src/publishing/publishing.metrics.js';

it('the counters of publishing have all their series at 0 from the start', async () => {
  const metrics = new Metrics();
  observeProducer(metrics, 'p', () => 0);
  observePublications(metrics, () => 0);
  const text = await metrics.registry.metrics();
  for (const fault of PUBLISH_FAULTS) {
    expect(text).toContain(`gemini_bridge_publish_failures_total{fault="${fault}"} 0\n`);
  }
  expect(text).toContain('gemini_bridge_accepted_total{topic="p.batch.succeeded"} 0\n');
  for (const call of DEDUPE_CALLS) {
    expect(text).toContain(`gemini_bridge_dedupe_errors_total{call="${call}"} 0\n`);
  }
});
