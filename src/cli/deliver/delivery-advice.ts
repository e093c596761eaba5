import type { Outcome } from './post-with-retries.js';
import type { SyntheticDelivery } from './synthetic-deliveries.js';

/** Advice, by the reason in the answer of the bridge. */
const BY_REASON: Readonly<Record<string, string>> = {
  'signature-mismatch':
    'the bridge has another secret than this environment, or a proxy changes the body',
  'timestamp-stale': 'the clock here and that of the bridge differ by more than 300 s',
  'not-found':
    'the bridge does not know the path: a proxy before it has to strip the path of PUBLIC_URL',
  'kafka-unavailable':
    'the bridge does not reach Kafka: `config check --connect` says why, and so does its log',
  'log-behind': 'the bridge is still reading its topics, or a broker cannot be read',
  'dedupe-unavailable': 'the bridge does not reach Redis (REDIS_URL)',
  'secrets-unavailable': 'the bridge cannot read its vault: /health/ready says why',
  'secrets-unsettled':
    'the bridge may lack a secret that Gemini has issued: `webhooks list` shows it',
  'ack-budget-spent': 'Kafka answers too slowly for ACK_BUDGET_MS',
  'shutting-down': 'the bridge is being stopped',
  duplicate: 'the id was new: several bridges may share one memory of ids',
  internal: 'the bridge has a bug: its log has the error',
};
const TABLE = 'docs/reference/webhooks.md lists the reason under "Answers"';

export function outcomeText(outcome: Outcome): string {
  if ('failure' in outcome) return outcome.failure;
  return `${outcome.status} ${outcome.reason ?? (JSON.stringify(outcome.text) || '')}`;
}

/** Says what to look at after a wrong answer. */
export function adviceOn(
  name: SyntheticDelivery['name'],
  outcome: Outcome,
  url: string,
): string {
  return `look at: ${causeOf(name, outcome, url)}`;
}

function causeOf(name: SyntheticDelivery['name'], outcome: Outcome, url: string): string {
  if ('failure' in outcome) {
    return `is ${url} the bridge's public port (8080), does it run, and may this host reach it?`;
  }
  const { status, reason, location } = outcome;
  if (status >= 300 && status < 400) {
    const target = location === undefined ? 'no address' : JSON.stringify(location);
    return `${url} redirects to ${target}, which Gemini does not follow: give the address itself`;
  }
  if (status === 200 && name.startsWith('forged')) {
    return `the server at ${url} accepts forged deliveries: it is no bridge, or its secrets are known to others`;
  }
  if (status === 200 && reason === 'published' && name === 'repeated') {
    return 'the duplicate was published again: several replicas without REDIS_URL, or a memory of ids that was lost';
  }
  if (reason === undefined) {
    return `the server at ${url} is not the bridge: is this its public port, or a proxy that knows another path?`;
  }
  return BY_REASON[reason] ?? TABLE;
}
