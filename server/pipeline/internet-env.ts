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
# What Debian's own tool comes to, without its thousand processes; to replace an older one it is needed.
debian=/usr/local/share/ca-certificates
if [ -d "$debian" ] && [ -w "$debian" ] && ! cmp -s "$cert" "$debian/codex-proxy.crt"; then
  if [ -s /etc/ssl/certs/ca-certificates.crt ] && [ ! -e "$debian/codex-proxy.crt" ] &&
    hash=$(openssl x509 -noout -subject_hash -in "$cert"); then
    cp "$cert" "$debian/codex-proxy.crt"
    cd /etc/ssl/certs
    n=0
    while [ -e "$hash.$n" ]; do n=$((n + 1)); done
    ln -s "$debian/codex-proxy.crt" codex-proxy.pem && ln -s codex-proxy.pem "$hash.$n"
    cat ca-certificates.crt "$cert" > codex-proxy.new && mv codex-proxy.new ca-certificates.crt
  else
    cp "$cert" "$debian/codex-proxy.crt"
    # It looks at names alone: a link that is there already keeps the old one's hash.
    rm -f /etc/ssl/certs/codex-proxy.pem
    if command -v update-ca-certificates; then update-ca-certificates; fi
  fi
fi
redhat=/etc/pki/ca-trust/source/anchors
if [ -d "$redhat" ] && [ -w "$redhat" ] && ! cmp -s "$cert" "$redhat/codex-proxy.crt"; then
  cp "$cert" "$redhat/codex-proxy.crt"
  if command -v update-ca-trust; then update-ca-trust; fi
fi
# Java's own store, where it can be written: each look into it starts a machine of its own.
java='${home}/.codex/proxy-cert.java'
keytool=$(command -v keytool) && store=$(dirname "$(dirname "$(readlink -f "$keytool")")")/lib/security/cacerts
if [ -n "$keytool" ] && [ -w "$store" ] && ! cmp -s "$cert" "$java"; then
  into() { keytool "$@" -cacerts -storepass changeit -alias codex-proxy; }
  into -importcert -noprompt -trustcacerts -file "$cert" ||
    { into -delete && into -importcert -noprompt -trustcacerts -file "$cert"; }
  if [ $? = 0 ]; then cp "$cert" "$java"; fi
fi
test -s "$bundle"
`;
}
