import assert from 'node:assert/strict';
import { atEnd } from '../faults/harness.ts';
import { postgresPrograms, startPostgres } from './postgres.lib.ts';
import { twentyTasks } from './twenty-tasks.lib.ts';

twentyTasks({
  name: 'with PostgreSQL',
  memoryMib: 250,
  env: async (here) => {
    const programs = postgresPrograms();
    assert.ok(programs, 'Install PostgreSQL: apt-get install postgresql');
    return { DATABASE_URL: await startPostgres(programs, here.folder, atEnd) };
  },
});
