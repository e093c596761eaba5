import { describe, expect, it } from '@jest/globals';
import {
  canonicalType,
  deadLetterTopic,
  jobsTopic,
  topicFor,
  topicNames,
} from '../../../src/events/event-topics.js';

const CATALOG = [
  ['batch.succeeded', 'gemini.batch.succeeded'],
  ['batch.completed', 'gemini.batch.succeeded'],
  ['batch.failed', 'gemini.batch.failed'],
  ['batch.expired', 'gemini.batch.expired'],
  ['batch.cancelled', 'gemini.batch.cancelled'],
  ['interaction.requires_action', 'gemini.interaction.requires_action'],
  ['interaction.completed', 'gemini.interaction.completed'],
  ['interaction.failed', 'gemini.interaction.failed'],
  ['interaction.cancelled', 'gemini.interaction.cancelled'],
  ['video.generated', 'gemini.video.generated'],
];

describe('the table of topics', () => {
  it.each([
    ...CATALOG,
    ['ping', 'gemini.other'],
    ['webhook.ping', 'gemini.other'],
    ['batch.SUCCEEDED', 'gemini.other'],
    ['batch', 'gemini.other'],
    ['bridge.dead-letter', 'gemini.other'],
    ['constructor', 'gemini.other'],
    ['__proto__', 'gemini.other'],
    ['', 'gemini.other'],
  ])('sends %s to %s', (type, topic) => {
    expect(topicFor(type, 'gemini')).toBe(topic);
  });

  it('maps both spellings of a type to one name', () => {
    expect(canonicalType('batch.completed')).toBe('batch.succeeded');
    expect(canonicalType('interaction.completed')).toBe('interaction.completed');
    expect(canonicalType('something.new')).toBe('something.new');
  });

  it('has every topic of a type, once', () => {
    const names = topicNames('acme');
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(names)).toEqual(
      new Set([
        ...CATALOG.map(([, topic]) => topic!.replace('gemini', 'acme')),
        'acme.other',
        'acme-bridge.jobs',
        'acme-bridge.dead-letter',
      ]),
    );
  });

  it('does not let the pattern of a subscriber match the own topics of the bridge', () => {
    expect(deadLetterTopic('gemini')).toBe('gemini-bridge.dead-letter');
    expect(jobsTopic('gemini')).toBe('gemini-bridge.jobs');
  });
});
