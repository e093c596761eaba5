// Run by parent-killed.spec.ts: starts Redis and Kafka, prints their pids as one line of JSON, and waits to be killed.
import { startKafka } from '../src/kafka.js';
import { startRedis } from '../src/redis.js';

const redis = await startRedis({ own: true });
const kafka = await startKafka({ own: true });
console.log(JSON.stringify([redis.pid, ...kafka.nodes.map((node) => node.pid)]));
