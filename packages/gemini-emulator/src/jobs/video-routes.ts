import { jsonBody, pageQuery, route, type Call, type Route } from '../api/http.js';
import type { JobStore } from './jobs.js';
import { id, modelOperation, modelOperations, resource } from '../api/paths.js';

/** Routes of videos. Assumption: their operations can be listed and cancelled, like other operations of the API. */
export function videoRoutes(jobs: JobStore): Route[] {
  const create = async (call: Call) => {
    const { name } = await jobs.create('video', jsonBody(call), id(call));
    return { body: { name } };
  };
  return [
    route('videos.create', 'POST', resource('models', ':predictLongRunning'), create),
    route('videos.list', 'GET', modelOperations(), (call) => {
      const model = `models/${id(call)}`;
      return {
        body: jobs.list('operations', pageQuery(call), (job) => job.model === model),
      };
    }),
    route('videos.get', 'GET', modelOperation(), (call) => ({
      body: jobs.shown(jobs.get(operationName(call))),
    })),
    route('videos.cancel', 'POST', modelOperation(':cancel'), (call) => {
      jobs.cancel(operationName(call));
      return {};
    }),
  ];
}

function operationName(call: Call): string {
  return `models/${call.path['model']}/operations/${id(call)}`;
}
