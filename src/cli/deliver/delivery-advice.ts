import type { Outcome } from './posting.js';

/** What to look at, by the reason in the bridge's answer. Others: docs/reference/webhooks.md has them. */
const BY_REASON: Readonly<Record<string, string>> = {
  'signature-mismatch':
    'the bridge has another secret than this environment, or something on the way changes the body',
  'timestamp-stale': 'the clock here and that of the bridge differ by more than 300 s',
  'not-found':
    'the bridge does not know the path: a proxy before it has to strip the path of PUBLIC_URL',
  'kafka-unavailable':
    'the bridge has no Kafka: `topics check` says more, and so does its log',
  'log-behind': 'the bridge is still reading its topics, or a broker cannot be read',
  'dedupe-unavailable': 'the bridge does not reach Redis (REDIS_URL)',
  'secrets-unavailable': 'the bridge cannot read its vault: /health/ready says why',
  'secrets-unsettled':
    'the bridge may lack a secret that Gemini has issued: `webhooks list` shows it',
  'ack-budget-spent': 'Kafka answers too slowly for ACK_BUDGET_MS',
  'shutting-down': 'the bridge is being stopped',
  duplicate: 'the id was new: more than one bridge may share its memory of ids',
  internal: 'a fault of the bridge: its log has the error',
};
const TABLE = 'docs/reference/webhooks.md lists it under "Answers"';

export function wordsFor(outcome: Outcome): string {
  if ('trouble' in outcome) return outcome.trouble;
  return `${outcome.status} ${outcome.says ?? (JSON.stringify(outcome.text) || '')}`;
}

/** For an answer that should have been another one. */
export function adviceOn(name: string, outcome: Outcome, url: string): string {
  if ('trouble' in outcome) {
    return `look at: is ${url} the bridge's public port (8080), does it run, and may this host reach it?`;
  }
  const { status, says, location } = outcome;
  if (status >= 300 && status < 400) {
    return `look at: ${url} redirects to ${location === undefined ? 'nowhere' : JSON.stringify(location)}, which Gemini does not follow: give the address itself`;
  }
  if (status === 200 && name.startsWith('forged')) {
    return `look at: what answers at ${url} takes deliveries that nobody signed: it is no bridge, or its secrets are known to others`;
  }
  if (status === 200 && says === 'published' && name === 'repeated') {
    return 'look at: the repeat was published again: several replicas without REDIS_URL, or a memory of ids that was lost';
  }
  if (says === undefined) {
    return `look at: what answered is not the bridge: is ${url} its public port, or a proxy that knows another path?`;
  }
  return `look at: ${BY_REASON[says] ?? TABLE}`;
}
