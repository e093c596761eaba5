import { ApiError } from '../api-error.js';
import {
  jsonBody,
  query,
  route,
  type Call,
  type Reply,
  type Route,
} from '../api/http.js';
import type { JobStore } from './jobs.js';
import { collection, id, resource } from '../api/paths.js';

/** Routes of interactions. The API has no list of them, so an interaction cannot be found without its id. */
export function interactionRoutes(jobs: JobStore): Route[] {
  const one = resource('interactions');
  const create = async (call: Call): Promise<Reply> => {
    const job = await jobs.create('interaction', jsonBody(call));
    const { webhookConfig } = job;
    // The live API was seen to repeat it here; `echo.interaction` decides about later answers
    const echo = webhookConfig ? { webhook_config: webhookConfig } : {};
    return { body: { ...jobs.shown(job), ...echo } };
  };
  return [
    route('interactions.create', 'POST', collection('interactions'), create),
    route('interactions.get', 'GET', one, (call) => {
      const streams = query(call, 'stream') === 'true';
      if (streams) throw new ApiError(501, 'No stream is emulated.');
      return { body: jobs.shown(jobs.get(name(call))) };
    }),
    route('interactions.cancel', 'POST', resource('interactions', '/cancel'), (call) => ({
      body: jobs.shown(jobs.cancel(name(call))),
    })),
    route('interactions.delete', 'DELETE', one, (call) => {
      jobs.delete(name(call));
      return {};
    }),
  ];
}

function name(call: Call): string {
  return `interactions/${id(call)}`;
}
