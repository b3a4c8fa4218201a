// In the place of VS Code's own GitHub extension, which would need GitHub: the settings hold the session's token.
const vscode = require('vscode');

exports.activate = (context) => {
  const changed = new vscode.EventEmitter();
  const session = (scopes) => ({
    id: 'test',
    accessToken: vscode.workspace.getConfiguration('codexTest').get('githubToken'),
    account: { id: 'octocat', label: 'octocat' },
    scopes: [...scopes],
  });
  let sessions = [];
  const provider = {
    onDidChangeSessions: changed.event,
    getSessions: async () => sessions,
    createSession: async (scopes) => {
      sessions = [session(scopes)];
      changed.fire({ added: sessions, removed: [], changed: [] });
      return sessions[0];
    },
    removeSession: async () => {
      sessions = [];
    },
  };
  context.subscriptions.push(
    changed,
    vscode.authentication.registerAuthenticationProvider(
      'github-enterprise',
      'GitHub Enterprise Server',
      provider,
    ),
  );
};
