import { nothingToHeal, type Inject } from './fault.js';

/** Smaller than any record of the bridge, which has a dozen headers. */
const TOO_SMALL_BYTES = '600';

export const leaderMove: Inject = async ({ world, topics }) => {
  await world.admin.rotateReplicas(topics);
  return nothingToHeal;
};

/** Requires all three replicas to be in sync, so that the loss of one broker stops all writes. */
export const minIsrRaised: Inject = async ({ world, topics, minIsr }) => {
  await world.admin.set(topics, 'min.insync.replicas', '3');
  return () => world.admin.set(topics, 'min.insync.replicas', String(minIsr));
};

/** Makes the broker refuse every record. The sequence numbers of the refused records are lost to the producer. */
export const messageTooLarge: Inject = async ({ world, topics }) => {
  await world.admin.set(topics, 'max.message.bytes', TOO_SMALL_BYTES);
  return () => world.admin.set(topics, 'max.message.bytes', undefined);
};

export const partitionsAdded: Inject = async ({ world, topics }) => {
  await world.admin.addPartition(topics);
  return nothingToHeal;
};
