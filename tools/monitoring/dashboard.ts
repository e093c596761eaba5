// `npx tsx tools/monitoring/dashboard.ts` writes helm/files/dashboard.json from the panels in panels.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { isMainModule } from '../../packages/testbed/src/process/command-line.js';
import { ROWS, type Panel, type Row } from './panels.js';

const FILES = join(import.meta.dirname, '../../helm/files');
export const DASHBOARD_FILE = join(FILES, 'dashboard.json');

/** The first schema of Grafana 10 with panels of this form. */
const SCHEMA_VERSION = 38;
const COLUMNS = 24;
const PANELS_A_LINE = 4;
const PANEL_HEIGHT = 7;
const STATS_A_LINE = 8;
const STAT_HEIGHT = 4;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Folder of the runbooks in the repository. The chart replaces it by `prometheusRule.runbookBaseUrl`. */
const RUNBOOKS = 'docs/runbooks';

/** The dashboard as a file for the provisioning of Grafana. */
export function dashboardJson(): string {
  return `${JSON.stringify(dashboard(), undefined, 1)}\n`;
}

function dashboard(): object {
  return {
    uid: 'gemini-kafka-bridge',
    title: 'gemini-kafka-bridge',
    description: 'Gemini webhooks on their way to Kafka',
    tags: ['gemini', 'kafka'],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    panels: placePanels(ROWS, runbookPages()),
  };
}

function variables(): object[] {
  return [
    {
      name: 'datasource',
      label: 'data source',
      type: 'datasource',
      query: 'prometheus',
      refresh: 1,
    },
    queryVariable('namespace', 'label_values(gemini_bridge_build_info, namespace)'),
    queryVariable(
      'job',
      'label_values(gemini_bridge_build_info{namespace=~"$namespace"}, job)',
    ),
    {
      name: 'runbooks',
      label: 'folder of the runbooks',
      type: 'textbox',
      query: RUNBOOKS,
      current: { text: RUNBOOKS, value: RUNBOOKS },
    },
  ];
}

function queryVariable(name: string, query: string): object {
  return {
    name,
    type: 'query',
    datasource: SOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    allValue: '.*', // matches series without this label, too
    multi: true,
    current: { text: ['All'], value: ['$__all'] },
    sort: 1,
  };
}

/** Places the rows from top to bottom, and the panels of each from left to right. */
function placePanels(
  rows: readonly Row[],
  runbooks: ReadonlyMap<string, string>,
): object[] {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    });
    const areStats = panels.every(({ kind }) => kind === 'stat');
    const perLine = areStats ? STATS_A_LINE : PANELS_A_LINE;
    const [w, h] = [COLUMNS / perLine, areStats ? STAT_HEIGHT : PANEL_HEIGHT];
    panels.forEach((panel, i) => {
      const line = Math.floor(i / perLine);
      const gridPos = { x: (i % perLine) * w, y: y + line * h, w, h };
      placed.push({ id: placed.length + 1, gridPos, ...panelJson(panel, runbooks) });
    });
    y += Math.ceil(panels.length / perLine) * h;
  }
  return placed;
}

const TYPES = { curve: 'timeseries', bars: 'bargauge', stat: 'stat' } as const;

function panelJson(panel: Panel, runbooks: ReadonlyMap<string, string>): object {
  const { title, unit, queries, kind = 'curve', threshold, help, alerts = [] } = panel;
  return {
    type: TYPES[kind],
    title,
    ...(help !== undefined && { description: help }),
    ...(alerts.length > 0 && { links: alerts.map((alert) => link(alert, runbooks)) }),
    datasource: SOURCE,
    targets: queries.map(([legendFormat, expr], i) => ({
      refId: String.fromCodePoint('A'.codePointAt(0)! + i),
      datasource: SOURCE,
      expr,
      legendFormat,
      // These panels show one value for the whole time range
      ...(kind !== 'curve' && { instant: true, range: false }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(threshold ? { thresholds: steps(threshold) } : { min: 0 }),
        ...(kind === 'bars' && { noValue: 'none' }),
      },
      overrides: [],
    },
    options: OPTIONS[kind],
  };
}

const OPTIONS = {
  curve: { tooltip: { mode: 'multi', sort: 'desc' } },
  bars: {
    displayMode: 'basic',
    orientation: 'horizontal',
    reduceOptions: { calcs: ['lastNotNull'] },
  },
  stat: {
    colorMode: 'background',
    graphMode: 'none',
    reduceOptions: { calcs: ['lastNotNull'] },
  },
} as const;

function link(alert: string, runbooks: ReadonlyMap<string, string>): object {
  const page = runbooks.get(alert);
  if (page === undefined) throw new Error(`alerts.yaml has no alert ${alert}`);
  // Grafana encodes a variable in a URL unless it is raw
  const url = `\${runbooks:raw}/${page}`;
  return { title: `Runbook of ${alert}`, type: 'link', url, targetBlank: true };
}

/** The file name of the runbook of each alert. */
function runbookPages(): ReadonlyMap<string, string> {
  const { groups } = parse(readFileSync(join(FILES, 'alerts.yaml'), 'utf8')) as {
    groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  return new Map(
    rules.map(({ alert, annotations }) => [alert, basename(annotations.runbook_url)]),
  );
}

function steps({ good, moreIsWorse = false }: NonNullable<Panel['threshold']>): object {
  const [low, high] = moreIsWorse ? ['green', 'red'] : ['red', 'green'];
  // A step of Grafana begins at its value, so the worse color begins just above it
  const value = moreIsWorse ? good + Number.EPSILON : good;
  return {
    mode: 'absolute',
    steps: [
      { color: low, value: null },
      { color: high, value },
    ],
  };
}

if (isMainModule(import.meta.url)) writeFileSync(DASHBOARD_FILE, dashboardJson());
