#!/usr/bin/env node
import 'reflect-metadata';
import { runCli } from './cli/program.js';

const code = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
});
// Clients of Kafka and Redis that could not connect leave timers of some seconds behind.
process.exit(code);
