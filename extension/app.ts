/** Puts the extension together: each part gets exactly what it needs. Opens no connection by itself. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { pickAttempt } from './apply/attempts.ts';
import { TaskRecords } from './apply/records.ts';
import { openRoots, rootChooser } from './apply/roots.ts';
import { Approvals } from './approvals/approvals.ts';
import { Asker } from './ask.ts';
import { Models } from './composer/models.ts';
import { ChangesDoor } from './changes/door.ts';
import { Composer } from './composer/view.ts';
import { Backend } from './connection/backend.ts';
import { OwnBackend } from './connection/own.ts';
import { showLogs } from './connection/logs.ts';
import { Setup } from './connection/setup.ts';
import { approver, CommitFiles, COMMIT_SCHEME } from './environments/approve.ts';
import { EnvironmentsPage } from './environments/page.ts';
import { ScriptFiles } from './environments/script-files.ts';
import { Folders } from './folders/folders.ts';
import { useGitOfSettings } from './folders/git-path.ts';
import { InternetAccess } from './internet/access.ts';
import { allower } from './internet/allow.ts';
import { Environments } from './internet/environments.ts';
import { egressPage, exportEgress } from './internet/log.ts';
import { InternetWarning } from './internet/warning.ts';
import { pickTask } from './pick.ts';
import { COMMAND_NAMES, registerCommands } from './platform/commands.ts';
import { setDefaultContextKeys } from './platform/contextKeys.ts';
import { openLog } from './platform/log.ts';
import { Secrets } from './platform/secrets.ts';
import { t } from './platform/words.ts';
import { PullRequestsDoor } from './pull-requests/door.ts';
import { reporter } from './report.ts';
import { pickReviewTarget } from './review-mode/target.ts';
import { environmentTester, submitter, type SubmitOptions } from './submit.ts';
import { TaskDocuments, LOG_SCHEME } from './task-page/documents.ts';
import { taskPageHandlers } from './task-page/handlers.ts';
import { TaskPanels } from './task-page/panels.ts';
import { pictureAddress } from './task-page/pictures.ts';
import { TaskActions } from './tasks/actions.ts';
import { shortAccess } from './tasks/describe.ts';
import { TaskStore } from './tasks/store.ts';
import { notifyEnds, showBadge, showStatusBar } from './tasks/surfaces.ts';
import { TaskTree, type TaskNode } from './tasks/tree.ts';
import { openTerminal } from './terminal/terminals.ts';
import { DEFAULT_ENVIRONMENT_NAME } from '../protocol/environment.ts';
import { hasEnded } from '../protocol/states.ts';

const LOCAL_SANDBOX_ALLOWED = 'codexTasks.localSandbox.allowed';

export function start(context: vscode.ExtensionContext): vscode.Disposable {
  setDefaultContextKeys();
  const startedAt = Date.now();
  const log = openLog();
  const report = reporter(log);
  const { version } = context.extension.packageJSON as { version: string };
  const secrets = new Secrets(context.secrets);
  const own = new OwnBackend({
    distDir: join(context.extensionPath, 'dist'),
    storageDir: context.globalStorageUri.fsPath,
    version,
    secrets,
    log,
    localSandboxAllowed: () => context.globalState.get<boolean>(LOCAL_SANDBOX_ALLOWED) === true,
  });
  const backend = new Backend({ own, secrets, log, version, consent: context.globalState });
  const setup = new Setup({ backend, own, secrets, log });

  const store = new TaskStore();
  const records = new TaskRecords(context.globalState);
  const folders = new Folders(log);
  const actions = new TaskActions(backend, store);
  const environments = new Environments({ backend, state: context.workspaceState, log });
  const warning = new InternetWarning(context.extensionUri);
  const internetAccess = new InternetAccess(environments, warning, (name) => environmentsPage.open(name));
  const sending: SubmitOptions = {
    environment: () => environments.chosen,
    backend,
    folders,
    store,
    records,
    log,
    allowLocalSandbox: async () => context.globalState.update(LOCAL_SANDBOX_ALLOWED, true),
  };
  const submit = submitter(sending);

  const busy = new Map<string, 'apply' | 'undo'>();
  const changes = new ChangesDoor({
    ...{ backend, store, records, log, report, state: context.workspaceState },
    folder: join((context.storageUri ?? context.globalStorageUri).fsPath, 'reviews'),
    storage: context.globalStorageUri.fsPath,
    rootFor: rootChooser(records, folders),
    roots: () => openRoots(folders),
    pickTask: (argument, title) => pickTask(store, argument, title, (task) => (task.patch?.files ?? 0) > 0),
    followUp: (taskId, prompt) => actions.followUp(taskId, { requestId: randomUUID(), prompt, mode: 'code' }),
    openTask: (taskId) => panels.open(taskId, { preserveFocus: true }),
    reviewed: (taskId, review) => actions.reviewed(taskId, review),
    onBusy: (taskId, what) => {
      if (what) busy.set(taskId, what);
      else busy.delete(taskId);
      panels.update(taskId);
    },
  });
  const pullRequests = new PullRequestsDoor({
    ...{ backend, store, records, log, report, state: context.workspaceState },
    rootFor: rootChooser(records, folders),
    roots: () => openRoots(folders),
    pickTask: (argument, title, fits) => pickTask(store, argument, title, fits),
    openTask: (taskId) => panels.open(taskId, { preserveFocus: false }),
    show: (taskId, desk) => panels.push(taskId, 'task.pullRequest', desk),
    update: (taskId) => panels.update(taskId),
  });
  const documents = new TaskDocuments(backend);
  const panels: TaskPanels = new TaskPanels({
    extensionUri: context.extensionUri,
    backend,
    store,
    log,
    handlers: (taskId) =>
      taskPageHandlers(taskId, {
        ...{ actions, changes, documents, pullRequests, records, store },
        openTask: (id) => panels.open(id, { preserveFocus: false }),
        image: async (image) =>
          panels.push(taskId, 'task.image', {
            sha256: image.sha256,
            src: await pictureAddress(backend, image).catch(() => ''),
          }),
        approve: (approvalId, answer) => approvals.answer(taskId, approvalId, answer),
        environment: {
          open: () => environmentsPage.open(store.get(taskId)?.environment ?? DEFAULT_ENVIRONMENT_NAME),
          approve: approver({ backend, store, folderOf: (id) => records.folder(id) }),
        },
        internet: {
          change: () => internetAccess.open(store.get(taskId)?.environment ?? DEFAULT_ENVIRONMENT_NAME),
          allow: allower({ environments, warning, actions, store }),
          show: async (after) => panels.push(taskId, 'task.egress', await egressPage(backend, taskId, after)),
          save: (title) => exportEgress(backend, taskId, title),
        },
      }),
    onEvents: (events) => {
      // Whoever changed it: what the list and the composer say is read again.
      if (events.some(({ code, at }) => code === 'policy.changed' && at > startedAt)) {
        environments.refreshQuietly();
      }
    },
    onShown: (taskId) => pullRequests.shown(taskId),
    hostState: (taskId) => ({
      applied: isApplied(taskId),
      ...appliedAttempt(taskId),
      started: store.tasks
        .map(({ requestId }) => requestId)
        .filter((requestId) => requestId.startsWith(`suggested-${taskId}-`)),
      canApply: vscode.workspace.isTrusted,
      pullRequests: pullRequests.isPossible(taskId),
      busy: busy.get(taskId) ?? (store.isStopping(taskId) ? 'stop' : null),
      internet: environments.internet(store.get(taskId)?.environment),
      terminal: (COMMAND_NAMES as readonly string[]).includes('openTerminal'),
    }),
  });
  const approvals: Approvals = new Approvals({
    backend,
    store,
    report,
    isInSight: (taskId) => panels.isInSight(taskId),
  });
  /** Its newest result: a follow-up can be applied on top of what is here. */
  const isApplied = (taskId: string) => {
    const record = records.applied(taskId);
    return record !== undefined && record.turn >= (store.get(taskId)?.turns ?? record.turn);
  };

  const appliedAttempt = (taskId: string) => {
    const attempt = isApplied(taskId) ? records.applied(taskId)?.attempt : undefined;
    return attempt === undefined ? {} : { appliedAttempt: attempt };
  };

  const tree = new TaskTree(store, {
    isApplied,
    access: (task) => environments.level(task.environment) ?? 'off',
  });
  const view = vscode.window.createTreeView<TaskNode>('codexTasks.tasks', { treeDataProvider: tree });
  view.onDidChangeVisibility(({ visible }) => {
    if (visible) backend.openQuietly();
    if (visible) environments.refreshQuietly();
  });
  const models = new Models({ backend, state: context.workspaceState, log });
  const composer = new Composer({
    extensionUri: context.extensionUri,
    folders,
    environments,
    models,
    submit,
    state: context.workspaceState,
    log,
    onShown: () => backend.openQuietly(),
    pickEnvironment: () => internetAccess.chooseForTasks(),
    onSubmitted: (taskId) => panels.open(taskId, { preserveFocus: true }),
  });
  const scriptFiles = new ScriptFiles(environments);
  const environmentsPage: EnvironmentsPage = new EnvironmentsPage({
    extensionUri: context.extensionUri,
    ...{ backend, environments, folders, warning, log },
    internet: internetAccess,
    scripts: scriptFiles,
    test: environmentTester(sending),
    onTested: (taskId) => panels.open(taskId, { preserveFocus: false }),
  });
  const asker = new Asker(folders, submit, () =>
    shortAccess(environments.level(environments.chosen) ?? 'off', t),
  );

  environments.onDidChange(() => {
    tree.refresh();
    panels.update();
  });
  records.onChange((taskId) => {
    tree.refresh();
    panels.update(taskId);
  });
  backend.use((connection) => {
    const stop = connection.watchTasks((news) => {
      if (news.kind === 'list') store.replaceAll(news.tasks);
      else if (news.kind === 'changed') store.changed(news.task);
      else store.deleted(news.taskId);
    });
    return () => {
      stop();
      store.clear();
    };
  });
  const showState = () => {
    const lost = backend.status.kind === 'lost' && store.tasks.length > 0;
    if (lost) view.message = t('The backend does not answer. Trying again …');
    else view.message = '';
  };

  const commands = registerCommands(
    {
      ...changes.handlers,
      ...pullRequests.commands,
      ask: async () => panels.open((await asker.ask()).id, { preserveFocus: false }),
      switchMode: () => asker.switchMode(),
      newTask: () => composer.focus('code'),
      openTask: async (argument) => {
        const taskId = await pickTask(store, argument, t('Open Task'), () => true);
        backend.openQuietly();
        panels.open(taskId, { preserveFocus: false });
      },
      applyPatch: async (argument) =>
        changes.apply(
          await pickTask(store, argument, t('Apply Patch'), (task) => (task.patch?.files ?? 0) > 0),
        ),
      undoApply: async (argument) =>
        changes.undo(
          await pickTask(store, argument, t('Undo Apply'), (task) => records.applied(task.id) !== undefined),
        ),
      applyTo: (argument) => changes.applyTo(argument),
      checkpoints: () => changes.listCheckpoints(),
      cancelTask: async (argument) =>
        actions.cancel(await pickTask(store, argument, t('Cancel Task'), (task) => !hasEnded(task.state))),
      retryTask: async (argument) =>
        actions.retry(
          await pickTask(
            store,
            argument,
            t('Retry Task'),
            ({ state }) => state === 'failed' || state === 'cancelled',
          ),
        ),
      openTerminal: async (argument) => {
        const taskId = await pickTask(store, argument, t('Open Terminal in Sandbox'), (task) =>
          hasEnded(task.state),
        );
        const { connection } = await backend.ready();
        openTerminal(connection, store.get(taskId) ?? (await connection.call('task.get', { taskId })).task);
      },
      followUp: async (argument) => {
        const taskId = await pickTask(store, argument, t('Follow Up'), (task) => hasEnded(task.state));
        panels.open(taskId, { preserveFocus: false, followUp: true });
      },
      reviewChanges: async () => {
        const target = await pickReviewTarget();
        await composer.focus('review', target);
      },
      chooseAttempt: async (argument) => {
        const taskId = await pickTask(
          store,
          argument,
          t('Choose Attempt'),
          (task) => task.attempts > 1 && hasEnded(task.state),
        );
        const { connection } = await backend.ready();
        const { task } = await connection.call('task.get', { taskId });
        await actions.choose(taskId, await pickAttempt(task));
      },
      archiveTask: async (argument) =>
        actions.archive(await pickTask(store, argument, t('Archive Task'), (task) => hasEnded(task.state))),
      environments: (name) => environmentsPage.open(typeof name === 'string' ? name : undefined),
      answerApproval: () => approvals.pick(),
      internetAccess: (name) => internetAccess.open(typeof name === 'string' ? name : undefined),
      refresh: () => {
        folders.refresh();
        pullRequests.forgetFolders();
        environments.refreshQuietly();
        backend.retryNow();
      },
      connect: () => setup.connect(),
      setServerToken: () => setup.setServerToken(),
      setApiKey: () => setup.setApiKey(),
      startBackend: () => backend.start(),
      stopBackend: () => backend.stop(),
      restartBackend: () => backend.restart(),
      showLogs: async () => showLogs(log, backend, own),
    },
    report,
  );

  return vscode.Disposable.from(
    commands,
    useGitOfSettings(),
    changes,
    composer,
    models,
    environmentsPage,
    scriptFiles,
    panels,
    approvals,
    view,
    tree,
    folders,
    environments,
    showStatusBar(store, backend),
    { dispose: showBadge(view, store) },
    { dispose: notifyEnds(store, (taskId) => panels.isInSight(taskId)) },
    backend.onDidChange(showState),
    vscode.workspace.registerTextDocumentContentProvider(LOG_SCHEME, documents),
    vscode.workspace.registerTextDocumentContentProvider(COMMIT_SCHEME, new CommitFiles()),
    backend,
    log,
  );
}
