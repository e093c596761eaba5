import { emittedOf, finishOf, plannedFaultOf } from './control-bodies.js';
import type { GeminiEmulator } from '../emulator.js';
import { jsonBody, route, type Call, type Route } from '../api/http.js';
import { numberMember, type Json } from '../json.js';
import { applyOption, shownOptions } from './option-table.js';

/** Default of `?limit=` in `GET /emulator/deliveries`, which answers the newest attempts. */
const SHOWN_ATTEMPTS = 100;

/** `/emulator/…`: the methods of `GeminiEmulator` over HTTP, with JSON and without a key. Not a part of the Gemini API. */
export function controlRoutes(emulator: GeminiEmulator): Route[] {
  return [
    control('GET', '', () => summary(emulator)),
    control('GET', '/jobs', () => ({ jobs: emulator.jobs })),
    control('POST', '/jobs/:id/start', (call) => {
      emulator.startJob(part(call, 'id'));
      return {};
    }),
    control('POST', '/jobs/:id/finish', (call) => {
      const { outcome, ...details } = finishOf(jsonBody(call));
      return { webhook_ids: emulator.finishJob(part(call, 'id'), outcome, details) };
    }),
    control('POST', '/events', (call) => {
      const { type, data, target } = emittedOf(jsonBody(call));
      return { webhook_ids: emulator.emit(type, data, target) };
    }),
    control('GET', '/lost-events', () => ({ lost_events: emulator.lostEvents })),
    control('GET', '/deliveries', ({ url }) => {
      const limit = Number(url.searchParams.get('limit') ?? SHOWN_ATTEMPTS);
      return { deliveries: emulator.deliveries.slice(-limit) };
    }),
    control('POST', '/deliveries/:id/redeliver', (call) => {
      emulator.redeliver(part(call, 'id'));
      return {};
    }),
    control('GET', '/faults', () => ({ faults: emulator.faults.all() })),
    control('POST', '/faults', (call) => {
      const { route: name, fault, times } = plannedFaultOf(jsonBody(call));
      emulator.fault(name, fault, times);
      return { faults: emulator.faults.all() };
    }),
    control('DELETE', '/faults', () => {
      emulator.faults.clear();
      return {};
    }),
    control('POST', '/keys/rotate', (call) => {
      emulator.keys.rotate(numberMember(jsonBody(call), 'kept') ?? 0);
      return emulator.keys.jwks();
    }),
    control('POST', '/clock/advance', (call) => {
      emulator.clock.advance((numberMember(jsonBody(call), 'seconds') ?? 0) * 1000);
      return { now: new Date(emulator.clock.now()).toISOString() };
    }),
    control('GET', '/options', () => shownOptions(emulator.options)),
    control('PATCH', '/options', (call) => {
      for (const [flag, value] of Object.entries(jsonBody(call))) {
        applyOption(emulator.options, flag, String(value), { running: true });
      }
      return shownOptions(emulator.options);
    }),
  ];
}

function summary(emulator: GeminiEmulator): Json {
  return {
    url: emulator.url,
    jwks_url: emulator.jwksUrl,
    jwks_requests: emulator.jwksRequests,
    now: new Date(emulator.clock.now()).toISOString(),
    jobs: emulator.jobs.length,
    webhooks: emulator.webhooks.all().map((each) => emulator.webhooks.shown(each)),
    lost_events: emulator.lostEvents.length,
    attempts: emulator.deliveries.length,
    pending_deliveries: emulator.pendingDeliveries.length,
  };
}

function part(call: Call, name: string): string {
  return call.path[name] ?? '';
}

function control(method: string, path: string, handle: (call: Call) => unknown): Route {
  return route(`emulator.${path}`, method, pattern(path), (call) => ({
    body: handle(call),
  }));
}

/** A pattern like `/jobs/:id/start` as an expression over the whole path. */
function pattern(path: string): RegExp {
  return new RegExp(`^/emulator${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
}
