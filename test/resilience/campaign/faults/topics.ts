import { nothingToHeal, type Inject } from './fault.js';

/** Our records have a dozen headers, so none of them fits. */
const TOO_SMALL_BYTES = '600';

export const leaderMove: Inject = async ({ world, topics }) => {
  await world.admin.rotateReplicas(topics);
  return nothingToHeal;
};

/** Then all three replicas have to be in sync: a fault as soon as a broker is away. */
export const minIsrRaised: Inject = async ({ world, topics, minIsr }) => {
  await world.admin.set(topics, 'min.insync.replicas', '3');
  return () => world.admin.set(topics, 'min.insync.replicas', String(minIsr));
};

/** The broker refuses every record for good, which costs the producer its sequence numbers. */
export const messageTooLarge: Inject = async ({ world, topics }) => {
  await world.admin.set(topics, 'max.message.bytes', TOO_SMALL_BYTES);
  return () => world.admin.set(topics, 'max.message.bytes', undefined);
};

export const partitionsAdded: Inject = async ({ world, topics }) => {
  await world.admin.addPartition(topics);
  return nothingToHeal;
};
