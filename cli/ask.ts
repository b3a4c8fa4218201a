/**
 * For commands that only ask the backend for something, or set something. What was started for such a
 * command is stopped after it, so that the next one is free to choose its sandbox and model.
 */
import { stopBackend } from '../client/backend-process/index.ts';
import { openBackend, type Backend, type OpenOptions, type OwnBackendOptions } from './backend.ts';

export async function askBackend<T>(
  own: OwnBackendOptions,
  ask: (connection: Backend['connection']) => Promise<T>,
  options: Pick<OpenOptions, 'signal'> = {},
): Promise<T> {
  const backend = await openBackend(own, { ...options, runsTasks: false });
  try {
    return await ask(backend.connection);
  } finally {
    backend.connection.close();
    if (backend.own && backend.started) await stopBackend(backend.own);
  }
}
