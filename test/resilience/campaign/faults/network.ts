import { ALL } from '../fault-kinds.js';
import type { FaultProxy, NetworkFault } from '../fault-proxy.js';
import { nothingToHeal, type Inject, type Scene } from './fault.js';

/** A fault of the network between the bridge and one broker or all of them. The brokers still reach each other. */
export function onTheWayToKafka(fault: NetworkFault): Inject {
  return async (scene, target) => {
    const proxies = proxiesOf(scene, target);
    for (const proxy of proxies) proxy.strike(fault);
    return async () => {
      for (const proxy of proxies) proxy.heal();
    };
  };
}

export const reset: Inject = async (scene, target) => {
  for (const proxy of proxiesOf(scene, target)) proxy.reset();
  return nothingToHeal;
};

export const cutReply: Inject = async (scene, target) => {
  for (const proxy of proxiesOf(scene, target)) proxy.cutReply();
  return nothingToHeal;
};

function proxiesOf({ world }: Scene, target: number): FaultProxy[] {
  return world.brokers
    .filter((_, index) => target === ALL || target === index)
    .map(({ proxy }) => proxy);
}
