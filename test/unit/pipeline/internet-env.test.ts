import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyEnvironment } from '../../../server/pipeline/internet-env.ts';

test('what start scripts of build tools hand to a shell once more means nothing to a shell', () => {
  const { GRADLE_OPTS = '', MAVEN_OPTS = '', JAVA_TOOL_OPTIONS = '' } = proxyEnvironment('/root');
  for (const options of [GRADLE_OPTS, MAVEN_OPTS]) {
    assert.match(options, /-Dhttps\.proxyHost=\w/);
    assert.doesNotMatch(options, /[^\w\s.=:/-]/);
  }
  assert.match(JAVA_TOOL_OPTIONS, /-Dhttp\.nonProxyHosts=localhost\|/);
});
