/** From a socket that is opened for us to the peer of `protocol/`: who feeds it, and who ends it. */
import { clientPeer, type ClientPeer } from '../../protocol/peer.ts';
import type { NotificationName, NotificationOf } from '../../protocol/rpc.ts';
import type { MessageSocket } from './types.ts';

export type NotificationHandlers = { [N in NotificationName]: (params: NotificationOf<N>) => void };

export interface Peer {
  call: ClientPeer['call'];
  /** A message came. */
  receive(text: string): void;
  /** The socket is gone: open calls fail. */
  end(): void;
}

export function openPeer(socket: MessageSocket, handlers: NotificationHandlers): Peer {
  let onMessage: (text: string) => void = () => undefined;
  let onClose: () => void = () => undefined;
  const peer = clientPeer(
    {
      send: (text) => socket.send(text),
      onMessage: (listener) => (onMessage = listener),
      onClose: (listener) => (onClose = listener),
      close: () => socket.close(),
    },
    { onNotification: (name, params) => handlers[name](params) },
  );
  return {
    call: (method, params, signal) => peer.call(method, params, signal),
    receive: (text) => onMessage(text),
    end: () => onClose(),
  };
}
