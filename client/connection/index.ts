export { connect } from './connection.ts';
export { isFinal } from './state.ts';
export type * from './types.ts';
