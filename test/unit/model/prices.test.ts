/** What a turn cost by the owner's prices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_USAGE } from '../../../protocol/events.ts';
import { costUsd } from '../../../server/model/prices.ts';

const usage = {
  ...NO_USAGE,
  inputTokens: 1_000_000,
  cachedInputTokens: 600_000,
  outputTokens: 50_000,
  reasoningTokens: 40_000,
};

test('cached input has its own price, and reasoning is counted with the output once', () => {
  const prices = { inputPerMillion: 10, cachedInputPerMillion: 1, outputPerMillion: 40 };
  assert.equal(costUsd(usage, prices), 4 + 0.6 + 2);
});

test('without a price for cached input it costs what input costs', () => {
  assert.equal(costUsd(usage, { inputPerMillion: 10, outputPerMillion: 0 }), 10);
});

test('nothing is invented where no prices are written, and free is free', () => {
  assert.equal(costUsd(usage, undefined), undefined);
  assert.equal(costUsd(usage, { inputPerMillion: 0, outputPerMillion: 0 }), 0);
});

test('a server that counts more cached tokens than there were makes nothing cheaper than free', () => {
  const odd = { ...NO_USAGE, inputTokens: 10, cachedInputTokens: 1_000_000 };
  assert.equal(costUsd(odd, { inputPerMillion: 1_000_000, outputPerMillion: 0 }), 10);
});
