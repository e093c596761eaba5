// The sender, which is a separate process: `tsx bench/load.ts '<LoadOptions as JSON>'` prints one LoadResult as JSON.
import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedLoop, OpenLoop } from './loops.js';
import { cpuMicros, memory, type Memory } from './process-usage.js';
import { SignedRequests } from './signed-requests.js';
import { Tally, type Percentiles } from './tally.js';

/** Time limit for the last answers. It exceeds the time that the bridge waits for an acknowledgement. */
const DRAIN_MS = 15_000;

export interface LoadOptions {
  port: number;
  /** Process id of the server. Its CPU time and memory are read at both ends of the window. */
  pid: number;
  secret: string;
  connections: number;
  warmupSeconds: number;
  seconds: number;
  /** Requests per second of an open loop. Absent: a closed loop. */
  rate?: number;
}

export interface LoadResult {
  outcomes: Record<string, number>;
  events: number;
  eventsPerSecond: number;
  latencyMs: Percentiles;
  /** Open loop: delay with which the sender noticed that a request was due. It is part of the latency. */
  lagMs: Percentiles;
  serverMicrosPerEvent: number;
  senderMicrosPerEvent: number;
  serverMemory: Memory;
}

async function measure(options: LoadOptions): Promise<LoadResult> {
  const { pid, port, secret, seconds, warmupSeconds } = options;
  const requests = new SignedRequests(`127.0.0.1:${port}`, secret);
  const tally = new Tally();
  const loop = loopOf(options, requests, tally);
  const usage = () => ({
    server: cpuMicros(pid),
    sender: cpuMicros(process.pid),
    ms: performance.now(),
  });

  loop.start();
  await sleep(warmupSeconds * 1000);
  const before = usage();
  tally.open(before.ms);
  await sleep(seconds * 1000);
  const after = usage();
  tally.close(after.ms);
  loop.stop();
  const serverMemory = memory(pid);
  await drain(loop);
  tally.add('no answer', loop.inFlight);
  loop.close();

  const { events, outcomes, latencyMs, lagMs } = tally;
  return {
    outcomes,
    events,
    eventsPerSecond: (events * 1000) / (after.ms - before.ms),
    latencyMs,
    lagMs,
    serverMicrosPerEvent: (after.server - before.server) / events,
    senderMicrosPerEvent: (after.sender - before.sender) / events,
    serverMemory,
  };
}

function loopOf(
  { rate, warmupSeconds, seconds, ...target }: LoadOptions,
  requests: SignedRequests,
  tally: Tally,
): ClosedLoop | OpenLoop {
  if (rate === undefined) return new ClosedLoop(target, requests, tally);
  const count = Math.ceil(rate * (warmupSeconds + seconds));
  // At most `rate`, so that each connection is used at least once a second. Servers close idle connections
  const connections = Math.min(target.connections, rate);
  return new OpenLoop({ ...target, connections }, requests, tally, rate, count);
}

async function drain(loop: ClosedLoop | OpenLoop): Promise<void> {
  const deadlineMs = performance.now() + DRAIN_MS;
  while (loop.inFlight > 0 && performance.now() < deadlineMs) await sleep(10);
}

try {
  const options: LoadOptions = JSON.parse(process.argv[2] ?? '');
  console.log(JSON.stringify(await measure(options)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1); // open connections keep the process alive
}
