import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { INITIALIZER } from '../../../../src/internal-api/openapi/swagger-ui.js';

type SampleOf = (
  schema: object,
  mediaType: string,
  config: object,
  example: unknown,
) => unknown;

interface Plugin {
  readonly afterLoad: (
    this: { fn: { getSampleSchema: SampleOf } },
    system: { fn: { getSampleSchema: SampleOf } },
  ) => void;
}

interface Options {
  readonly url: string;
  readonly validatorUrl: string | null;
  readonly plugins: (() => Plugin)[];
}

/** Stands for Swagger UI's own function, which quotes texts. */
const quoted: SampleOf = (_schema, _mediaType, _config, example) =>
  JSON.stringify(example);

/** The options with which the script starts Swagger UI. */
function optionsOf(script: string): Options {
  const started: Options[] = [];
  runInNewContext(script, {
    SwaggerUIBundle: (options: Options) => void started.push(options),
  });
  expect(started).toHaveLength(1);
  return started[0] as Options;
}

describe('the initializer of Swagger UI', () => {
  it('reads the document of the bridge and sends it to no validator', () => {
    expect(optionsOf(INITIALIZER)).toMatchObject({
      url: '/docs/openapi.json',
      validatorUrl: null,
    });
  });

  it('shows examples of JSONL as they are sent, and all others as Swagger UI does', () => {
    const [plugin] = optionsOf(INITIALIZER).plugins;
    const system = { fn: { getSampleSchema: quoted } };
    plugin?.().afterLoad.call(system, { fn: { getSampleSchema: quoted } });
    const sampleOf = (mediaType: string, example: unknown) =>
      system.fn.getSampleSchema({}, mediaType, {}, example);
    expect(sampleOf('application/jsonl', '{"key":"a"}\n')).toBe('{"key":"a"}\n');
    expect(sampleOf('application/json', 'text')).toBe('"text"');
    expect(sampleOf('application/jsonl', { key: 'a' })).toBe('{"key":"a"}');
  });
});
