import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Metrics } from '../../../../src/infrastructure/metrics/metrics.js';
import { ShutdownState } from '../../../../src/infrastructure/process/shutdown-state.js';
import { Admission } from '../../../../src/receiver/http/admission.js';

const ACK_BUDGET_MS = 4000;
const MAX_BODIES_WHILE_BEHIND = 16;

let shutdown: ShutdownState;
let metrics: Metrics;
let admission: Admission;

beforeEach(() => {
  shutdown = new ShutdownState();
  metrics = new Metrics();
  admission = new Admission(shutdown, metrics, ACK_BUDGET_MS);
});

afterEach(() => admission.onApplicationShutdown());

const now = (): number => performance.now();
/** A time at which the event loop's next beat is long overdue. */
const afterAStall = (): number => performance.now() + 60_000;

function begin(bodies: number): void {
  for (let i = 0; i < bodies; i++) admission.held.begin();
}

describe('Admission', () => {
  it('takes any number of deliveries while the event loop is in time', () => {
    begin(1000);
    expect(admission.refusalAt(now())).toBeUndefined();
  });

  it('takes only a few at a time while the event loop is behind', () => {
    begin(MAX_BODIES_WHILE_BEHIND - 1);
    expect(admission.refusalAt(afterAStall())).toBeUndefined();
    admission.held.begin();
    expect(admission.refusalAt(afterAStall())).toBe('overloaded');
    admission.held.end(0);
    expect(admission.refusalAt(afterAStall())).toBeUndefined();
  });

  it('takes none while the process ends', () => {
    shutdown.isDraining = true;
    expect(admission.refusalAt(now())).toBe('shutting-down');
  });

  it('shows how many bytes of bodies are held', async () => {
    admission.held.begin();
    admission.held.add(300);
    admission.held.begin();
    admission.held.add(100);
    admission.held.end(200);
    const text = await metrics.registry.metrics();
    expect(text).toContain('gemini_bridge_held_body_bytes 200');
  });
});
