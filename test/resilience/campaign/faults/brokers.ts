import { run } from '../../../../packages/testbed/src/process/run.js';
import type { KafkaNode } from '../../../../packages/testbed/src/kafka.js';
import type { Inject, Scene } from './fault.js';

/** Largest size of a file on a "full" disk. All files of a broker are longer. */
const FULL_AT_BYTES = 1024;

export const brokerKill: Inject = async (scene, target) => {
  const node = nodeOf(scene, target);
  await node.kill();
  return () => node.restart();
};

export const brokerHang: Inject = async (scene, target) => {
  const node = nodeOf(scene, target);
  await node.pause();
  return () => node.resume();
};

export const brokerShutdown: Inject = async (scene, target) => {
  const node = nodeOf(scene, target);
  await node.shutDown();
  return () => node.restart();
};

/** Makes every write of the broker fail, by `prlimit` of util-linux. A broker whose only disk fails ends by itself. */
export const brokerDiskFull: Inject = async (scene, target) => {
  const node = nodeOf(scene, target);
  const limit = ['--pid', String(node.pid), `--fsize=${FULL_AT_BYTES}`];
  const { ok } = await run('prlimit', limit);
  if (!ok) await node.kill();
  return () => node.restart();
};

/** Kills two of three brokers. The third has no quorum. */
export const notEnoughReplicas: Inject = async (scene, target) => {
  const { brokers } = scene.world;
  const nodes = [target, (target + 1) % brokers.length].map((at) => nodeOf(scene, at));
  await Promise.all(nodes.map((node) => node.kill()));
  return async () => void (await Promise.all(nodes.map((node) => node.restart())));
};

function nodeOf({ world }: Scene, target: number): KafkaNode {
  const broker = world.brokers[target];
  if (!broker)
    throw new Error(`no broker ${target}: the world has ${world.brokers.length}`);
  return broker.node;
}
