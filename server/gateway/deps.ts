/** What the gateway is given; its parts know one another by this. */
import type { LimitValues } from '../../protocol/limits.ts';
import type { ParamsOf, ResultOf } from '../../protocol/rpc.ts';
import type { EgressLog } from '../environments/egress-log.ts';
import type { Environments } from '../environments/environments.ts';
import type { Log } from '../log.ts';
import type { Repos } from '../repos/repos.ts';
import type { Store } from '../store/store.ts';
import type { Hub } from '../tasks/hub.ts';
import type { Tasks } from '../tasks/tasks.ts';

export interface GatewayDeps {
  tasks: Tasks;
  environments: Environments;
  egressLog: EgressLog;
  hub: Hub;
  store: Store;
  repos: Repos;
  limits: LimitValues;
  log: Log;
  token: string;
  allowedHosts: readonly string[];
  hello(): Omit<ResultOf<'server.hello'>, 'protocol'>;
  models(): ResultOf<'model.list'>['models'];
  /** Whether such a task can be run here; throws a `CodexError` that says why not. */
  checkTask?(request: ParamsOf<'task.create'>): void;
}
