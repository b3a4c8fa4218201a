/** The environment of a backend that the extension starts: the person's own, without VS Code's. Pure. */
import type { NetworkSettings } from '../platform/settings.ts';

export interface BackendChoices {
  model: string;
  modelBaseUrl: string;
  network: NetworkSettings;
}

/** Of VS Code's extension host: a backend would take them for its own. */
const HOSTS_OWN = /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|GOOGLE_API_KEY$|CHROME_DESKTOP$)/;

export function backendEnvironment(own: NodeJS.ProcessEnv, choices: BackendChoices): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(own)) if (!HOSTS_OWN.test(name)) env[name] = value;
  // VS Code's executable is a Node when it is told so.
  env['ELECTRON_RUN_AS_NODE'] = '1';
  if (choices.model !== '') env['CODEX_MODEL'] = choices.model;
  if (choices.modelBaseUrl !== '') env['OPENAI_BASE_URL'] = choices.modelBaseUrl;
  const { proxy, noProxy, proxySupport, strictSsl, systemCertificates } = choices.network;
  if (proxySupport !== 'off') {
    if (proxy !== '') {
      env['HTTP_PROXY'] = proxy;
      env['HTTPS_PROXY'] = proxy;
    }
    if (noProxy.length > 0) env['NO_PROXY'] = noProxy.join(',');
    if (env['HTTP_PROXY'] ?? env['HTTPS_PROXY'] ?? env['http_proxy'] ?? env['https_proxy']) {
      env['NODE_USE_ENV_PROXY'] = '1';
    }
  }
  if (systemCertificates) env['NODE_USE_SYSTEM_CA'] = '1';
  if (!strictSsl) env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  return env;
}
