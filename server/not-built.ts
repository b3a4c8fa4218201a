/** What a backend says in the place of rooms that it was started without. */
import { CodexError } from '../protocol/errors.ts';
import { FORGE_METHODS } from '../protocol/forge-rpc.ts';
import type { GatewayDeps } from './gateway/deps.ts';

const noTerminal = (): never => {
  throw new CodexError('terminalUnavailable');
};

export const NO_TERMINALS: GatewayDeps['terminals'] = {
  open: noTerminal,
  write: noTerminal,
  resize: noTerminal,
  close: noTerminal,
};

/** Each of its methods says that it is not built. */
export function noForges(): GatewayDeps['forges'] {
  const refuse = () => Promise.reject(new CodexError('notBuilt', { feature: 'Pull requests' }));
  return Object.fromEntries(
    Object.keys(FORGE_METHODS).map((name) => [name, refuse]),
  ) as unknown as GatewayDeps['forges'];
}
