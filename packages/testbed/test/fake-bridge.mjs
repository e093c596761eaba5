// A double of dist/main.js: listens, prints the names of its variables, and is ready at the third request.
import { createServer } from 'node:http';

if (process.env.FAIL) {
  console.error('KAFKA_BROKERS is missing');
  process.exit(3);
}
let questions = 0;
const server = createServer((request, response) => {
  const ready =
    request.url === '/health/ready' && ++questions >= 3 && !process.env.NEVER_READY;
  response.writeHead(ready ? 200 : 503).end();
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const line = { level: 'info', message: 'listening', port, internalPort: port };
  console.log(JSON.stringify(line));
  console.log(
    JSON.stringify({
      message: 'environment',
      names: Object.keys(process.env).toSorted(),
      flags: process.execArgv,
    }),
  );
});
process.once('SIGTERM', () => {
  console.log(JSON.stringify({ message: 'stopping' }));
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
