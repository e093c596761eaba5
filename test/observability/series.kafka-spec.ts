import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBridge, type BridgeProcess } from '../../packages/testbed/src/bridge.js';
import { GeminiEmulator } from '../../packages/gemini-emulator/src/emulator.js';
import { DASHBOARD_FILE, dashboardJson } from '../../tools/monitoring/dashboard.js';
import { startKafka, type KafkaCluster } from '../../packages/testbed/src/kafka.js';
import { freePorts } from '../../packages/testbed/src/process/free-ports.js';
import { webhookRegistered } from '../../packages/testbed/src/dev-stack/static-webhook.js';
import { code, rows } from '../support/markdown.js';
import { temporarySecrets, type TemporarySecrets } from '../support/secrets.js';
import {
  ask,
  eventBody,
  newId,
  OTHER_SECRET,
  post,
  signedV1,
} from '../support/sender.js';
import { TestIssuer } from '../support/issuer.js';
import { temporaryFile, type TemporaryFile } from '../support/temporary-file.js';
import { samplesIn, seriesOf, type Sample } from './exposition.js';
import {
  ADDED_LABELS,
  faultsOf,
  groupingsOf,
  selectorsOf,
  withoutVariables,
} from './promql.js';
import { pageOf, RULES, RUNBOOKS } from './rules.js';

const ROOT = join(import.meta.dirname, '..', '..');
/** Series that Prometheus makes itself. */
const NOT_SCRAPED = ['up', 'ALERTS'];
/** A state of a webhook that looks like a metric's name. */
const DISABLED = 'disabled_due_to_failed_deliveries';
const ODD_DELIVERIES = 100;

let kafka: KafkaCluster;
let gemini: GeminiEmulator;
let issuer: TestIssuer;
let secrets: TemporarySecrets;
let vault: TemporaryFile;
let bridge: BridgeProcess;
let scrape: readonly Sample[];

const scraped = async (): Promise<readonly Sample[]> =>
  samplesIn((await ask(`${bridge.internalUrl}/metrics`)).text);

beforeAll(async () => {
  kafka = await startKafka();
  gemini = await GeminiEmulator.start();
  issuer = await TestIssuer.start();
  secrets = temporarySecrets();
  vault = temporaryFile('');
  const [port = 0] = await freePorts(1);
  bridge = await startBridge({
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    KAFKA_BROKERS: kafka.brokers,
    TOPIC_PREFIX: 'observed',
    TOPIC_PARTITIONS: '1',
    TOPIC_REPLICATION: '1',
    TOPIC_MIN_ISR: '1',
    GEMINI_URL: gemini.url,
    GEMINI_API_KEY: gemini.apiKey,
    JWKS_URL: gemini.jwksUrl,
    CAPABILITY_KEYS_FILE: secrets.capabilityKeysFile,
    VAULT_KEYS_FILE: secrets.vaultKeysFile,
    VAULT_FILE: vault.path,
    WEBHOOKS: '[{"name": "main"}]',
    WEBHOOKS_INTERVAL_SECONDS: '1',
    API_TOKENS_FILE: secrets.tokensFile,
    API_OIDC_ISSUER: issuer.url,
    API_OIDC_AUDIENCE: 'bridge',
  });
  await bridge.ready(60_000);
  await webhookRegistered(gemini);
  await withOldSecret();
  scrape = await scrapedWith('gemini_bridge_old_secret_used_timestamp_seconds');
}, 120_000);

afterAll(async () => {
  await bridge.stop();
  await issuer[Symbol.asyncDispose]();
  await gemini.stop();
  await kafka.stop();
  secrets[Symbol.dispose]();
  vault[Symbol.dispose]();
});

/** Rotates a webhook and uses its old secret, because some series exist only then. */
async function withOldSecret(): Promise<void> {
  const [webhook] = gemini.webhooks.all();
  const answer = await ask(`${bridge.internalUrl}/v1/webhooks/${webhook!.id}/rotate`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${secrets.token}`,
    },
    body: '{}',
  });
  expect(answer.status).toBe(200);
  const [, old = ''] = webhook!.secrets.live();
  expect((await post(`${bridge.url}/webhooks/gemini`, signedV1({}, [old]))).status).toBe(
    200,
  );
}

/** A scrape that has these metrics, and those of the first reconciliation of webhooks. */
async function scrapedWith(...names: string[]): Promise<readonly Sample[]> {
  const wanted = ['gemini_bridge_webhook_state', ...names];
  for (;;) {
    const samples = await scraped();
    if (wanted.every((wish) => samples.some(({ name }) => name === wish))) return samples;
  }
}

const sorted = (pairs: readonly (readonly string[])[]): string[] =>
  pairs.map((pair) => pair.join(' ')).toSorted();

const labelsOf = (metric: string): Set<string> =>
  new Set(
    scrape
      .filter(({ name }) => name === metric)
      .flatMap(({ labels }) => Object.keys(labels)),
  );

/** Metrics, labels and values of an expression that the scrape does not have. */
function unknownIn(expression: string): string[] {
  const found: string[] = [];
  for (const { metric, matchers } of selectorsOf(expression)) {
    if (NOT_SCRAPED.includes(metric)) continue;
    const samples = scrape.filter(({ name }) => name === metric);
    if (samples.length === 0) found.push(metric);
    for (const { label, operator, value } of matchers) {
      if (ADDED_LABELS.includes(label)) continue;
      const isThere = (one: string): boolean =>
        samples.some(({ labels }) =>
          new RegExp(`^(?:${one})$`).test(labels[label] ?? ''),
        );
      const values = operator.includes('~') ? value.split('|') : [value];
      // The states are values of Gemini, so a scrape does not have all of them
      const missing = label === 'state' ? [] : values.filter((one) => !isThere(one));
      if (!labelsOf(metric).has(label)) found.push(`${metric}{${label}}`);
      found.push(...missing.map((one) => `${metric}{${label}="${one}"}`));
    }
  }
  for (const { labels, metrics } of groupingsOf(expression)) {
    const isKnown = (label: string): boolean =>
      ADDED_LABELS.includes(label) ||
      metrics.some((metric) => labelsOf(metric).has(label));
    found.push(...labels.filter((label) => !isKnown(label)));
  }
  return found;
}

const dashboard = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as {
  readonly uid: string;
  readonly panels: readonly PlacedPanel[];
};

interface PlacedPanel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly expr: string }[];
}

const PANEL_QUERIES = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, withoutVariables(expr)] as const),
);

const RUNBOOK_QUERIES = RULES.flatMap(({ alert }) => {
  const text = readFileSync(join(RUNBOOKS, pageOf(alert)), 'utf8');
  return Array.from(text.matchAll(/```promql\n(.*?)\n```/gs), ([, query = '']) => {
    return [alert, query] as const;
  });
});

const RUNBOOK_NAMES = RULES.flatMap(({ alert }) => {
  const text = readFileSync(join(RUNBOOKS, pageOf(alert)), 'utf8');
  const named = text.matchAll(/gemini_bridge_\w+|(?<=`)[a-z]+(?:_[a-z]+)+(?=`)/g);
  return Array.from(named, ([name]) => [alert, name] as const);
});

describe('expressions', () => {
  it.each(RULES)('of $alert have only series of the running bridge', ({ expr }) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  it.each(PANEL_QUERIES)(
    'of the panel "%s" are valid and have existing series',
    (_title, query) => {
      expect([faultsOf(query), unknownIn(query)]).toEqual([[], []]);
    },
  );

  it.each(RUNBOOK_QUERIES)(
    'of the runbook of %s are valid and have existing series',
    (_, query) => {
      expect([faultsOf(query), unknownIn(query)]).toEqual([[], []]);
    },
  );

  it.each(RUNBOOK_NAMES)('in the text of the runbook of %s exist: %s', (_, name) => {
    const names = scrape.map((sample) => sample.name);
    const forms = ['', 'gemini_bridge_'].flatMap((prefix) => [
      prefix + name,
      `${prefix}${name}_count`,
    ]);
    expect(forms.some((each) => names.includes(each)) || name === DISABLED).toBe(true);
  });

  it('that are wrong are found', () => {
    expect(unknownIn('sum by (colour) (gemini_bridge_nothing{reason="x"})')).not.toEqual(
      [],
    );
    expect(unknownIn('gemini_bridge_refusals_total{reason="no-reason"}')).not.toEqual([]);
    expect(unknownIn('sum by (reason) (gemini_bridge_kafka_ready)')).toEqual(['reason']);
    expect(faultsOf('sum by (a (b)')).not.toEqual([]);
  });
});

describe('the dashboard', () => {
  it('is generated from its definitions', () => {
    expect(readFileSync(DASHBOARD_FILE, 'utf8')).toBe(dashboardJson());
  });

  it('has panels that do not cover each other', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the metrics', () => {
  it('of the bridge are those of docs/reference/metrics.md', () => {
    const page = readFileSync(join(ROOT, 'docs', 'reference', 'metrics.md'), 'utf8');
    const documented = rows(page).map(([name, , labels]) => [
      code(name) ?? '',
      code(labels) ?? '',
    ]);
    const shown = new Map<string, string>();
    for (const { name, labels } of scrape) {
      if (!name.startsWith('gemini_bridge_')) continue;
      const keys = Object.keys(labels).filter((key) => key !== 'le');
      shown.set(name.replace(/_(bucket|sum|count)$/, ''), keys.join(', '));
    }
    expect(sorted(documented)).toEqual(sorted([...shown]));
  });

  it.each([
    'accepted_total{topic="observed.batch.failed"}',
    'refusals_total{reason="signature-mismatch"}',
    'dead_letters_total{reason="not-json"}',
    'dead_letters_total{reason="other-job"}',
    'reconciled_total{kind="batch"}',
    'api_refusals_total{reason="token-unknown"}',
    'answer_seconds_count{outcome="dead-lettered"}',
    'answer_seconds_count{outcome="unavailable"}',
  ])('have %s before its first event', (series) => {
    const values = scrape.filter(
      (sample) => seriesOf(sample) === `gemini_bridge_${series}`,
    );
    expect(values.map(({ value }) => value)).toEqual([0]);
  });

  it('get no new series from requests with new ids, tokens, paths and types', async () => {
    // The first requests of each kind create the series with a fixed set of labels
    for (let n = 0; n < 3; n++) await odd(n);
    const before = new Set(await ownSeries());
    await Promise.all(Array.from({ length: ODD_DELIVERIES }, (_, n) => odd(n)));
    const added = (await ownSeries()).filter((series) => !before.has(series));
    expect(added).toEqual([]);
  });
});

/** Series of the bridge's own metrics. Series of Node.js, such as `nodejs_active_resources`, change with its work. */
async function ownSeries(): Promise<string[]> {
  const own = (await scraped()).filter(({ name }) => name.startsWith('gemini_bridge_'));
  return own.map(seriesOf);
}

/** Sends requests with random ids, tokens, paths, types and methods, with good and bad signatures. */
async function odd(n: number): Promise<void> {
  const live = gemini.webhooks.all()[0]!.secrets.live();
  const body = eventBody(`type-${n}.${newId()}`, { id: `batches/${newId()}` });
  const { url } = bridge;
  await Promise.all([
    post(`${url}/webhooks/gemini`, signedV1({ body }, live)),
    post(`${url}/webhooks/gemini`, signedV1({ body: newId() }, live)),
    post(`${url}/webhooks/gemini`, signedV1({ body }, [OTHER_SECRET])),
    post(`${url}/webhooks/gemini`, signedV1({ timestamp: n }, live)),
    post(`${url}/webhooks/gemini/jobs/${newId()}`, signedV1({ body }, live)),
    post(`${url}/${newId()}`, signedV1({ body }, live)),
    ask(`${url}/webhooks/gemini?${newId()}`, { method: n % 2 === 0 ? 'GET' : 'PUT' }),
    ask(`${bridge.internalUrl}/v1/jobs/${newId()}`, {
      headers: { authorization: `Bearer ${newId()}` },
    }),
    ask(`${bridge.internalUrl}/${newId()}`),
  ]);
}
