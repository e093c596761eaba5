import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const FOLDER = join(import.meta.dirname, '..', '..', '.github', 'workflows');

interface Job {
  readonly uses?: string;
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
}

describe.each(readdirSync(FOLDER))('the workflow %s', (name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const workflow = parse(text) as {
    readonly permissions: unknown;
    readonly jobs: Readonly<Record<string, Job>>;
  };
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps ?? []);

  it('may only read, unless a job says what else it needs', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const own = jobs.flatMap(({ permissions = {} }) => Object.keys(permissions));
    expect(new Set(['contents', 'id-token', ...own]).size).toBe(2);
  });

  it('uses what cannot change behind its back', () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    expect(used.filter((each) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(each))).toEqual(
      [],
    );
  });

  it('ends, and puts nothing from outside into a script', () => {
    const running = jobs.filter(({ uses }) => uses === undefined);
    expect(running.filter((job) => job['timeout-minutes'] === undefined)).toEqual([]);
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  // Chart.yaml has both, and the tests of the chart hold them: the one against what is out, the other against package.json
  it('gives the chart no version but its own', () => {
    const lines = steps.flatMap(({ run = '' }) => run.split('\n'));
    const packing = lines.filter((line) => line.includes('helm package'));
    expect(packing).toEqual(name === 'release.yml' ? ['helm package helm'] : []);
    const pushing = lines.filter((line) => line.includes('helm push'));
    expect(pushing.filter((line) => line.includes('VERSION'))).toEqual([]);
  });
});
