import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { run } from '../../packages/testbed/src/process/run.js';
import { DASHBOARD_FILE } from '../../tools/monitoring/dashboard.js';
import { availablePromtool } from '../../tools/monitoring/promtool.js';
import { runCli } from '../../src/cli/program.js';
import { VARIABLES } from '../../src/config/environment.js';
import { section } from '../support/markdown.js';
import { faultsOf, selectorsOf, withoutVariables } from './promql.js';
import { pageOf, RULE_TESTS, RULES, RULES_FILE, RUNBOOKS } from './rules.js';

const ROOT = resolve(RUNBOOKS, '..', '..');
const INDEX = 'README.md';
/** Runbooks for faults that no metric shows. */
const WITHOUT_ALERT = ['event-did-not-arrive.md'];
const HEADINGS = ['## At stake', '## Look', '## Do', '## Over'];

/** Variables of the bridge and of Node.js. */
const SETTINGS = [...VARIABLES, 'NODE_EXTRA_CA_CERTS'];

/** A line for each message in the source, with the level that runbooks ask for. */
const LOG_LINES = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .flatMap((path) =>
    Array.from(
      readFileSync(join(ROOT, 'src', path), 'utf8').matchAll(/message: (['"`].*['"`])/g),
      ([, message]) => `"level":"warn","message":${message}`,
    ),
  );

const pages = readdirSync(RUNBOOKS);
const textOf = (page: string) => readFileSync(join(RUNBOOKS, page), 'utf8');
const linksIn = (text: string) =>
  Array.from(text.matchAll(/\]\(([^)#:]+\.md)\)/g), ([, link = '']) => link);

describe('the alerts', () => {
  it('have different names', () => {
    const names = RULES.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(RULES)('$alert follows the grammar of PromQL', ({ expr }) => {
    expect(faultsOf(expr)).toEqual([]);
  });

  it.each(RULES)('$alert names the installation and its runbook', (rule) => {
    const { description, runbook_url: url } = rule.annotations;
    expect(description).toContain('{{ $labels.namespace }}/');
    expect(url).toBe(relative(ROOT, join(RUNBOOKS, pageOf(rule.alert))));
  });

  const promtool = availablePromtool();
  (promtool ? it : it.skip)(
    'pass promtool, if it is installed',
    async () => {
      const passed = { ok: true, output: expect.stringContaining('SUCCESS') };
      expect(await run(promtool!, ['check', 'rules', RULES_FILE])).toEqual(passed);
      expect(await run(promtool!, ['test', 'rules', ...RULE_TESTS])).toEqual(passed);
    },
    120_000,
  );
});

describe('the dashboard', () => {
  const { panels } = JSON.parse(readFileSync(DASHBOARD_FILE, 'utf8')) as {
    panels: readonly DashboardPanel[];
  };
  const links = panels.flatMap(({ links: own = [] }) => own.map(({ url }) => url));

  it.each(RULES)('links the runbook of $alert', ({ alert }) => {
    expect(links).toContain(`\${runbooks:raw}/${pageOf(alert)}`);
  });

  it('links only runbooks of alerts', () => {
    const known = RULES.map(({ alert }) => `\${runbooks:raw}/${pageOf(alert)}`);
    expect(links.filter((url) => !known.includes(url))).toEqual([]);
  });

  it('shows only the chosen installations', () => {
    const selectors = panels
      .flatMap(({ targets = [] }) => targets)
      .flatMap(({ expr }) => selectorsOf(withoutVariables(expr)));
    expect(selectors.map(({ metric }) => metric)).toContain('ALERTS');
    for (const { matchers } of selectors) {
      for (const label of ['namespace', 'job']) {
        expect(matchers).toContainEqual({ label, operator: '=~', value: `$${label}` });
      }
    }
  });

  it('counts over the time range in panels with one value', () => {
    const counts = panels
      .filter(({ type }) => type === 'bargauge')
      .flatMap(({ targets = [] }) => targets);
    expect(counts.length).toBeGreaterThan(10);
    for (const { expr, instant } of counts) {
      expect([expr.includes('[$__range]'), instant]).toEqual([true, true]);
    }
  });
});

interface DashboardPanel {
  readonly type: string;
  readonly links?: readonly { readonly url: string }[];
  readonly targets?: readonly { readonly expr: string; readonly instant?: boolean }[];
}

describe('the runbooks', () => {
  it('are one for each alert, and the listed ones without an alert', () => {
    const wanted = RULES.map(({ alert }) => pageOf(alert));
    expect(pages.toSorted()).toEqual([INDEX, ...WITHOUT_ALERT, ...wanted].toSorted());
  });

  it.each(RULES)('of $alert has all headings', ({ alert }) => {
    const text = textOf(pageOf(alert));
    expect(text.startsWith(`# ${alert}\n`)).toBe(true);
    for (const heading of HEADINGS) expect(section(text, heading).trim()).not.toBe('');
  });

  it.each(WITHOUT_ALERT)('%s has the same headings', (page) => {
    for (const heading of HEADINGS)
      expect(section(textOf(page), heading).trim()).not.toBe('');
  });

  it.each(pages)('%s names existing commands', async (page) => {
    const named = textOf(page).matchAll(
      /(?:`|-- )gemini-kafka-bridge ([a-z]+(?: [a-z]+)?)/g,
    );
    for (const [, words = ''] of named) {
      let said = '';
      const out = (text: string): void => void (said += text);
      // For an unknown command the program prints the general help and exits with 0
      await runCli([...words.split(' '), '--help'], { env: {}, out, err: out });
      expect(said).toContain(`Usage: gemini-kafka-bridge ${words} `);
    }
  });

  it.each(pages)('%s reads the log of all replicas', (page) => {
    const lines = textOf(page).split('\n');
    for (const line of lines.filter((each) => / logs /.test(each))) {
      expect(line).toMatch(/ logs -l \$PODS --prefix --tail=/);
    }
  });

  it.each(pages)('%s looks in the log for messages that the bridge writes', (page) => {
    for (const line of textOf(page).split('\n')) {
      const [, flags = '', quoted, word = ''] =
        /^logs .*?\| grep (-\w+ )?(?:'([^']*)'|(\S+))/.exec(line) ?? [];
      const wanted = new RegExp(quoted ?? word, flags.includes('i') ? 'i' : '');
      expect(LOG_LINES.filter((each) => wanted.test(each))).not.toEqual([]);
    }
  });

  it.each(pages)('%s uses only variables that the index sets', (page) => {
    const given = Array.from(textOf(INDEX).matchAll(/\b([A-Z_]+)=/g), ([, name]) => name);
    const named = textOf(page).matchAll(/\$([A-Z_]+)/g);
    expect(given).toEqual(expect.arrayContaining(Array.from(named, ([, name]) => name)));
  });

  it.each(pages)('%s names existing settings', (page) => {
    const named = textOf(page).matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b/g);
    for (const [, name] of named) expect(SETTINGS).toContain(name);
  });

  it('are all in the index', () => {
    const wanted = [...WITHOUT_ALERT, ...RULES.map(({ alert }) => pageOf(alert))];
    expect(linksIn(textOf(INDEX)).toSorted()).toEqual(wanted.toSorted());
  });

  it.each(pages)('%s links to existing pages', (page) => {
    const broken = linksIn(textOf(page)).filter((link) => {
      const target = resolve(RUNBOOKS, link);
      return dirname(target) === RUNBOOKS && !pages.includes(relative(RUNBOOKS, target));
    });
    expect(broken).toEqual([]);
  });
});
