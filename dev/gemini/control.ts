import { invalid } from './api-error.js';
import type { GeminiEmulator } from './emulator.js';
import { FAULT_KINDS, type Fault } from './faults.js';
import { jsonBody, route, type Call, type Route } from './http.js';
import { member, objectMember, stringMember, stringsMember, type Json } from './json.js';
import { applyOption, shownOptions } from './option-table.js';
import { OUTCOMES } from './options.js';

/** Of `GET /emulator/deliveries`, unless `?limit=` says otherwise: the newest ones. */
const SHOWN_ATTEMPTS = 100;

/** What the programmatic API does, for hands on a keyboard: JSON, no key. No part of the Gemini API. */
export function controlRoutes(emulator: GeminiEmulator): Route[] {
  return [
    control('GET', '', () => summary(emulator)),
    control('GET', '/jobs', () => ({ jobs: emulator.jobs })),
    control('POST', '/jobs/:id/start', (call) => {
      emulator.startJob(part(call, 'id'));
      return {};
    }),
    control('POST', '/jobs/:id/finish', (call) => finish(emulator, call)),
    control('POST', '/events', (call) => emit(emulator, jsonBody(call))),
    control('GET', '/deliveries', ({ url }) => {
      const limit = Number(url.searchParams.get('limit') ?? SHOWN_ATTEMPTS);
      return { deliveries: emulator.deliveries.slice(-limit) };
    }),
    control('POST', '/deliveries/:id/redeliver', (call) => {
      emulator.redeliver(part(call, 'id'));
      return {};
    }),
    control('GET', '/faults', () => ({ faults: emulator.faults.all() })),
    control('POST', '/faults', (call) => addFault(emulator, jsonBody(call))),
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
    attempts: emulator.deliveries.length,
    pending_deliveries: emulator.pendingDeliveries.length,
  };
}

function finish(emulator: GeminiEmulator, call: Call): Json {
  const body = jsonBody(call);
  const asked = stringMember(body, 'outcome') ?? 'succeeded';
  const outcome = OUTCOMES.find((each) => each === asked);
  if (!outcome) throw invalid(`outcome must be one of ${OUTCOMES.join(', ')}`);
  const failedRequests = numberMember(body, 'failed_requests');
  const errorCode = member(body, 'error_code');
  const errorMessage = stringMember(body, 'error_message');
  const webhookIds = emulator.finishJob(part(call, 'id'), outcome, {
    ...(failedRequests === undefined ? {} : { failedRequests }),
    ...(typeof errorCode === 'string' || typeof errorCode === 'number'
      ? { errorCode }
      : {}),
    ...(errorMessage === undefined ? {} : { errorMessage }),
  });
  return { webhook_ids: webhookIds };
}

function emit(emulator: GeminiEmulator, body: Json): Json {
  const type = stringMember(body, 'type');
  if (!type) throw invalid('type must be set.');
  const uris = stringsMember(body, 'uris');
  const userMetadata = objectMember(body, 'user_metadata');
  const webhookIds = emulator.emit(type, objectMember(body, 'data') ?? {}, {
    ...(uris ? { uris } : {}),
    ...(userMetadata ? { userMetadata } : {}),
  });
  return { webhook_ids: webhookIds };
}

function addFault(emulator: GeminiEmulator, body: Json): Json {
  const kind = FAULT_KINDS.find((each) => each === stringMember(body, 'kind'));
  if (!kind) throw invalid(`kind must be one of ${FAULT_KINDS.join(', ')}`);
  const status = numberMember(body, 'status');
  const delayMs = numberMember(body, 'delay_ms');
  const fault: Fault = {
    kind,
    ...(status === undefined ? {} : { status }),
    ...(delayMs === undefined ? {} : { delayMs }),
  };
  emulator.fault(
    stringMember(body, 'route') ?? '*',
    fault,
    numberMember(body, 'times') ?? 1,
  );
  return { faults: emulator.faults.all() };
}

function numberMember(body: Json, snakeName: string): number | undefined {
  const value = member(body, snakeName);
  if (value !== undefined && typeof value !== 'number') {
    throw invalid(`${snakeName} must be a number.`);
  }
  return value;
}

function part(call: Call, name: string): string {
  return call.path[name] ?? '';
}

function control(method: string, path: string, handle: (call: Call) => unknown): Route {
  return route(`emulator.${path}`, method, pattern(path), (call) => ({
    body: handle(call),
  }));
}

/** `/jobs/:id/start` as an expression over the whole path. */
function pattern(path: string): RegExp {
  return new RegExp(`^/emulator${path.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
}
