/**
 * The sentences of the product, one place for every client. The backend speaks in codes and
 * parameters; here they become words, through `t`, so that VS Code's l10n can translate them.
 */
export * from './agent.ts';
export * from './apply.ts';
export * from './approvals.ts';
export { nameProblemWords } from './branches.ts';
export * from './changes.ts';
export * from './egress.ts';
export * from './environments.ts';
export * from './errors.ts';
export { FORGE_WHY_WORDS } from './forge.ts';
export * from './internet.ts';
export * from './models.ts';
export * from './pull-request.ts';
export * from './setup.ts';
export * from './tasks.ts';
export * from './terminals.ts';
export * from './units.ts';
export * from './webhooks.ts';
export { english, type Params, type Translate } from './template.ts';
