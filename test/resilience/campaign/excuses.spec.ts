import { describe, expect, it } from '@jest/globals';
import { excusesOf } from './excuses.js';
import type { FaultSpan } from './journal.js';

const ACK_BUDGET_MS = 2000;

function fault(name: string, from: number, to: number): FaultSpan {
  return { name, target: 'any', from, to };
}

function names(store: 'log' | 'redis' | 'memory', ...faults: FaultSpan[]): string[] {
  return excusesOf(store, faults, ACK_BUDGET_MS).map(({ name }) => name);
}

describe('the excuse of a second record', () => {
  it('can only be a wrong clock with the store log', () => {
    const all = [
      fault('replica-kill', 1000, 2000),
      fault('broker-hang', 1000, 20_000),
      fault('redis-wipe', 1000, 1000),
      fault('replica-stop', 1000, 20_000),
    ];
    expect(names('log', ...all)).toEqual([]);
    expect(names('log', ...all, fault('clock-skew', 1, 2))).toEqual(['clock']);
  });

  it('with the store memory, can be the end of the process', () => {
    const [excuse] = excusesOf('memory', [fault('replica-term', 50_000, 60_000)], 2000);
    expect(excuse).toMatchObject({ name: 'memory: the process ended', forgets: true });
    expect(
      names('memory', fault('broker-kill', 1, 2), fault('replica-stop', 1, 2)),
    ).toEqual([]);
  });

  it('can be a replaced producer, except with the store log', () => {
    const refused = fault('message-too-large', 1000, 2000);
    expect(names('log', refused)).toEqual([]);
    expect(names('redis', refused)).toEqual(['the producer was replaced']);
    expect(names('memory', refused)).toEqual(['the producer was replaced']);
  });

  it('can be a Redis that lost its keys or could not be reached, with the store redis', () => {
    const [wiped] = excusesOf('redis', [fault('redis-wipe', 50_000, 50_000)], 2000);
    expect(wiped).toMatchObject({ forgets: true });
    const [hung] = excusesOf('redis', [fault('redis-hang', 50_000, 52_000)], 2000);
    expect(hung).toMatchObject({ forgets: false });
  });

  it('can be a replica that stood still longer than its claim, with the store redis', () => {
    expect(names('redis', fault('replica-stop', 1000, 3000))).toEqual([]);
    expect(names('redis', fault('replica-stop', 1000, 9000))).toEqual([
      'a replica stood still',
    ]);
    expect(names('redis', fault('replica-stall', 1000, 12_000))).toEqual([
      'a replica stood still',
    ]);
  });

  it('can be a process that was killed before Kafka had answered, with the store redis', () => {
    const hung = fault('broker-hang', 20_000, 30_000);
    expect(names('redis', hung)).toEqual([]);
    expect(names('redis', hung, fault('replica-kill', 25_000, 27_000))).toEqual([
      'killed between produce and confirm',
      'killed while Kafka owed an answer',
    ]);
    expect(names('redis', hung, fault('replica-kill', 90_000, 91_000))).toEqual([
      'killed between produce and confirm',
    ]);
  });
});
