import { invalid } from '../api-error.js';
import type { EmitTarget } from '../deliveries/announcer.js';
import { FAULT_KINDS, type PlannedFault } from './faults.js';
import type { Finish } from '../jobs/job.js';
import {
  member,
  numberMember,
  objectMember,
  stringMember,
  stringsMember,
  type Json,
} from '../json.js';
import { OUTCOMES } from '../options.js';

/** The body of `POST /emulator/jobs/<id>/finish`. */
export function finishOf(body: Json): Finish {
  const asked = stringMember(body, 'outcome') ?? 'succeeded';
  const outcome = OUTCOMES.find((each) => each === asked);
  if (!outcome) throw invalid(`outcome must be one of ${OUTCOMES.join(', ')}`);
  const errorCode = member(body, 'error_code');
  return {
    outcome,
    ...defined('failedRequests', numberMember(body, 'failed_requests')),
    ...(typeof errorCode === 'string' || typeof errorCode === 'number'
      ? { errorCode }
      : {}),
    ...defined('errorMessage', stringMember(body, 'error_message')),
  };
}

/** The body of `POST /emulator/events`. */
export function emittedOf(body: Json): { type: string; data: Json; target: EmitTarget } {
  const type = stringMember(body, 'type');
  if (!type) throw invalid('type must be set.');
  const target = {
    ...defined('uris', stringsMember(body, 'uris')),
    ...defined('userMetadata', objectMember(body, 'user_metadata')),
    ...defined('jobName', stringMember(body, 'job_name')),
  };
  return { type, data: objectMember(body, 'data') ?? {}, target };
}

/** The body of `POST /emulator/faults`, and the JSON of `--fault`. */
export function plannedFaultOf(body: Json): PlannedFault {
  const asked = stringMember(body, 'kind');
  const kind = FAULT_KINDS.find((each) => each === asked);
  if (!kind) throw invalid(`kind must be one of ${FAULT_KINDS.join(', ')}`);
  return {
    route: stringMember(body, 'route') ?? '*',
    fault: {
      kind,
      ...defined('status', numberMember(body, 'status')),
      ...defined('retryAfterSeconds', numberMember(body, 'retry_after_seconds')),
      ...defined('delayMs', numberMember(body, 'delay_ms')),
      ...defined('probability', numberMember(body, 'probability')),
    },
    ...defined('times', numberMember(body, 'times')),
  };
}

/** An object with that member, or without it if the value is undefined. */
function defined<K extends string, T>(
  name: K,
  value: T | undefined,
): { [name in K]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { [name in K]?: T });
}
