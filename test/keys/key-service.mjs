// Stands in for a key management service: a process of its own on the loopback that answers as it was last told.
import { createServer } from 'node:http';

let mode = { does: 'answer', keys: [] };

const server = createServer((_request, response) => {
  switch (mode.does) {
    case 'answer':
      response.setHeader('content-type', 'application/json').end(JSON.stringify(mode.keys));
      break;
    case 'fail':
      response.writeHead(500).end('<h1>Internal error: token=hunter2</h1>');
      break;
    case 'drop':
      response.destroy();
      break;
    case 'stay silent':
      break;
  }
});

process.on('message', (message) => {
  mode = message;
  process.send?.({ told: true });
});
process.once('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
