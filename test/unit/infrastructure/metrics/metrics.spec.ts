import { describe, expect, it } from '@jest/globals';
import { Metrics } from '../../../../src/infrastructure/metrics/metrics.js';

const shown = async (metrics: Metrics, name: string) =>
  (await metrics.registry.getSingleMetricAsString(`gemini_bridge_${name}`)).split('\n');

describe('verified()', () => {
  it('observes the age in whole seconds, and 0 when the sender’s clock is ahead', async () => {
    const metrics = new Metrics();
    const now = Math.floor(Date.now() / 1000);
    metrics.verified(String(now - 7), performance.now());
    metrics.verified(String(now + 40), performance.now());
    const lines = await shown(metrics, 'arrival_age_seconds');
    expect(lines).toEqual(
      expect.arrayContaining([
        'gemini_bridge_arrival_age_seconds_bucket{le="1"} 1',
        'gemini_bridge_arrival_age_seconds_bucket{le="5"} 1',
        'gemini_bridge_arrival_age_seconds_bucket{le="10"} 2',
        'gemini_bridge_arrival_age_seconds_count 2',
      ]),
    );
  });
});

describe('observeKeys()', () => {
  it('shows the keys by their source', async () => {
    const metrics = new Metrics();
    metrics.observeKeys('google', { ageSeconds: 3, isFailing: false });
    metrics.observeKeys('issuer', { ageSeconds: -1, isFailing: true });
    expect(await shown(metrics, 'jwks_failing')).toEqual(
      expect.arrayContaining([
        'gemini_bridge_jwks_failing{source="google"} 0',
        'gemini_bridge_jwks_failing{source="issuer"} 1',
      ]),
    );
  });
});
