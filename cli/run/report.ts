/** What an answer said beside its text, for a person at a terminal: findings, checks, what could follow. Pure. */
import type { RunResult } from '../../protocol/result.ts';
import { tameLine, tameText, type Paint } from '../terminal.ts';

export function reportLines(result: RunResult, colours: Paint): string[] {
  const { findings, verdict, checks, proposal, followUps } = result;
  const parts = [
    findings ? findingLines(findings, verdict, colours) : [],
    checks ? checkLines(checks, colours) : [],
    proposal ? proposalLines(proposal, colours) : [],
    followUpLines(followUps, colours),
  ];
  return parts.flatMap((part) => (part.length === 0 ? [] : [...part, '']));
}

function findingLines(
  findings: NonNullable<RunResult['findings']>,
  verdict: RunResult['verdict'],
  colours: Paint,
): string[] {
  const weights = [colours.red, colours.red, colours.yellow, colours.dim];
  // The gravest first; those of one weight as they were told.
  const sorted = findings.toSorted((one, other) => one.priority - other.priority);
  const told = sorted.flatMap(({ priority, title, path, startLine, endLine, body }) => {
    const lines = startLine === endLine ? `${startLine}` : `${startLine}-${endLine}`;
    const mark = (weights[priority] ?? colours.dim)(`[P${priority}]`);
    return [
      `${mark} ${tameLine(title)} ${colours.dim(`${tameLine(path)}:${lines}`)}`,
      ...(body === '' ? [] : indented(body)),
    ];
  });
  const end = verdict
    ? [verdictLine(verdict, colours), ...(verdict.explanation === '' ? [] : indented(verdict.explanation))]
    : [];
  return [colours.bold('Findings'), ...(told.length === 0 ? ['None.'] : told), ...end];
}

function verdictLine({ correct }: NonNullable<RunResult['verdict']>, colours: Paint): string {
  return correct ? colours.green('✓ Correct as it stands') : colours.red('✗ Not correct as it stands');
}

function checkLines(checks: NonNullable<RunResult['checks']>, colours: Paint): string[] {
  const marks = {
    passed: colours.green('✓'),
    failed: colours.red('✗'),
    notRun: colours.yellow('– not run:'),
  };
  return [
    colours.bold('Checks'),
    ...checks.map(({ command, outcome, note }) => {
      const more = note === undefined || note === '' ? '' : colours.dim(` ${tameLine(note)}`);
      return `${marks[outcome]} ${tameLine(command)}${more}`;
    }),
  ];
}

function proposalLines({ title, body }: NonNullable<RunResult['proposal']>, colours: Paint): string[] {
  return [colours.bold('Pull request'), tameLine(title), ...(body === '' ? [] : indented(body))];
}

function followUpLines(followUps: RunResult['followUps'], colours: Paint): string[] {
  if (followUps.length === 0) return [];
  const lines = followUps.flatMap(({ title, prompt }, index) => [
    `${index + 1}. ${tameLine(title)}`,
    ...indented(prompt),
  ]);
  return [colours.bold('What could follow'), ...lines];
}

function indented(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `   ${tameText(line)}`);
}
