/** The browser's own WebSocket. It can't send headers; the page's cookie authenticates. */
import type { OpenSocket } from './types.ts';

export const browserSocket: OpenSocket = (url, _headers, events) => {
  const socket = new WebSocket(url);
  socket.addEventListener('open', () => events.onOpen());
  socket.addEventListener('message', (message: MessageEvent<unknown>) => {
    if (typeof message.data === 'string') events.onMessage(message.data);
  });
  socket.addEventListener('close', (end) => events.onClose({ code: end.code, reason: end.reason }));
  return { send: (text) => socket.send(text), close: () => socket.close(1000) };
};
