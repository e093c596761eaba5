// `npm run test:rotation`: secrets are rotated under load while replicas die. `--help` says what can be chosen.
import { parseArgs } from 'node:util';
import { runRotations } from './rotation-run.js';

const USAGE = `Sends signed deliveries through a balancer to two replicas on one Redis, and meanwhile has the bridge rotate the
webhook's secret again and again, in both ways, killing the replica that does it. Ends with 1 when a delivery that was
signed with a live secret is answered 401, a revoked secret is believed after 5 s, or an acknowledged event is lost.

  npm run test:rotation -- [options]

  --rotations N  (10)
  --kills N      rotations during which the replica is killed (3)
  --rate N       deliveries a second (200)
  --seed N       (1)
  --help         this`;

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
