/** What a connection gets and sends over HTTP: patches, logs, lists of requests, pictures. */
import { PATHS } from '../../protocol/http.ts';
import { getBytes, getText, putBytes, type Request } from './http.ts';
import type { BackendConnection } from './types.ts';

type Transfers = Pick<BackendConnection, 'patch' | 'file' | 'log' | 'egress' | 'putBlob' | 'blob'>;

export function transfersOver(request: (path: string, signal?: AbortSignal) => Promise<Request>): Transfers {
  return {
    async patch(taskId, turn, attempt, options = {}) {
      const query = options.from === undefined ? '' : `?from=${options.from}`;
      return getBytes(await request(PATHS.patch(taskId, turn, attempt) + query, options.signal));
    },
    async file(taskId, turn, attempt, oid, options = {}) {
      const query = options.from === undefined ? '' : `?from=${options.from}`;
      return getBytes(await request(PATHS.file(taskId, turn, attempt, oid) + query, options.signal));
    },
    async log(taskId, turn, attempt, signal) {
      return getText(await request(PATHS.log(taskId, turn, attempt), signal));
    },
    async egress(taskId, signal) {
      return getBytes(await request(PATHS.egress(taskId), signal));
    },
    async putBlob(sha256, bytes, signal) {
      await putBytes(await request(PATHS.blob(sha256), signal), bytes);
    },
    async blob(sha256, signal) {
      return getBytes(await request(PATHS.blob(sha256), signal));
    },
  };
}
