export {
  BRIDGE_FLAGS,
  startBridge,
  type BridgeOptions,
  type BridgeProcess,
} from './src/bridge.js';
export { startDevStack, type DevPorts, type DevStack } from './src/dev-stack.js';
export { IMAGE_NODE_VERSION, imageNode } from './src/image-node.js';
export {
  startKafka,
  type KafkaCluster,
  type KafkaNode,
  type KafkaOptions,
} from './src/kafka.js';
export { startSecureKafka, type SecureKafka } from './src/kafka/secure.js';
export { until, type UntilOptions } from './src/until.js';
export { startRedis, type RedisOptions, type RedisServer } from './src/redis.js';
