// `npm run test:jobs`: jobs through two replicas while Gemini misbehaves and replicas die. `--help` says what can be chosen.
import { parseArgs } from 'node:util';
import { runJobs } from './job-run.js';

const USAGE = `Submits jobs of all kinds through two replicas on one Redis, while Gemini loses a tenth of the events,
repeats a fifth, reorders them, and does not answer a twentieth of the submissions although it took them.
Ends with 1 when a job is lost, doubled, not correlated or not over.

  npm run test:jobs -- [options]

  --jobs N    (1000)
  --seed N    of the first run (1)
  --runs N    with the seeds that follow (1)
  --kill      also kill a replica again and again, and start it anew
  --help      this`;

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
