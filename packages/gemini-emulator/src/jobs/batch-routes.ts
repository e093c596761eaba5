import { batchCreateOfGuide } from '../api/guide.js';
import { jsonBody, pageQuery, route, type Call, type Route } from '../api/http.js';
import type { JobKind } from './job.js';
import type { JobStore } from './jobs.js';
import type { Json } from '../json.js';
import type { EmulatorOptions } from '../options.js';
import { collection, id, resource } from '../api/paths.js';

export function batchRoutes(jobs: JobStore, options: EmulatorOptions): Route[] {
  const one = resource('batches');
  const create = async (kind: JobKind, call: Call, body: Json) => ({
    body: jobs.shown(await jobs.create(kind, body, id(call))),
  });
  const embed = resource('models', ':asyncBatchEmbedContent');
  const ofGuide = (call: Call) =>
    create('batch', call, batchCreateOfGuide(jsonBody(call)));
  return [
    route('batches.create', 'POST', resource('models', ':batchGenerateContent'), (call) =>
      create('batch', call, jsonBody(call)),
    ),
    ...(options.guideCompat
      ? [route('batches.create', 'POST', resource('models', ':batchCreate'), ofGuide)]
      : []),
    route('embeddings.create', 'POST', embed, (call) =>
      create('embedding', call, jsonBody(call)),
    ),
    route('batches.list', 'GET', collection('batches'), (call) => ({
      body: jobs.list('batches', pageQuery(call)),
    })),
    route('batches.get', 'GET', one, (call) => ({
      body: jobs.shown(jobs.get(name(call))),
    })),
    route('batches.cancel', 'POST', resource('batches', ':cancel'), (call) => {
      jobs.cancel(name(call));
      return {};
    }),
    route('batches.delete', 'DELETE', one, (call) => {
      jobs.delete(name(call));
      return {};
    }),
  ];
}

function name(call: Call): string {
  return `batches/${id(call)}`;
}
