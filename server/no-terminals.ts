/** Terminals of a backend that has no sandboxes. */
import { CodexError } from '../protocol/errors.ts';
import type { TerminalRoom } from './gateway/deps.ts';

const noTerminal = (): never => {
  throw new CodexError('terminalUnavailable');
};

export const NO_TERMINALS: TerminalRoom = {
  open: noTerminal,
  write: noTerminal,
  resize: noTerminal,
  close: noTerminal,
};
