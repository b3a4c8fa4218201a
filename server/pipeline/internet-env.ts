/**
 * How programs in a sandbox find the internet proxy and trust its certificate: by environment. Upper
 * and lower case, since tools disagree; and the variables of those that listen to none of the usual.
 */
import { EGRESS_PORT, EGRESS_URL } from '../../protocol/door.ts';

/** The proxy's certificate alone, and the system's bundle with it. Written by `trustScript`. */
export const proxyCertOf = (home: string) => `${home}/.codex/proxy-cert.pem`;
const bundleOf = (home: string) => `${home}/.codex/ca-bundle.pem`;
const LOCAL = 'localhost,127.0.0.1,::1';

const JAVA = [
  ...['http', 'https'].flatMap((scheme) => [
    `-D${scheme}.proxyHost=proxy`,
    `-D${scheme}.proxyPort=${EGRESS_PORT}`,
  ]),
  '-Dhttp.nonProxyHosts=localhost|127.*|[::1]',
].join(' ');

export function proxyEnvironment(home: string): Record<string, string> {
  const both = (name: string, value: string) => ({ [name]: value, [name.toUpperCase()]: value });
  return {
    ...both('http_proxy', EGRESS_URL),
    ...both('https_proxy', EGRESS_URL),
    ...both('all_proxy', EGRESS_URL),
    ...both('no_proxy', LOCAL),
    npm_config_proxy: EGRESS_URL,
    npm_config_https_proxy: EGRESS_URL,
    npm_config_noproxy: LOCAL,
    YARN_HTTP_PROXY: EGRESS_URL,
    YARN_HTTPS_PROXY: EGRESS_URL,
    PIP_PROXY: EGRESS_URL,
    CARGO_HTTP_PROXY: EGRESS_URL,
    BUNDLE_HTTP_PROXY: EGRESS_URL,
    BUNDLE_HTTPS_PROXY: EGRESS_URL,
    DOCKER_HTTP_PROXY: EGRESS_URL,
    DOCKER_HTTPS_PROXY: EGRESS_URL,
    NODE_USE_ENV_PROXY: '1',
    ELECTRON_GET_USE_PROXY: 'true',
    JAVA_TOOL_OPTIONS: JAVA,
    MAVEN_OPTS: JAVA,
    GRADLE_OPTS: JAVA,
    CODEX_PROXY_CERT: proxyCertOf(home),
    NODE_EXTRA_CA_CERTS: proxyCertOf(home),
    ...Object.fromEntries(
      [
        'SSL_CERT_FILE',
        'CURL_CA_BUNDLE',
        'REQUESTS_CA_BUNDLE',
        'PIP_CERT',
        'GIT_SSL_CAINFO',
        'CARGO_HTTP_CAINFO',
        'BUNDLE_SSL_CA_CERT',
        'npm_config_cafile',
        'DENO_CERT',
      ].map((name) => [name, bundleOf(home)]),
    ),
  };
}

/**
 * Makes the sandbox trust the proxy's certificate: a bundle for the variables above, and, where root may write
 * them, the system's trust store and Java's. What is there already is left alone.
 */
export function trustScript(home: string): string {
  return String.raw`
set -u
cert='${proxyCertOf(home)}'
bundle='${bundleOf(home)}'
system=
for one in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -s "$one" ]; then system=$one; break; fi
done
if [ ! -s "$bundle" ] || [ "$cert" -nt "$bundle" ]; then
  { if [ -n "$system" ]; then cat "$system"; fi; echo; cat "$cert"; } > "$bundle.new" && mv "$bundle.new" "$bundle"
fi
for anchors in /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors; do
  if [ -d "$anchors" ] && [ -w "$anchors" ] && ! cmp -s "$cert" "$anchors/codex-proxy.crt"; then
    cp "$cert" "$anchors/codex-proxy.crt"
    if command -v update-ca-certificates; then update-ca-certificates
    elif command -v update-ca-trust; then update-ca-trust
    fi
  fi
done
if command -v keytool && ! keytool -list -cacerts -storepass changeit -alias codex-proxy; then
  keytool -importcert -noprompt -trustcacerts -cacerts -storepass changeit -alias codex-proxy -file "$cert"
fi
test -s "$bundle"
`;
}
