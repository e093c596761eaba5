#!/usr/bin/env node
await import('./src/cli.js');
