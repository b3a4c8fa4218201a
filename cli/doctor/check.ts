/** One line of the doctor's. */
export interface Check {
  name: string;
  state: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do; empty when all is well. */
  advice: string;
}

export const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail, advice: '' });
export const warn = (name: string, detail: string, advice: string): Check => ({
  name,
  state: 'warn',
  detail,
  advice,
});
export const fail = (name: string, detail: string, advice: string): Check => ({
  name,
  state: 'fail',
  detail,
  advice,
});
