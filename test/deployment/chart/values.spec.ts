import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { helm } from '../../../tools/chart/helm.js';
import { chartReadme } from '../../../tools/chart/readme.js';
import { valuesSchema } from '../../../tools/chart/schema.js';
import { CHART, valuesKeys } from '../../../tools/chart/values-document.js';
import { RELEASE, renderedText } from './chart.js';
import { examplePath } from './examples.js';
import { flipOf } from './flips.js';

const KEYS = valuesKeys();
const WRITE = 'npx tsx tools/chart/write.ts';

describe('values.yaml', () => {
  it('says of each key what it is', () => {
    const silent = KEYS.filter(({ comment }) => comment === '');
    expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
  });

  it(`has the README that \`${WRITE}\` makes of it`, () => {
    expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toBe(chartReadme(KEYS));
  });

  it(`has the schema that \`${WRITE}\` makes of it`, () => {
    const schema: unknown = JSON.parse(
      readFileSync(join(CHART, 'values.schema.json'), 'utf8'),
    );
    expect(schema).toEqual(valuesSchema(KEYS));
  });

  it('has a schema that takes no other key, in any object', () => {
    expect(openObjects(valuesSchema(KEYS), '')).toEqual(['/global']);
  });
});

describe('every value does something', () => {
  const outcomes = new Map<string, Promise<string>>();
  /** The manifests; a refusal by the chart (not by the schema) is an outcome as well. */
  const outcomeOf = (values: object): Promise<string> => {
    const text = JSON.stringify(values);
    const outcome = outcomes.get(text) ?? outcomeBy(values);
    outcomes.set(text, outcome);
    return outcome;
  };
  const leaves = KEYS.filter(({ isGroup }) => !isGroup).map(
    ({ path, value }) => [path.join('.'), path, value] as const,
  );

  // All at once, so that no core is idle; each test then waits for its own.
  beforeAll(() => {
    for (const [, path, value] of leaves) {
      const { before, after } = flipOf(path, value);
      for (const values of [before, after]) outcomeOf(values).catch(() => undefined);
    }
  });

  it('and nothing else does', async () => {
    const args = ['template', RELEASE, CHART, '-f', examplePath('everything')];
    const [one, other] = await Promise.all([helm(args), helm(args)]);
    expect(other.stdout).toBe(one.stdout);
  });

  it.each(leaves)('%s', async (name, path, value) => {
    const { before, after } = flipOf(path, value);
    const [was, is] = await Promise.all([before, after].map(outcomeOf));
    expect(is).not.toEqual(was);
    // Only what opens the API is worth anything by itself
    if (name !== 'config.access.open') expect(was).not.toContain('cannot work');
    expect(is).not.toContain('cannot work');
  });
});

async function outcomeBy(values: object): Promise<string> {
  try {
    return await renderedText(values);
  } catch (error) {
    const { message } = error as Error;
    if (message.includes('cannot work')) return message;
    throw error;
  }
}

/** Where a schema of an object says neither which keys it has, nor what may stand at any key. */
function openObjects(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, additionalProperties: rest } = schema as Record<string, unknown>;
  const isOpen = type === 'object' && (rest === undefined || rest === true);
  // Of lists the items are Kubernetes's objects: its own schemas look at these.
  const inner = Object.entries(schema)
    .filter(([key]) => key !== 'items')
    .flatMap(([key, value]) =>
      openObjects(value, key === 'properties' ? path : `${path}/${key}`),
    );
  return isOpen ? [path, ...inner] : inner;
}
