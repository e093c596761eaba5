import type { BatchStore } from './batches.js';
import { operation } from './batch-operation.js';
import { batchCreateOfGuide } from './guide.js';
import { jsonBody, query, route, type Call, type Route } from './http.js';
import type { Json } from './json.js';
import type { EmulatorOptions } from './options.js';
import { collection, id, resource } from './paths.js';

export function batchRoutes(batches: BatchStore, options: EmulatorOptions): Route[] {
  const one = resource('batches');
  const create = async (call: Call, body: Json) => ({
    body: await batches.create(id(call), body),
  });
  const ofGuide = (call: Call) => create(call, batchCreateOfGuide(jsonBody(call)));
  return [
    route('batches.create', 'POST', resource('models', ':batchGenerateContent'), (call) =>
      create(call, jsonBody(call)),
    ),
    ...(options.guideCompat
      ? [route('batches.create', 'POST', resource('models', ':batchCreate'), ofGuide)]
      : []),
    route('batches.list', 'GET', collection('batches'), (call) => ({
      body: batches.list(query(call, 'page_size'), query(call, 'page_token')),
    })),
    route('batches.get', 'GET', one, (call) => ({
      body: operation(batches.get(id(call))),
    })),
    route('batches.cancel', 'POST', resource('batches', ':cancel'), (call) => {
      batches.cancel(id(call));
      return {};
    }),
    route('batches.delete', 'DELETE', one, (call) => {
      batches.delete(id(call));
      return {};
    }),
  ];
}
