import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const FOLDER = join(import.meta.dirname, '..', '..', '.github', 'workflows');
const PINNED_ACTION = /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/;
/** Permissions that a job may have beyond the workflow's. */
const JOB_PERMISSIONS = ['contents', 'id-token'];

interface Job {
  readonly needs?: string | readonly string[];
  readonly uses?: string;
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

describe.each(readdirSync(FOLDER))('the workflow %s', (name) => {
  const workflow = workflowOf(name);
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps ?? []);

  it('may only read, unless a job asks for contents or id-token', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const asked = jobs.flatMap(({ permissions = {} }) => Object.keys(permissions));
    expect(asked.filter((each) => !JOB_PERMISSIONS.includes(each))).toEqual([]);
  });

  it('pins each action to a commit', () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    expect(used.filter((each) => !PINNED_ACTION.test(each))).toEqual([]);
  });

  it('has a time limit for each job', () => {
    const unlimited = Object.entries(workflow.jobs).filter(
      ([, job]) => job.uses === undefined && job['timeout-minutes'] === undefined,
    );
    expect(unlimited.map(([job]) => job)).toEqual([]);
  });

  it('puts no expression into a script, where its value would be run', () => {
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  it('packages the chart with the versions of Chart.yaml', () => {
    expect(helmCommands(workflow, 'package').filter(setsVersion)).toEqual([]);
  });
});

describe('the workflow ci.yml', () => {
  it('has no job that may write, because it runs the code of pull requests', () => {
    const granted = Object.values(workflowOf('ci.yml').jobs).flatMap(
      ({ permissions = {} }) => Object.values(permissions),
    );
    expect(granted).not.toContain('write');
  });
});

describe('the workflow release.yml', () => {
  const { jobs } = workflowOf('release.yml');

  it('runs all jobs of ci.yml before it publishes anything', () => {
    const [tests = ''] =
      Object.entries(jobs).find(([, { uses }]) => uses?.endsWith('/ci.yml')) ?? [];
    const early = Object.keys(jobs).filter(
      (job) => job !== tests && !neededBy(job, jobs).has(tests),
    );
    expect([tests, early]).toEqual(['ci', []]);
  });

  it('packages the chart and pushes it', () => {
    const workflow = workflowOf('release.yml');
    expect(helmCommands(workflow, 'package')).toHaveLength(1);
    expect(helmCommands(workflow, 'push')).toHaveLength(1);
  });
});

describe('the check of the version', () => {
  it.each([
    ['helm package helm --version 1.2.3', true],
    ['helm package --app-version=1.2.3 helm', true],
    ['helm package helm', false],
  ])('%s: %s', (command, sets) => {
    expect(setsVersion(command)).toBe(sets);
  });
});

function workflowOf(name: string): Workflow {
  return parse(readFileSync(join(FOLDER, name), 'utf8')) as Workflow;
}

/** The jobs that a job waits for, directly or not. */
function neededBy(name: string, jobs: Workflow['jobs']): Set<string> {
  const direct = [jobs[name]?.needs ?? []].flat();
  return new Set([...direct, ...direct.flatMap((job) => [...neededBy(job, jobs)])]);
}

/** The `helm <subcommand> …` in the scripts, each up to the end of its line or command. */
function helmCommands({ jobs }: Workflow, subcommand: string): string[] {
  const pattern = new RegExp(String.raw`\bhelm ${subcommand}\b[^\n|;&]*`, 'g');
  return Object.values(jobs)
    .flatMap(({ steps = [] }) => steps)
    .flatMap(({ run = '' }) => run.match(pattern) ?? []);
}

/** True if the command replaces a version of Chart.yaml, which tests of the chart check. */
function setsVersion(command: string): boolean {
  return /\s--(app-)?version\b/.test(command);
}
