// `npm run test:jobs` submits jobs through two replicas while Gemini and the replicas fail. `--help` lists the options
import { parseArgs } from 'node:util';
import { runJobs } from './job-run.js';

const USAGE = `Submits jobs of all kinds through two replicas on one Redis. Meanwhile Gemini loses 10 % of the events, repeats 20 %,
sends events out of order, and accepts 5 % of the submissions without an answer.
Exits with 1 if a job is lost, doubled, not correlated or has not ended.

  npm run test:jobs -- [options]

  --jobs N    number of jobs (default 1000)
  --seed N    seed of the first run (default 1)
  --runs N    number of runs; each further run uses the next seed (default 1)
  --kill      also kills and restarts replicas
  --help      prints this and ends`;

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    kill: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  for (let run = 0; run < Number(values.runs); run++) {
    const seed = Number(values.seed) + run;
    const { findings, ...figures } = await runJobs({
      seed,
      jobs: Number(values.jobs),
      kill: values.kill,
    });
    const verdict = findings.length === 0 ? 'ok' : `${findings.length} findings`;
    process.stdout.write(`seed ${seed}: ${verdict} ${JSON.stringify(figures)}\n`);
    for (const finding of findings) process.stdout.write(`  ${finding}\n`);
    if (findings.length > 0) process.exitCode = 1;
  }
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else await main();
