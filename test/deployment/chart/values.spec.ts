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
  it('has a comment for each key', () => {
    const silent = KEYS.filter(({ comment }) => comment === '');
    expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
  });

  it(`has the README that \`${WRITE}\` writes`, () => {
    expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toBe(chartReadme(KEYS));
  });

  it(`has the schema that \`${WRITE}\` writes`, () => {
    const schema: unknown = JSON.parse(
      readFileSync(join(CHART, 'values.schema.json'), 'utf8'),
    );
    expect(schema).toEqual(valuesSchema(KEYS));
  });

  it('has a schema that refuses unknown keys in every object', () => {
    expect(openObjects(valuesSchema(KEYS), '')).toEqual(['/global']);
  });
});

describe('every value has an effect', () => {
  const outcomes = new Map<string, Promise<string>>();
  /** The manifests, or the message with which the templates refuse the values. */
  const outcomeOf = (values: object): Promise<string> => {
    const text = JSON.stringify(values);
    const outcome = outcomes.get(text) ?? renderOrRefuse(values);
    outcomes.set(text, outcome);
    return outcome;
  };
  const leaves = KEYS.filter(({ isGroup }) => !isGroup).map(
    ({ path, value }) => [path.join('.'), path, value] as const,
  );

  // Starts all renderings, so that both cores are busy; each test awaits its own.
  beforeAll(() => {
    for (const [, path, value] of leaves) {
      const { before, after } = flipOf(path, value);
      for (const values of [before, after]) outcomeOf(values).catch(() => undefined);
    }
  });

  it('and two renderings of the same values are the same', async () => {
    const args = ['template', RELEASE, CHART, '-f', examplePath('everything')];
    const [one, other] = await Promise.all([helm(args), helm(args)]);
    expect(other.stdout).toBe(one.stdout);
  });

  it.each(leaves)('%s', async (name, path, value) => {
    const { before, after } = flipOf(path, value);
    const [was, is] = await Promise.all([before, after].map(outcomeOf));
    expect(is).not.toEqual(was);
    // Without config.access.open the chart refuses these values
    if (name !== 'config.access.open') expect(was).not.toContain('cannot work');
    expect(is).not.toContain('cannot work');
  });
});

async function renderOrRefuse(values: object): Promise<string> {
  try {
    return await renderedText(values);
  } catch (error) {
    const { message } = error as Error;
    if (message.includes('cannot work')) return message;
    throw error;
  }
}

/** The paths of objects whose schema restricts neither the keys nor the values at any key. */
function openObjects(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, additionalProperties: rest } = schema as Record<string, unknown>;
  const isOpen = type === 'object' && (rest === undefined || rest === true);
  // The items of lists are objects of Kubernetes, which its own schemas check.
  const inner = Object.entries(schema)
    .filter(([key]) => key !== 'items')
    .flatMap(([key, value]) =>
      openObjects(value, key === 'properties' ? path : `${path}/${key}`),
    );
  return isOpen ? [path, ...inner] : inner;
}
