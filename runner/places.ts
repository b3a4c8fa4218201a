/** Where this runner's things stand: the usual places, or those that the backend started it with. */
import { PLACES_VARIABLE, USUAL_RUNNER_PLACES } from '../protocol/places.ts';
import type { RunnerPlaces } from '../protocol/places.ts';

export const PLACES = readPlaces(process.env[PLACES_VARIABLE]);

/** Throws on what is malformed: a runner in the wrong place would serve nobody. */
export function readPlaces(text: string | undefined): RunnerPlaces {
  if (text === undefined) return USUAL_RUNNER_PLACES;
  const { run, originPort, egress, pgrep, outsider } = JSON.parse(text) as Partial<RunnerPlaces>;
  if (typeof run !== 'string' || !run.startsWith('/')) throw new Error('no folder to run in');
  if (typeof egress?.host !== 'string' || !isPort(egress.port) || !isPort(originPort))
    throw new Error('no port for origin or the internet proxy');
  if (pgrep !== undefined && (typeof pgrep !== 'string' || !pgrep.startsWith('/')))
    throw new Error('no path of pgrep');
  if (pgrep !== undefined && !(Number.isInteger(outsider) && Number(outsider) > 0))
    throw new Error('no process to tell by that signals are confined');
  return {
    run,
    originPort,
    egress: { host: egress.host, port: egress.port },
    ...(pgrep === undefined ? {} : { pgrep, outsider }),
  };
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}
