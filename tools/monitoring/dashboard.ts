// `npx tsx tools/monitoring/dashboard.ts` writes helm/files/dashboard.json anew, from the panels beside this.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runsDirectly } from '../../packages/testbed/src/process/command-line.js';
import { ROWS, type Panel, type Row } from './panels.js';

export const DASHBOARD_FILE = join(
  import.meta.dirname,
  '../../helm/files/dashboard.json',
);

/** Of the first Grafana 10 that wrote its panels as these are. */
const SCHEMA_VERSION = 38;
const COLUMNS = 24;
const PANELS_A_LINE = 4;
const CURVE_HEIGHT = 7;
const STATS_A_LINE = 8;
const STAT_HEIGHT = 4;
const SOURCE = { type: 'prometheus', uid: '${datasource}' };

/** As a file of Grafana's provisioning has it. */
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
    panels: placed(ROWS),
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
    chosen('namespace', 'label_values(gemini_bridge_build_info, namespace)'),
    chosen('job', 'label_values(gemini_bridge_build_info{namespace=~"$namespace"}, job)'),
  ];
}

function chosen(name: string, query: string): object {
  return {
    name,
    type: 'query',
    datasource: SOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    includeAll: true,
    allValue: '.*', // also where there is no such label
    multi: true,
    current: { text: ['All'], value: ['$__all'] },
    sort: 1,
  };
}

/** Rows from top to bottom, the panels of each from left to right. */
function placed(rows: readonly Row[]): object[] {
  const found: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    found.push({
      id: found.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 },
      panels: [],
    });
    const isStats = panels.every(({ stat }) => stat);
    const perLine = isStats ? STATS_A_LINE : PANELS_A_LINE;
    const [w, h] = [COLUMNS / perLine, isStats ? STAT_HEIGHT : CURVE_HEIGHT];
    panels.forEach((panel, i) => {
      const line = Math.floor(i / perLine);
      const gridPos = { x: (i % perLine) * w, y: y + line * h, w, h };
      found.push({ id: found.length + 1, gridPos, ...shown(panel) });
    });
    y += Math.ceil(panels.length / perLine) * h;
  }
  return found;
}

function shown({ title, unit, queries, stat, help }: Panel): object {
  return {
    type: stat ? 'stat' : 'timeseries',
    title,
    ...(help !== undefined && { description: help }),
    datasource: SOURCE,
    targets: queries.map(([legendFormat, expr], i) => ({
      refId: String.fromCodePoint('A'.codePointAt(0)! + i),
      datasource: SOURCE,
      expr,
      legendFormat,
    })),
    fieldConfig: {
      defaults: { unit, ...(stat ? { thresholds: thresholds(stat) } : { min: 0 }) },
      overrides: [],
    },
    options: stat
      ? {
          colorMode: 'background',
          graphMode: 'none',
          reduceOptions: { calcs: ['lastNotNull'] },
        }
      : { tooltip: { mode: 'multi', sort: 'desc' } },
  };
}

function thresholds({ good, moreIsWorse = false }: NonNullable<Panel['stat']>): object {
  const [low, high] = moreIsWorse ? ['green', 'red'] : ['red', 'green'];
  // Grafana's steps begin at their value, so what is worse begins just above
  const value = moreIsWorse ? good + Number.EPSILON : good;
  const steps = [
    { color: low, value: null },
    { color: high, value },
  ];
  return { mode: 'absolute', steps };
}

if (runsDirectly(import.meta.url)) writeFileSync(DASHBOARD_FILE, dashboardJson());
