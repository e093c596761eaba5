// `npm run test:rotation`: rotates secrets under load while replicas are killed. `--help` lists the options
import { parseArgs } from 'node:util';
import { runRotations } from './rotation-run.js';

const USAGE = `Sends signed deliveries through a balancer to two replicas on one Redis. Meanwhile the bridge rotates the webhook's
secret, with and without an overlap, and the replica that rotates it is killed. Exits with 1 if a delivery that was signed
with a live secret is answered 401, if a revoked secret is still accepted after 5 s, or if an accepted event is lost.

  npm run test:rotation -- [options]

  --rotations N  number of rotations (default 10)
  --kills N      rotations during which the replica is killed (default 3)
  --rate N       deliveries a second (default 200)
  --seed N       seed of the random choices (default 1)
  --help         prints this and ends`;

const { values } = parseArgs({
  options: {
    rotations: { type: 'string', default: '10' },
    kills: { type: 'string', default: '3' },
    rate: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const { findings, ...figures } = await runRotations({
    seed: Number(values.seed),
    rotations: Number(values.rotations),
    kills: Number(values.kills),
    perSecond: Number(values.rate),
  });
  const verdict = findings.length === 0 ? 'ok' : `${findings.length} findings`;
  process.stdout.write(`seed ${values.seed}: ${verdict} ${JSON.stringify(figures)}\n`);
  for (const finding of findings.slice(0, 50)) process.stdout.write(`  ${finding}\n`);
  if (findings.length > 0) process.exitCode = 1;
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else await main();
