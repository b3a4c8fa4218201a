/**
 * How programs in a sandbox find the internet proxy and trust its certificate: by environment. Upper
 * and lower case, since tools disagree; and the variables of those that listen to none of the usual.
 */
import { USUAL_PLACES } from '../../protocol/places.ts';
import type { Places } from '../../protocol/places.ts';

/** The proxy's certificate alone, and the system's bundle with it. Written by `trustScript`. */
export const proxyCertOf = (home: string) => `${home}/.codex/proxy-cert.pem`;
const bundleOf = (home: string) => `${home}/.codex/ca-bundle.pem`;
const LOCAL = 'localhost,127.0.0.1,::1';

const javaOptions = ({ host, port }: Places['egress']) =>
  [
    ...['http', 'https'].flatMap((scheme) => [
      `-D${scheme}.proxyHost=${host}`,
      `-D${scheme}.proxyPort=${port}`,
    ]),
    // Where a port of loopback is all that is allowed, Java's own way to write its address is not it.
    ...(host === '127.0.0.1' ? ['-Djava.net.preferIPv4Stack=true'] : []),
  ].join(' ');
const JAVA_LOCAL = '-Dhttp.nonProxyHosts=localhost|127.*|[::1]';

export function proxyEnvironment(home: string, { egress }: Places = USUAL_PLACES): Record<string, string> {
  const java = javaOptions(egress);
  const both = (name: string, value: string) => ({ [name]: value, [name.toUpperCase()]: value });
  return {
    ...both('http_proxy', egress.url),
    ...both('https_proxy', egress.url),
    ...both('all_proxy', egress.url),
    ...both('no_proxy', LOCAL),
    npm_config_proxy: egress.url,
    npm_config_https_proxy: egress.url,
    npm_config_noproxy: LOCAL,
    YARN_HTTP_PROXY: egress.url,
    YARN_HTTPS_PROXY: egress.url,
    PIP_PROXY: egress.url,
    CARGO_HTTP_PROXY: egress.url,
    BUNDLE_HTTP_PROXY: egress.url,
    BUNDLE_HTTPS_PROXY: egress.url,
    DOCKER_HTTP_PROXY: egress.url,
    DOCKER_HTTPS_PROXY: egress.url,
    NODE_USE_ENV_PROXY: '1',
    ELECTRON_GET_USE_PROXY: 'true',
    JAVA_TOOL_OPTIONS: `${java} ${JAVA_LOCAL}`,
    // Start scripts, those of Gradle before 7 among them, have a shell read these again: no bars in here.
    MAVEN_OPTS: java,
    GRADLE_OPTS: java,
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
