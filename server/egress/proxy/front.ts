/** What the sandbox sees as `http://proxy:8080`: requests in absolute form, and CONNECT. One per connection. */
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseAbsolute } from '../policy/index.ts';
import type { Connection } from './connection.ts';
import { HTTP1_OPTIONS, serveHttp1 } from './http1.ts';
import type { TaskCore } from './task.ts';
import { openTunnel } from './tunnel.ts';

export function serveFront(task: TaskCore, connection: Connection): void {
  const server = createServer(HTTP1_OPTIONS);
  serveHttp1(server, task, connection, {
    target: parseAbsolute,
    check: (flight, target) => task.check(flight, target),
    agent: task.agent,
  });
  server.on('connect', (req, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    // Behind a request that is not answered yet: the two answers could not be told apart.
    if (connection.busy) return void socket.destroy();
    void openTunnel(task, connection, req, socket, head);
  });
  server.emit('connection', connection.duplex);
}
