/**
 * What every e2e spec needs together: a backend, a VS Code with our extension, a repository open in it,
 * and the window connected as a person would connect it.
 */
import { startBackend, type E2eBackend } from './backend.ts';
import { requiredPath, startCodeServer, type CodeServer } from './code-server.ts';
import { makeLocalChanges, makeRepository } from './repository.ts';
import { Window } from './window.ts';

export interface Session {
  backend: E2eBackend;
  server: CodeServer;
  window: Window;
  /** The open repository, with local changes. */
  folder: string;
  close(): Promise<void>;
}

export interface SessionOptions {
  script: string;
  config?: string;
  /** Of VS Code, on top of the quiet ones. */
  settings?: Record<string, unknown>;
  insteadOf?: Record<string, string>;
  /** What the window opens instead of the repository: an address. */
  open?(server: CodeServer, folder: string): Promise<string>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    const ends = await Promise.allSettled(opened.map((end) => end()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    const starting = [
      startBackend(options).then((backend) => {
        opened.push(() => backend.stop());
        return backend;
      }),
      startCodeServer({
        extensions: [requiredPath('CODEX_TASKS_TEST_VSIX')],
        ...(options.insteadOf === undefined ? {} : { insteadOf: options.insteadOf }),
        ...(options.settings === undefined ? {} : { settings: options.settings }),
      }).then((server) => {
        opened.push(() => server.stop());
        return server;
      }),
    ] as const;
    // What one of them started is there to be ended when the other fails.
    await Promise.allSettled(starting);
    const [backend, server] = await Promise.all(starting);
    const folder = await server.newFolder('parcel');
    makeRepository(folder);
    makeLocalChanges(folder);
    const window = await Window.openAt(
      options.open ? await options.open(server, folder) : server.folderUrl(folder),
    );
    opened.push(() => window.close());
    return { backend, server, window, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `Codex: Connect to Server`, by its two questions. */
export async function connect(window: Window, url: string, token: string): Promise<void> {
  await window.runCommand('Codex: Connect to Server');
  await window.answerInput(/Address of the backend/, url);
  await window.answerInput(/The token of/, token);
  // Its entry in the status bar is there from the first try on.
  await window.page.getByRole('button', { name: /^Codex\. / }).waitFor();
}

/** Runs a spec's body; when it fails, leaves a screenshot and prints what the parts wrote. */
export async function withEvidence(session: Session, name: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    await session.window.screenshot(`failed-${name}`).catch(() => undefined);
    console.log(`── backend\n${session.backend.output()}\n── VS Code\n${await session.server.logs()}`);
    throw error;
  }
}
